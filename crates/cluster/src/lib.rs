//! Fills the core's plain structs: from documents, by asking the API server once, and by watching it. Holds what the
//! parts of the operator share.
//!
//! All three take objects up through `learn`, so that they know the same of the same objects.

pub mod api;
pub mod attempts;
pub mod authority;
pub mod budgets;
pub mod client;
pub mod clock;
mod collectors;
pub mod documents;
pub mod error_chain;
pub mod facts;
pub mod fetched_sources;
pub mod guards;
mod learn;
pub mod pods;
pub mod readiness;
pub mod recent;
pub mod reference_lookup;
pub mod report;
pub mod slim;
pub mod survey;
pub mod watch;
pub mod webhook_paths;
pub mod workloads;
pub mod yaml_lines;
