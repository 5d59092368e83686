//! Answers admission reviews of the API server: reads a review, asks the core, writes a patch.
//!
//! Every review is allowed: a pod is never refused, whatever is in it and whatever goes wrong here. Nothing is asked
//! of the API server while a review waits; what is known comes from watches.

mod authority;
mod default_instrumentation;
mod listener;
mod metrics;
mod mutate_pod;
mod report;
mod review;
mod review_instrumentation;
mod router;

pub use authority::{Authority, Error, LeafResolver};
pub use listener::TlsListener;
pub use metrics::Metrics;
pub use report::{Report, Reports};
pub use router::{Context, INSTRUMENTATION_PATH, INSTRUMENTATION_WARNINGS_PATH, POD_PATH, router};
