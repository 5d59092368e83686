//! The files that the node's components read.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::cgroups;
use crate::NodeTools;
use crate::credentials::Credentials;
use crate::images::PAUSE;

/// The addresses of pods. The same in every cluster, which share no network.
const POD_NETWORK: &str = "10.244.0.0/24";

/// Where cluster DNS answers.
pub(super) const DNS_SERVICE: &str = "10.96.0.10";

/// containerd's socket, as seen inside the cluster's mount namespace.
pub(super) const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";

/// The files of one cluster.
pub(super) struct Files {
    pub(super) containerd: PathBuf,
    pub(super) kubelet: PathBuf,
    pub(super) kube_proxy: PathBuf,
    pub(super) isolate: PathBuf,
}

/// Writes everything into `folder`.
pub(super) fn write(
    folder: &Path,
    cluster: &str,
    node: IpAddr,
    credentials: &Credentials,
    tools: &NodeTools,
) -> anyhow::Result<Files> {
    let networks = folder.join("networks");
    fs::create_dir_all(&networks)?;
    let resolver = folder.join("resolv.conf");
    let files = Files {
        containerd: folder.join("containerd.toml"),
        kubelet: folder.join("kubelet.json"),
        kube_proxy: folder.join("kube-proxy.json"),
        isolate: folder.join("isolate.sh"),
    };
    let put = |path: &Path, content: String| {
        fs::write(path, content).with_context(|| format!("write {}", path.display()))
    };
    put(&files.containerd, containerd(folder, &networks, tools.plugins()))?;
    put(&networks.join("pods.conflist"), format!("{:#}\n", network(&folder.join("addresses"))))?;
    // For pods that ask for the node's resolver: there is nothing to ask outside the cluster.
    put(&resolver, format!("nameserver {DNS_SERVICE}\n"))?;
    put(&files.kubelet, format!("{:#}\n", kubelet(cluster, node, &resolver, credentials)))?;
    put(&files.kube_proxy, format!("{:#}\n", kube_proxy(cluster, credentials)))?;
    put(&files.isolate, include_str!("isolate.sh").to_owned())?;
    Ok(files)
}

fn containerd(folder: &Path, networks: &Path, plugins: &Path) -> String {
    let root = toml(&folder.join("containerd"));
    let networks = toml(networks);
    let plugins = toml(plugins);
    format!(
        r#"version = 3
root = {root}
state = "/run/containerd"
# Both use a path of the machine, or what this kernel may lack.
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.devmapper"]

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{PAUSE}"

[plugins.'io.containerd.cri.v1.runtime']
netns_mounts_under_state_dir = true
# Root without CAP_SYS_RESOURCE, as in many sandboxes, cannot protect pods better than itself.
restrict_oom_score_adj = true

# A handler of another name, as if its containers were virtual machines.
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.kata]
runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = [{plugins}]
conf_dir = {networks}
"#
    )
}

/// A TOML string; JSON's escapes are also TOML's.
fn toml(path: &Path) -> String {
    json!(path).to_string()
}

/// Point-to-point links instead of a bridge: packets between pods of one node pass the node's own rules,
/// which a bridge needs a kernel module for.
fn network(addresses: &Path) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": false,
                "ipam": {
                    "type": "host-local",
                    "dataDir": addresses,
                    "ranges": [[{ "subnet": POD_NETWORK }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    })
}

fn kubelet(cluster: &str, node: IpAddr, resolver: &Path, credentials: &Credentials) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node,
        "authentication": { "x509": { "clientCAFile": credentials.authority() } },
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroups::name(cluster),
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": format!("unix://{CONTAINERD_SOCKET}"),
        "enforceNodeAllocatable": [],
        // The machine's disk is not ours to judge.
        "evictionHard": {
            "imagefs.available": "0%", "imagefs.inodesFree": "0%", "memory.available": "0%",
            "nodefs.available": "0%", "nodefs.inodesFree": "0%",
        },
        "failCgroupV1": false,
        "failSwapOn": false,
        // Images cannot be fetched again, so none may be collected.
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": false,
        "readOnlyPort": 0,
        "resolvConf": resolver,
    })
}

fn kube_proxy(cluster: &str, credentials: &Credentials) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": { "kubeconfig": credentials.kubeconfig() },
        "clusterCIDR": POD_NETWORK,
        // The limits belong to the machine.
        "conntrack": { "maxPerCore": 0, "min": 0 },
        "hostnameOverride": cluster,
        "mode": "iptables",
        "nodePortAddresses": ["primary"],
    })
}
