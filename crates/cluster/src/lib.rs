//! Fills the core's plain structs: from manifests, from watches on the API server, from command lines.

pub mod cause;
pub mod existence;
pub mod facts;
pub mod live;
pub mod locate;
pub mod manifests;
mod settings_args;
pub mod watch;

pub use settings_args::{SettingsArgs, registry};
