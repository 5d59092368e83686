//! How one of the user's values and ours become one.

mod attributes;

use alloc::string::String;

use crate::{
    envfile::Refusal,
    environment::{Environment, Value},
    plan::{Kind, Rule},
};

/// The new value, or nothing where the user's stays. `environment` is the user's, with what was merged before.
pub(crate) fn merged(
    rule: &Rule,
    user: &Environment,
    environment: &Environment,
) -> Result<Option<String>, Refusal> {
    if let Kind::DefaultUnless { other, key, .. } = &rule.kind
        && user.get(other).is_some()
        && (key.is_empty() || user.text(other).is_some_and(|list| attributes::has(list, key)))
    {
        return Ok(None);
    }
    let user = match environment.get(&rule.name) {
        Some(Value::Bytes) if !matches!(rule.kind, Kind::Set(_)) => return Err(Refusal::Encoding),
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    Ok(match (&rule.kind, user) {
        (Kind::Set(ours), _) | (Kind::Default(ours) | Kind::DefaultUnless { ours, .. }, None) => {
            Some(ours.clone())
        }
        (Kind::Default(_) | Kind::DefaultUnless { .. }, Some(_)) => None,
        (Kind::Join { alone, .. }, None) => Some(alone.clone()),
        (Kind::Join { mark, .. }, Some(user)) if !mark.is_empty() && user.contains(mark.as_str()) => None,
        (Kind::Join { prefix, suffix, .. }, Some(user)) => Some([prefix, user, suffix].concat()),
        (Kind::Attributes(ours), user) => Some(attributes::merged(user.unwrap_or_default(), ours)),
    })
}

#[cfg(test)]
mod tests;
