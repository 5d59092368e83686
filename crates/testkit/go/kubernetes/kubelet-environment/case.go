package main

import (
	"fmt"
	"os"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/volume"
)

// environmentCase is one container and all that its environment depends on.
type environmentCase struct {
	Pod v1.Pod `json:"pod"`
	// Container is the name of a container or init container of the pod.
	Container string `json:"container"`
	// ConfigMaps, Secrets and Services are all that exist.
	ConfigMaps []v1.ConfigMap `json:"configMaps"`
	Secrets    []v1.Secret    `json:"secrets"`
	Services   []*v1.Service  `json:"services"`
	// Node is the one that the pod runs on.
	Node v1.Node `json:"node"`
	// Files holds the contents of files, by volume and path.
	Files map[string]map[string]string `json:"files"`
}

func (c *environmentCase) container() (*v1.Container, error) {
	for _, containers := range [][]v1.Container{c.Pod.Spec.Containers, c.Pod.Spec.InitContainers} {
		for index := range containers {
			if containers[index].Name == c.Container {
				return &containers[index], nil
			}
		}
	}
	return nil, fmt.Errorf("the pod has no container %s", c.Container)
}

// volumes are in subfolders of a folder.
func (c *environmentCase) volumes(folder string) kubecontainer.VolumeMap {
	volumes := kubecontainer.VolumeMap{}
	for name, files := range c.Files {
		volume := mountedVolume{folder: filepath.Join(folder, name), files: files}
		volumes[name] = kubecontainer.VolumeInfo{Mounter: volume}
	}
	return volumes
}

// configMaps is the kubelet's view of ConfigMaps.
type configMaps struct{ *environmentCase }

func (c configMaps) GetConfigMap(namespace, name string) (*v1.ConfigMap, error) {
	for index := range c.ConfigMaps {
		if object := &c.ConfigMaps[index]; object.Namespace == namespace && object.Name == name {
			return object, nil
		}
	}
	return nil, apierrors.NewNotFound(v1.Resource("configmaps"), name)
}

func (configMaps) RegisterPod(*v1.Pod)   {}
func (configMaps) UnregisterPod(*v1.Pod) {}

// secrets is the kubelet's view of Secrets.
type secrets struct{ *environmentCase }

func (c secrets) GetSecret(namespace, name string) (*v1.Secret, error) {
	for index := range c.Secrets {
		if object := &c.Secrets[index]; object.Namespace == namespace && object.Name == name {
			return object, nil
		}
	}
	return nil, apierrors.NewNotFound(v1.Resource("secrets"), name)
}

func (secrets) RegisterPod(*v1.Pod)   {}
func (secrets) UnregisterPod(*v1.Pod) {}

// services is the kubelet's view of Services.
type services struct{ *environmentCase }

func (c services) List(labels.Selector) ([]*v1.Service, error) {
	return c.Services, nil
}

// mountedVolume is a volume of which only the files matter.
type mountedVolume struct {
	volume.Mounter
	folder string
	files  map[string]string
}

// GetPath is asked only where a file is needed, and writing them takes longer than all else.
func (v mountedVolume) GetPath() string {
	for path, content := range v.files {
		file := filepath.Join(v.folder, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			panic(err)
		}
	}
	return v.folder
}
