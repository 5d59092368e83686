//! Fills the core's plain structs: from documents, by asking the API server once, and by watching it.
//!
//! All three take objects up through [`learn`], so that they know the same of the same objects.

pub mod api;
pub mod cause;
pub mod documents;
pub mod facts;
pub mod fetched_sources;
mod learn;
pub mod reference_lookup;
mod slim;
pub mod watch;
pub mod yaml_lines;
