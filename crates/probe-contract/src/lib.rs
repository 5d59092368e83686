//! What the core and the probe must agree on, each thing stated once.
//!
//! The core writes a [`Command`] into the pod, the probe parses it; both merge variables with [`Join`]; the probe ends
//! with a [`Report`], from which the core learns. Copier and probe come from one image, so no version of the command
//! line has to be understood by another.

mod attributes;
mod command;
mod file;
mod join;
mod names;
mod report;

pub use command::{AgentRules, Check, Cloning, Command, Error, Install, Plan, Rule};
pub use file::{LONGEST_LINE, LONGEST_VALUE, Refusal, append, writable};
pub use join::{Join, Unless};
pub use names::{Agent, Libc, observed_variables, yields_to_image};
pub use report::{ImageFacts, Omitted, Report, StandDown};

/// The program's name, in our image and in the volume into which the copier puts it.
pub const PROGRAM: &str = "ingraft-probe";

/// Where the kubelet looks for a container's termination message, unless the container says otherwise.
pub const MESSAGE: &str = "/dev/termination-log";

/// The longest report, in bytes, unless the plan sets a lower limit.
pub const MESSAGE_LIMIT: usize = 1024;
