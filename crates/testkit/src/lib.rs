//! A real Kubernetes for tests and demos, built from package registries alone.
//!
//! It exists because no image can be downloaded where CI runs, and there is no Docker. Where both are possible, kind or
//! k3s does what a [`Node`] does: [`Existing`] is such a cluster.
//!
//! ```text
//!  Tools ──► ControlPlane     etcd, API server, controllers on loopback; pods stay Pending
//!    │
//!  NodeTools ──► Node ────┐   the same plus a node, in a network and a mount namespace of its own
//!                         ├─► Cluster
//!            Existing ────┘   whatever INGRAFT_KUBECONFIG names
//!                         ▲
//!  Recipe ──► Image ──────┘   docker-archive files, loaded without a registry
//! ```
//!
//! Everything blocks: the callers are tests and `xtask`, which have nothing else to do meanwhile.
//! What takes long to build is kept in a [`Cache`] and announced through [`Progress`].

mod background;
mod cache;
mod cluster;
mod collector;
mod command;
mod control_plane;
mod creator;
mod credentials;
mod existing;
mod image;
pub mod images;
pub mod ingraft;
mod kubectl;
mod node;
pub mod prerequisites;
mod process;
pub mod programs;
mod progress;
mod tools;

pub use background::Background;
pub use cache::Cache;
pub use cluster::Cluster;
pub use collector::{Span, install_collector, received_spans};
pub use control_plane::ControlPlane;
pub use creator::Creator;
pub use existing::Existing;
pub use image::{Image, Recipe};
pub use kubectl::Kubectl;
pub use node::Node;
pub use process::free_ports;
pub use progress::Progress;
pub use tools::{Kubernetes, NodeTools, Tools, dashboard_check, ensure_prometheus, kubelet_environment};
