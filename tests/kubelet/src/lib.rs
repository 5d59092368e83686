//! The simulated environment of containers against the kubelet's own function.
//!
//! ```text
//!  generate ──► Case ─┬─► kubelet    what it sets (crates/testkit/go/kubernetes/kubelet-environment)
//!                     └─► core::environment, with everything known, and with parts hidden
//! ```
//!
//! `INGRAFT_SEED` repeats a run, `INGRAFT_CASES` sets the number of containers.

#[cfg(test)]
mod case;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod knowledge;
#[cfg(test)]
mod kubelet;
