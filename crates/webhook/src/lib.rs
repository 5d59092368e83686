//! Answers admission reviews of the API server: reads a review, asks the core, writes a patch.
//!
//! Every review is allowed: a pod is never refused, whatever is in it and whatever goes wrong here. Nothing is asked
//! of the API server while a review waits; what is known comes from watches.

mod bind;
mod default_instrumentation;
mod leaf;
mod limits;
mod metrics;
mod mutate_pod;
mod review;
mod review_instrumentation;
mod review_workload;
mod router;
mod self_test;
mod server;
mod trimmed;
mod warn;

pub use bind::Bind;
pub use leaf::{Error, LeafResolver};
pub use metrics::Metrics;
pub use router::{Context, router};
pub use server::Server;
