//! Changes the text of one YAML or JSON document and leaves every other byte as it was: comments, blank lines, quotes,
//! indentation, line ends.
//!
//! ```text
//!  text ──► tree (what the parser says, with places) ─┐
//!  value before ──────────────────────────────────────┼─► rewrite ──► splices ──► new text ──► read again, compared
//!  value after ───────────────────────────────────────┘  (block, flow)
//! ```
//!
//! The answer is right or none: the new text is read again, and unless it says exactly what was asked for, nothing is
//! changed.
//!
//! Where the pieces of a document begin and end is said by `granit-parser`, the parser within `serde-saphyr`, so that the
//! places belong to the same reading of the text as the values, and nothing is added to what is compiled; `serde-saphyr`
//! writes what is new. An editor of its own kind, `yaml-edit`, was tried: it reads texts by a parser of its own, and
//! writes keys without quotes into JSON. `yamlpatch` needs a C compiler.

mod block;
mod flow;
mod layout;
mod matching;
mod moved;
mod refused;
mod rewrite;
mod scalar;
mod splices;
mod text;
mod tree;

use ingraft_core::Edit;
use ingraft_core::edit;
use serde_json::Value;

pub use refused::{Reason, Refused};

/// The text of a document after edits. `value` is what the text says, as serde-saphyr reads it with
/// `legacy_octal_numbers`. Keys stay in the order of the text, and new ones come last.
///
/// ```
/// use ingraft_core::Edit;
/// let text = "metadata:\n  name: web # the shop\n";
/// let value = serde_json::json!({"metadata": {"name": "web"}});
/// let edits = [Edit::add("/metadata/labels", serde_json::json!({"tier": "yes"}))];
/// assert_eq!(
///     ingraft_yaml_edit::apply(text, &value, &edits)?,
///     "metadata:\n  name: web # the shop\n  labels:\n    tier: \"yes\"\n",
/// );
/// # Ok::<(), ingraft_yaml_edit::Refused>(())
/// ```
pub fn apply(text: &str, value: &Value, edits: &[Edit]) -> Result<String, Refused> {
    let mut edited = value.clone();
    edit::apply(&mut edited, edits);
    if *value == edited {
        return Ok(text.to_owned());
    }
    let new = rewrite::rewrite(text, value, &edited)?;
    if read(&new) == Some(edited) { Ok(new) } else { Err(Reason::Different.of("")) }
}

/// Reads a document as manifests are read, or not at all.
fn read(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        budget: None,
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

#[cfg(test)]
mod tests;
