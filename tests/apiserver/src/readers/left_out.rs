//! What the API server refuses of the golden cases, and a part of what it says: these are for the command line alone.

/// A case, objects in it as `Kind name`, and why they are refused.
pub(super) const LEFT_OUT: &[(&str, &[&str], &str)] = &[];
