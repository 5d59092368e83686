//! What speaks against having the pods of a workload created anew, by what the cluster has of it.

use ingraft_api::annotations::HEAL;
use ingraft_core::doctor::ObjectRef;
use ingraft_core::healing::{is_held, means_downtime};
use ingraft_core::{Heal, Locale, OwnerKind, Snapshot};
use serde_json::Value;

/// What speaks against it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Against {
    /// They would not be injected, or would not run.
    Useless,
    /// A change of the template makes no new pods until somebody does more.
    Held,
    /// No pod would be left for a while.
    Downtime,
    /// Somebody has written that it is not to be healed.
    Forbidden,
}

impl Against {
    /// Why an object is left as it is.
    pub fn text(self, object: &ObjectRef, locale: Locale) -> String {
        let why = match (self, locale) {
            (Self::Useless, Locale::En) => "its new pods would not be injected, or would not run".to_owned(),
            (Self::Useless, Locale::Es) => "sus nuevos pods no se inyectarían o no funcionarían".to_owned(),
            (Self::Held, Locale::En) => "it is paused, or waits until its pods are deleted".to_owned(),
            (Self::Held, Locale::Es) => "está en pausa, o espera a que se borren sus pods".to_owned(),
            (Self::Downtime, Locale::En) => {
                "no pod would be left for a while, unless with --force".to_owned()
            }
            (Self::Downtime, Locale::Es) => {
                "por un momento no quedaría ningún pod, salvo con --force".to_owned()
            }
            (Self::Forbidden, Locale::En) => format!("{HEAL} says off, unless with --force"),
            (Self::Forbidden, Locale::Es) => format!("{HEAL} dice off, salvo con --force"),
        };
        match locale {
            Locale::En => format!("{object} gets no new pods: {why}"),
            Locale::Es => format!("{object} no recibe pods nuevos: {why}"),
        }
    }
}

/// What speaks against restarting a workload of which this much is there. With `force`, only what makes it useless does.
pub fn against(live: &Value, snapshot: &Snapshot, force: bool) -> Option<Against> {
    use OwnerKind::{DaemonSet, Deployment, Rollout, StatefulSet};
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kind = OwnerKind::parse(text("/kind"))?;
    if is_held(kind, live) {
        return Some(Against::Held);
    }
    if force {
        return None;
    }
    let own = text("/metadata/annotations/ingraft.dev~1heal");
    let of_namespace =
        || snapshot.namespace(text("/metadata/namespace")).map_or("", |it| it.annotation(HEAL));
    let said = if own.is_empty() { of_namespace() } else { own };
    if Heal::parse(said) == Some(Heal::Off) {
        return Some(Against::Forbidden);
    }
    let rolls = matches!(kind, Deployment | StatefulSet | DaemonSet | Rollout);
    (rolls && means_downtime(kind, live)).then_some(Against::Downtime)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_restart_that_does_harm_or_nothing_or_is_forbidden_is_left_to_people() {
        let of = |heal: &str, spec: &Value, force: bool| {
            let metadata = json!({"namespace": "shop", "annotations": {"ingraft.dev/heal": heal}});
            let object = json!({"kind": "Deployment", "metadata": metadata, "spec": spec});
            against(&object, &Snapshot::default(), force)
        };
        let rolling = json!({"strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}});
        let recreate = json!({"strategy": {"type": "Recreate"}});
        assert_eq!(of("", &rolling, false), None);
        assert_eq!(of("off", &rolling, false), Some(Against::Forbidden));
        assert_eq!(of("missed", &recreate, false), Some(Against::Downtime));
        assert_eq!(of("off", &recreate, true), None);
        for held in [
            json!({"paused": true}),
            json!({"updateStrategy": {"type": "OnDelete"}}),
            json!({"updateStrategy": {"rollingUpdate": {"partition": 1}}}),
        ] {
            assert_eq!(of("", &held, true), Some(Against::Held), "{held}");
        }
    }
}
