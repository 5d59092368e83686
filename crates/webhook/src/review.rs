//! The admission review, as the API server sends it and expects it back:
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response>.
//!
//! Objects are kept as documents, not types, so that fields this version does not know survive.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingraft_core::Edit;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::trimmed;

/// So many warnings are sent at most. The API server drops what exceeds 4096 characters in all.
const WARNINGS: usize = 16;

/// What the API server asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Review {
    kind: String,
    request: Option<Request>,
}

/// The object to be created or changed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    pub(crate) uid: String,
    #[serde(default)]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) dry_run: bool,
    #[serde(default, deserialize_with = "trimmed::object")]
    pub(crate) object: Value,
}

impl Review {
    /// The request of a body that is an admission review.
    pub(crate) fn request(body: &[u8]) -> Result<Request, String> {
        let review: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        match review {
            Self { kind, request: Some(request) } if kind == "AdmissionReview" => Ok(request),
            Self { kind, request: None } if kind == "AdmissionReview" => Err("it has no request".to_owned()),
            Self { kind, .. } => Err(format!("its kind is \"{kind}\"")),
        }
    }
}

/// What we answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    api_version: &'static str,
    kind: &'static str,
    response: Response,
    /// Whether the connection ends with it.
    #[serde(skip)]
    pub(crate) is_last: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl Answer {
    /// Allows the object with these changes and warnings.
    pub(crate) fn allow(uid: String, edits: &[Edit], mut warnings: Vec<String>) -> Self {
        warnings.truncate(WARNINGS);
        let patch =
            serde_json::to_vec(edits).ok().filter(|_| !edits.is_empty()).map(|patch| STANDARD.encode(patch));
        Self {
            api_version: "admission.k8s.io/v1",
            kind: "AdmissionReview",
            response: Response {
                uid,
                allowed: true,
                patch_type: patch.as_ref().map(|_| "JSONPatch"),
                patch,
                warnings,
            },
            is_last: false,
        }
    }

    /// The same, and no other answer on this connection.
    pub(crate) fn last(self) -> Self {
        Self { is_last: true, ..self }
    }
}
