//! Decides what is injected into a pod, and why not.
//!
//! Everything here is a total function from plain data to edits and findings: no network, no files, no clock, no
//! randomness. The webhook and the command line call the same functions, so they give the same answers.
//!
//! ```text
//!  pod, namespace, owners ─┐
//!  Snapshot ───────────────┼─► inject ─► edits (RFC 6902) + findings
//!  Settings ───────────────┘
//! ```

pub mod admission_path;
pub mod crash;
pub mod defaulting;
mod defaults;
mod destination;
pub mod doctor;
pub mod edit;
mod endpoint;
pub mod endpoint_probe;
pub mod environment;
pub mod explanation;
pub mod facts;
pub mod finding;
mod fnv;
pub mod guard;
mod halts;
pub mod healing;
mod image;
pub mod inject;
pub mod instrumentation_status;
mod json;
mod limit_range;
pub mod node;
pub mod owner;
pub mod policies;
pub mod probe_report;
mod quantity;
pub mod refusal;
mod review;
pub mod settings;
pub mod snapshot;
mod spelling;
pub mod standby;
pub mod standing;
pub mod trace;
pub mod upgrade;
mod variables;
pub mod workload;

pub use edit::Edit;
pub use endpoint::{GRPC_PORT, HTTP_PORT};
pub use facts::Facts;
pub use finding::{Finding, Locale, Reason, Severity, Subject};
pub use guard::{Guard, Guards};
pub use halts::{Halt, Halts};
pub use image::ImageReference;
pub use ingraft_probe_contract::ImageFacts;
pub use inject::{Decision, Injected, Outcome, Request, canary, inject, injected, references};
pub use limit_range::LimitRange;
pub use node::{Node, NodeClass};
pub use owner::{Owner, OwnerKind, WorkloadRef};
pub use refusal::{Attempt, Refusal, Refusals, Verdict};
pub use review::review;
pub use settings::{EnvProbe, Heal, Mode, Settings};
pub use snapshot::{Keys, Namespace, Objects, PodSecurity, ReferenceKind, Snapshot};
pub use standing::{RunningPod, Standing};
pub use upgrade::{Upgrade, upgrade};
pub use workload::{Workload, advise, unused_annotations};
