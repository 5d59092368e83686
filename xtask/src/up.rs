//! `cargo xtask up`: a cluster with everything that the demo needs, except Ingraft itself.

use ingraft_testkit::{Cluster, NodeTools, Progress, images, install_collector};

/// The name of the demo's cluster.
pub const CLUSTER: &str = "ingraft";

/// Starts the cluster, or takes the one that runs, with images and Collector.
///
/// # Errors
/// Says what is missing on this machine, or which component failed and what it logged.
pub fn up(progress: Progress) -> anyhow::Result<Cluster> {
    let tools = NodeTools::prepare(progress)?;
    let cache = tools.control_plane().cache();
    let images = [
        images::flask_app(cache, progress)?,
        images::python_agent(cache, progress)?,
        images::collector(cache, progress)?,
    ];
    let cluster = Cluster::up(CLUSTER, &tools, progress)?;
    progress.step("loading images", || images.iter().try_for_each(|image| cluster.load_image(image)))?;
    install_collector(&cluster, progress)?;
    Ok(cluster)
}

/// Prints how to reach the cluster, in a form that a shell can evaluate.
pub fn print_access(cluster: &Cluster) {
    println!("export KUBECONFIG={}", cluster.kubeconfig().display());
    println!("export PATH={}:$PATH", cluster.programs().display());
}
