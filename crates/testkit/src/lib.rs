//! A real Kubernetes for tests and demos, from package registries alone: no Docker, no downloads of images.
//!
//! ```text
//!  Tools ──► ControlPlane    etcd, API server, controllers on loopback; pods stay Pending
//!    │
//!  NodeTools ──► Cluster     the same plus a node, in a network and a mount namespace of its own
//!                   ▲
//!  Recipe ──► Image ┘        docker-archive files, loaded without a registry
//! ```
//!
//! Everything blocks: the callers are tests and `xtask`, which have nothing else to do meanwhile.
//! What takes long to build is kept in a [`Cache`] and announced through [`Progress`].

mod background;
mod cache;
mod collector;
mod command;
mod control_plane;
mod credentials;
mod image;
pub mod images;
pub mod ingraft;
mod kubectl;
mod node;
mod process;
pub mod programs;
mod progress;
mod tools;

pub use background::Background;
pub use cache::Cache;
pub use collector::{Span, install_collector, received_spans};
pub use control_plane::ControlPlane;
pub use image::{Image, Recipe};
pub use kubectl::Kubectl;
pub use node::Cluster;
pub use process::free_ports;
pub use progress::Progress;
pub use tools::{Kubernetes, NodeTools, Tools, kubelet_environment};
