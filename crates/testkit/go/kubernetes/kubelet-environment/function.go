//go:build !oldest

package main

import (
	"context"
	_ "unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/kubelet"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
)

// The function under test. The compiler does not compare this declaration with the function's own in
// pkg/kubelet/kubelet_pods.go: look at it when the version of Kubernetes changes.
//
//go:linkname makeEnvironmentVariables k8s.io/kubernetes/pkg/kubelet.(*Kubelet).makeEnvironmentVariables
func makeEnvironmentVariables(
	kl *kubelet.Kubelet,
	ctx context.Context,
	pod *v1.Pod,
	container *v1.Container,
	podIP string,
	podIPs []string,
	podVolumes kubecontainer.VolumeMap,
) ([]kubecontainer.EnvVar, error)
