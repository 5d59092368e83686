//! The command lines of the control plane, the same with and without a node.

use std::net::IpAddr;
use std::path::Path;

use crate::Tools;
use crate::credentials::Credentials;
use crate::process::Program;

/// The first address of the Service range, which the API server's own Service gets.
pub(crate) const KUBERNETES_SERVICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 96, 0, 1));

/// Where the parts listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// What the API server binds to.
    pub(crate) bind: IpAddr,
    /// Where pods find the API server; never a loopback address, which Endpoints may not hold.
    pub(crate) advertise: IpAddr,
    pub(crate) secure_port: u16,
    pub(crate) etcd_client_port: u16,
    pub(crate) etcd_peer_port: u16,
}

pub(crate) fn etcd(tools: &Tools, data: &Path, at: Addresses) -> Program {
    let client = format!("http://127.0.0.1:{}", at.etcd_client_port);
    let peer = format!("http://127.0.0.1:{}", at.etcd_peer_port);
    let mut program = Program::new("etcd", tools.etcd())
        .flag("data-dir", data)
        .flag("listen-client-urls", &client)
        .flag("advertise-client-urls", &client)
        .flag("listen-peer-urls", &peer)
        .flag("initial-advertise-peer-urls", &peer)
        .flag("initial-cluster", format!("default={peer}"))
        // A single member has nobody to wait for before it elects itself.
        .flag("heartbeat-interval", "20")
        .flag("election-timeout", "100");
    // The data lives as long as the cluster: nothing to keep over a power cut.
    program.arguments.push("--unsafe-no-fsync".into());
    program
}

pub(crate) fn api_server(tools: &Tools, credentials: &Credentials, at: Addresses) -> Program {
    Program::new("kube-apiserver", tools.kubernetes("kube-apiserver"))
        .flag("etcd-servers", format!("http://127.0.0.1:{}", at.etcd_client_port))
        .flag("bind-address", at.bind.to_string())
        .flag("advertise-address", at.advertise.to_string())
        .flag("secure-port", at.secure_port.to_string())
        .flag("tls-cert-file", credentials.path("apiserver.crt"))
        .flag("tls-private-key-file", credentials.path("apiserver.key"))
        .flag("client-ca-file", credentials.authority())
        .flag("token-auth-file", credentials.tokens())
        .flag("authorization-mode", "Node,RBAC")
        .flag("allow-privileged", "true")
        .flag("service-cluster-ip-range", "10.96.0.0/16")
        .flag("service-account-issuer", "https://kubernetes.default.svc.cluster.local")
        .flag("service-account-key-file", credentials.path("service-account.pub"))
        .flag("service-account-signing-key-file", credentials.path("service-account.key"))
        .flag("kubelet-client-certificate", credentials.path("kubelet-client.crt"))
        .flag("kubelet-client-key", credentials.path("kubelet-client.key"))
        .flag("kubelet-preferred-address-types", "InternalIP")
        // Asks etcd for progress that Debian's etcd 3.4 does not report, and logs that every second.
        .flag("feature-gates", "SizeBasedListCostEstimate=false")
}

pub(crate) fn controller_manager(tools: &Tools, credentials: &Credentials) -> Program {
    Program::new("kube-controller-manager", tools.kubernetes("kube-controller-manager"))
        .flag("kubeconfig", credentials.kubeconfig())
        .flag("use-service-account-credentials", "true")
        .flag("service-account-private-key-file", credentials.path("service-account.key"))
        .flag("root-ca-file", credentials.authority())
        .flag("cluster-signing-cert-file", credentials.authority())
        .flag("cluster-signing-key-file", credentials.authority_key())
        .flag("leader-elect", "false")
        // The default of 20 a second makes the first look at every kind of object take five seconds.
        .flag("kube-api-qps", "500")
        .flag("kube-api-burst", "1000")
        // Serves nothing, so it needs no port.
        .flag("secure-port", "0")
}

pub(crate) fn scheduler(tools: &Tools, credentials: &Credentials) -> Program {
    Program::new("kube-scheduler", tools.kubernetes("kube-scheduler"))
        .flag("kubeconfig", credentials.kubeconfig())
        .flag("leader-elect", "false")
        .flag("secure-port", "0")
}
