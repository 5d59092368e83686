//! Fills the core's plain structs: from manifests, from watches on the API server, from command lines. Holds
//! what the parts of the operator share.

pub mod authority;
pub mod client;
pub mod error_chain;
pub mod existence;
pub mod facts;
pub mod live;
pub mod locate;
pub mod manifests;
pub mod readiness;
pub mod report;
mod settings_args;
pub mod watch;
pub mod webhook_paths;

pub use settings_args::{SettingsArgs, registry};
