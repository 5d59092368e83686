//! The demo's cluster: its name, and how to reach it.

use ingraft_testkit::Cluster;

/// The name of the demo's cluster.
pub const CLUSTER: &str = "ingraft";

/// Prints how to reach the cluster, in a form that a shell can evaluate.
pub fn print_access(cluster: &Cluster) {
    println!("export KUBECONFIG={}", cluster.kubeconfig().display());
    println!("export PATH={}:$PATH", cluster.programs().display());
}
