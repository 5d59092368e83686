//go:build oldest

package main

import (
	"context"
	_ "unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/kubelet"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
)

// The function under test, as the oldest version declares it: without a context.
func makeEnvironmentVariables(
	kl *kubelet.Kubelet,
	_ context.Context,
	pod *v1.Pod,
	container *v1.Container,
	podIP string,
	podIPs []string,
	podVolumes kubecontainer.VolumeMap,
) ([]kubecontainer.EnvVar, error) {
	return withoutContext(kl, pod, container, podIP, podIPs, podVolumes)
}

//go:linkname withoutContext k8s.io/kubernetes/pkg/kubelet.(*Kubelet).makeEnvironmentVariables
func withoutContext(
	kl *kubelet.Kubelet,
	pod *v1.Pod,
	container *v1.Container,
	podIP string,
	podIPs []string,
	podVolumes kubecontainer.VolumeMap,
) ([]kubecontainer.EnvVar, error)
