//! The operator and a real API server, without a node: pods are admitted and never run.
//!
//! The operator runs outside the cluster with the permissions of its ServiceAccount, and is registered by URL.
//! There are three control planes:
//!
//! ```text
//!  cluster::shared()     one operator for all tests, at the same time; each uses namespaces of its own
//!  cluster::exclusive()  two, for one test each at a time, which starts the operator itself: for tests that count
//!                        the API server's calls, need to know every object, or take something away
//! ```

#[cfg(test)]
mod admission_path;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod healing;
#[cfg(test)]
mod hints;
#[cfg(test)]
mod http;
#[cfg(test)]
mod instrumentation;
#[cfg(test)]
mod leader;
#[cfg(test)]
mod mode;
#[cfg(test)]
mod monitoring;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod page;
#[cfg(test)]
mod pods;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod readiness;
#[cfg(test)]
mod references;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod seen;
#[cfg(test)]
mod server;
#[cfg(test)]
mod standby;
#[cfg(test)]
mod strict;
#[cfg(test)]
mod stripped;
#[cfg(test)]
mod troubleshooting;
#[cfg(test)]
mod upgrades;
#[cfg(test)]
mod validation;
#[cfg(test)]
mod wait;
#[cfg(test)]
mod warnings;
