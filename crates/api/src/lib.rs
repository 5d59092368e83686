//! What users of Ingraft write: the `Instrumentation` custom resource and the annotations on pods and
//! namespaces, as types.
//!
//! Types only: reading and deciding happen in `ingraft-core`, fetching in `ingraft-cluster`.

pub mod annotations;
pub mod instrumentation;
mod language;
pub mod plan;
mod schema;

pub use instrumentation::{Instrumentation, InstrumentationSpec};
pub use language::Language;
pub use schema::structural;
