package main

import (
	"context"
	"fmt"
	"reflect"
	"unsafe"

	"k8s.io/apimachinery/pkg/types"
	clientset "k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/kubelet"
)

// environment asks the kubelet. The folder is for files.
func (c *environmentCase) environment(folder string) (map[string]string, error) {
	container, err := c.container()
	if err != nil {
		return nil, err
	}
	volumes := c.volumes(folder)
	kl, err := c.kubelet()
	if err != nil {
		return nil, err
	}
	var podIPs []string
	for _, address := range c.Pod.Status.PodIPs {
		podIPs = append(podIPs, address.IP)
	}
	variables, err := makeEnvironmentVariables(kl, context.Background(), &c.Pod, container, c.Pod.Status.PodIP, podIPs, volumes)
	if err != nil {
		return nil, err
	}
	environment := make(map[string]string, len(variables))
	for _, variable := range variables {
		if _, twice := environment[variable.Name]; twice {
			return nil, fmt.Errorf("the kubelet sets %s twice", variable.Name)
		}
		environment[variable.Name] = variable.Value
	}
	return environment, nil
}

// kubelet makes one that has what its function looks at, and nothing else.
func (c *environmentCase) kubelet() (*kubelet.Kubelet, error) {
	nodes := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	if err := nodes.Add(&c.Node); err != nil {
		return nil, err
	}
	kl := &kubelet.Kubelet{}
	for name, value := range map[string]any{
		// Never called: that there is one tells that there is an API server.
		"kubeClient":       &clientset.Clientset{},
		"nodeName":         types.NodeName(c.Node.Name),
		"nodeLister":       corelisters.NewNodeLister(nodes),
		"configMapManager": configMaps{c},
		"secretManager":    secrets{c},
		"serviceLister":    services{c},
		"serviceHasSynced": cache.InformerSynced(func() bool { return true }),
	} {
		field := reflect.ValueOf(kl).Elem().FieldByName(name)
		if !field.IsValid() {
			return nil, fmt.Errorf("the kubelet has no field %s", name)
		}
		reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.ValueOf(value))
	}
	return kl, nil
}
