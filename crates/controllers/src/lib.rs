//! What the operator keeps up to date in the cluster: its registration with the API server, its certificate
//! authority, the default images in Instrumentations, and the Events that tell users what was found.
//!
//! What all replicas share is written by the leader alone, but for the keys of `ingraft-facts` that each replica has to
//! write: what it alone has learnt.

mod admission_path;
mod authority;
mod canary;
mod crash_guard;
mod endpoints;
mod events;
mod facts;
#[cfg(test)]
mod fake_api;
mod fleet;
mod halts;
mod healing;
mod leader;
mod pods;
mod refusals;
mod registration;
mod repeats;
mod standby;
mod status;
mod strict;
mod trials;
mod upgrades;
mod workloads;

pub use admission_path::SelfTest;
use kube::api::PatchParams;

pub use authority::follow_authority;
pub use canary::prove_nodes;
pub use crash_guard::CrashGuard;
pub use endpoints::{has_no_address, try_endpoints};
pub use events::publish_events;
pub use facts::{follow_memory, save_memory, take_over_memory};
pub use fleet::Fleet;
pub use halts::keep_halts;
pub use healing::heal;
pub use ingraft_api::instrumentation::WorkloadCounts;
pub use leader::{Candidate, Leadership, identity as leader_identity};
pub use pods::watch_pods;
pub use refusals::watch_refusals;
pub use registration::{Address, Registration, keep_unregistered};
pub use standby::{Standby, end_standby};
pub use status::keep_status;
pub use strict::watch_strict_pods;
pub use trials::Trials;
pub use upgrades::upgrade_images;
pub use workloads::Workloads;

/// The field manager of everything that is applied.
const FIELD_MANAGER: &str = "ingraft-operator";

/// Who writes on workloads, as `metadata.managedFields` have it. Flux takes back what a manager does whose name begins with
/// `kubectl`: <https://fluxcd.io/flux/faq/#why-are-kubectl-edits-rolled-back-by-flux>.
const HEALER: &str = "ingraft-heal";

/// How workloads are patched.
fn as_healer() -> PatchParams {
    PatchParams { field_manager: Some(HEALER.to_owned()), ..PatchParams::default() }
}

/// The name of the operator's Deployment, Service, ClusterRole and Lease.
pub const NAME: &str = "ingraft-operator";

/// The name of the webhook configurations. The API server asks them in the order of their names
/// (<https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>): last, so that this
/// one sees what others have done to a pod, and few can undo what it does.
const CONFIGURATION: &str = "zz-ingraft-operator";

/// Something could not be kept up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Secret with the certificate authority.
    #[error("failed to keep the certificate authority in Secret {namespace}/{name}")]
    AuthoritySecret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// A certificate.
    #[error("failed to make a certificate authority")]
    Certificate(#[from] ingraft_cluster::authority::Error),
    /// The registration cannot be written because it does not exist.
    #[error("{kind} {name} is missing: apply the operator's manifests again")]
    Missing {
        /// The kind.
        kind: &'static str,
        /// The name.
        name: &'static str,
    },
    /// The registration.
    #[error("failed to apply {kind} {name}")]
    Apply {
        /// The kind.
        kind: &'static str,
        /// The name.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
}
