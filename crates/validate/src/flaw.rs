//! What can be wrong with a value.

use ingraft_core::finding::{FieldFinding, FieldProblem};
use serde_json::Value;

use crate::place::Place;
use crate::similar;

/// Something that the API server does not take as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Flaw {
    /// The JSON pointer of the value.
    pub pointer: String,
    /// What is wrong with it.
    pub finding: FieldFinding,
}

impl Flaw {
    /// A field that does not exist; `meant` is the way to what was probably meant, from the top of the object.
    pub(crate) fn unknown(place: &Place, meant: Option<Place>, known: Vec<String>) -> Self {
        let suggestion = meant.map(|meant| meant.field);
        let finding = FieldFinding::FieldUnknown { field: place.field.clone(), suggestion, known };
        Self { pointer: place.pointer.clone(), finding }
    }

    pub(crate) fn refused(place: &Place, problem: FieldProblem) -> Self {
        let (field, entry) = (place.field.clone(), place.entry.clone());
        Self { pointer: place.pointer.clone(), finding: FieldFinding::FieldRefused { field, entry, problem } }
    }

    /// Says of a field that does not exist which one above it was probably meant, where nothing is said yet.
    pub(crate) fn look_above(&mut self, schema: &Value) {
        let FieldFinding::FieldUnknown { field, suggestion: suggestion @ None, .. } = &mut self.finding
        else {
            return;
        };
        let Some((within, name)) = field.strip_prefix("spec.").and_then(|field| field.rsplit_once('.'))
        else {
            return;
        };
        // Within itself it is not meant.
        *suggestion = similar::above(schema, name).filter(|_| !within.split('.').any(|step| step == name));
    }

    /// The field, as the API server writes it.
    pub fn field(&self) -> &str {
        match &self.finding {
            FieldFinding::FieldUnknown { field, .. } | FieldFinding::FieldRefused { field, .. } => field,
        }
    }

    /// Whether the API server refuses the object, rather than leaving the field out.
    pub fn refuses(&self) -> bool {
        matches!(self.finding, FieldFinding::FieldRefused { .. })
    }

    /// Whether the API server does not look at rules then: `hasBlockingErr` in
    /// <https://github.com/kubernetes/kubernetes/blob/v1.37.2/staging/src/k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go>.
    pub(crate) fn blocks_rules(&self) -> bool {
        let FieldFinding::FieldRefused { problem, .. } = &self.finding else { return false };
        matches!(
            problem,
            FieldProblem::Missing
                | FieldProblem::WrongType { .. }
                | FieldProblem::NotAllowed { .. }
                | FieldProblem::TooLong { .. }
        )
    }
}
