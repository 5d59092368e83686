//! On which nodes a pod may run, as far as its own fields decide:
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/>.

use serde_json::{Map, Value};

use super::{Node, Taint};
use crate::json::{list, string};
use crate::snapshot::Objects;

/// What of a pod decides where it may run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement<'a> {
    spec: &'a Value,
    /// There is so much to compare that looking would take too long.
    is_too_large: bool,
}

/// So many terms, labels or tolerations are looked at.
const MOST_TERMS: usize = 100;
/// So many bytes the terms may have, written out.
const LARGEST: usize = 16 * 1024;

impl<'a> Placement<'a> {
    pub(crate) fn of(spec: &'a Value) -> Self {
        let terms = required(spec).map_or(&[][..], |required| list(required, "nodeSelectorTerms"));
        let labels = spec.get("nodeSelector").and_then(Value::as_object).map_or(0, Map::len);
        let is_too_large = terms.len().max(labels).max(list(spec, "tolerations").len()) > MOST_TERMS
            || terms.iter().map(|term| term.to_string().len()).sum::<usize>() > LARGEST;
        Self { spec, is_too_large }
    }

    /// The nodes that it may run on. Ordinary taints may be gone when it is scheduled, and so do not count; those of a
    /// virtual node are there to stay.
    pub(crate) fn nodes(self, nodes: &Objects<Node>) -> impl Iterator<Item = &Node> {
        let all = nodes.in_namespace("").filter(move |(_, node)| !self.is_too_large && node.is_linux());
        let fits = all.filter(move |(name, node)| self.fits(name, node));
        fits.map(|(_, node)| node).filter(move |node| !node.is_virtual() || self.tolerates(node))
    }

    /// Whether it is for a scheduler that gives each pod a machine of its own, which no node shows yet.
    pub(crate) fn is_for_virtual_nodes(self) -> bool {
        string(self.spec, "schedulerName") == Some("fargate-scheduler")
    }

    fn fits(self, name: &str, node: &Node) -> bool {
        if let Some(bound) = string(self.spec, "nodeName").filter(|bound| !bound.is_empty()) {
            return bound == name;
        }
        let selector = self.spec.get("nodeSelector").and_then(Value::as_object);
        let selected = selector.into_iter().flatten().all(|(key, value)| {
            node.labels.get(key.as_str()).is_some_and(|label| value.as_str() == Some(label))
        });
        selected
            && required(self.spec).is_none_or(|terms| {
                list(terms, "nodeSelectorTerms").iter().any(|term| is_met(term, name, node))
            })
    }

    fn tolerates(self, node: &Node) -> bool {
        let tolerations = list(self.spec, "tolerations");
        let keeps_away = |taint: &&Taint| taint.effect != "PreferNoSchedule";
        let mut taints = node.taints.iter().filter(keeps_away);
        taints.all(|taint| tolerations.iter().any(|toleration| is_tolerated(taint, toleration)))
    }
}

fn required(spec: &Value) -> Option<&Value> {
    spec.pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution")
}

/// Whether a node meets all requirements of a term. One without requirements is met by none.
fn is_met(term: &Value, name: &str, node: &Node) -> bool {
    let (labels, fields) = (list(term, "matchExpressions"), list(term, "matchFields"));
    let label = |requirement: &Value| {
        let key = string(requirement, "key").unwrap_or_default();
        holds(requirement, node.labels.get(key).map(|label| &**label))
    };
    let field = |requirement: &Value| {
        string(requirement, "key") == Some("metadata.name") && holds(requirement, Some(name))
    };
    !(labels.is_empty() && fields.is_empty()) && labels.iter().all(label) && fields.iter().all(field)
}

/// Whether a requirement holds for a value.
fn holds(requirement: &Value, value: Option<&str>) -> bool {
    let values = list(requirement, "values");
    let is_listed = || values.iter().any(|listed| listed.as_str() == value);
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let bound = || number(values.first().and_then(Value::as_str));
    match string(requirement, "operator") {
        Some("In") => value.is_some() && is_listed(),
        Some("NotIn") => value.is_none() || !is_listed(),
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        Some("Gt") => number(value).zip(bound()).is_some_and(|(value, bound)| value > bound),
        Some("Lt") => number(value).zip(bound()).is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

fn is_tolerated(taint: &Taint, toleration: &Value) -> bool {
    let text = |key: &str| string(toleration, key).unwrap_or_default();
    let effect = text("effect");
    let exists = text("operator") == "Exists";
    (effect.is_empty() || effect == taint.effect)
        && ((exists && text("key").is_empty()) || text("key") == taint.key)
        && (exists || text("value") == taint.value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The names of the nodes on which a pod may run. Each of them has its name as a label, and `count` with its length.
    fn may_run(spec: &Value) -> Vec<String> {
        let mut nodes = Objects::default();
        for name in ["big", "small", "virtual"] {
            let mut node = Node::default();
            node.labels.insert("name".into(), name.into());
            node.labels.insert("count".into(), name.len().to_string().into());
            if name == "big" {
                let taint = Taint { key: "gpu".into(), effect: "NoSchedule".into(), ..Taint::default() };
                node.taints.push(taint);
            } else if name == "virtual" {
                let (key, value) = ("virtual-kubelet.io/provider".to_owned(), "azure".to_owned());
                node.taints.push(Taint { key, value, effect: "NoSchedule".into() });
            }
            nodes.insert(String::new(), name.to_owned(), node);
        }
        let found = Placement::of(spec).nodes(&nodes);
        found.map(|node| node.labels["name"].to_string()).collect()
    }

    fn required(terms: &Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    #[test]
    fn ordinary_taints_may_go_and_virtual_ones_stay() {
        assert_eq!(may_run(&json!({})), ["big", "small"]);
        let key = "virtual-kubelet.io/provider";
        for toleration in [
            json!({"operator": "Exists"}),
            json!({"key": key, "operator": "Exists", "effect": "NoSchedule"}),
            json!({"key": key, "value": "azure"}),
        ] {
            assert_eq!(may_run(&json!({"tolerations": [toleration]})), ["big", "small", "virtual"]);
        }
        for toleration in [
            json!({"key": key, "value": "alibaba"}),
            json!({"key": key, "operator": "Exists", "effect": "NoExecute"}),
            json!({"key": "other", "operator": "Exists"}),
        ] {
            assert_eq!(may_run(&json!({"tolerations": [toleration]})), ["big", "small"]);
        }
    }

    #[test]
    fn selectors_and_required_affinity_decide() {
        assert_eq!(may_run(&json!({"nodeSelector": {"name": "big"}})), ["big"]);
        assert!(may_run(&json!({"nodeSelector": {"name": "big", "zone": "a"}})).is_empty());
        assert_eq!(may_run(&json!({"nodeName": "small", "nodeSelector": {"name": "big"}})), ["small"]);
        let expression = |operator: &str, values: Value| {
            let requirement = json!({"key": "name", "operator": operator, "values": values});
            may_run(&required(&json!([{"matchExpressions": [requirement]}])))
        };
        assert_eq!(expression("In", json!(["big", "huge"])), ["big"]);
        assert_eq!(expression("NotIn", json!(["big"])), ["small"]);
        assert_eq!(expression("Exists", json!([])), ["big", "small"]);
        assert!(expression("DoesNotExist", json!([])).is_empty());
        assert!(expression("Unknown", json!([])).is_empty());
        let count = |operator: &str| {
            let requirement = json!({"key": "count", "operator": operator, "values": ["4"]});
            may_run(&required(&json!([{"matchExpressions": [requirement]}])))
        };
        assert_eq!((count("Gt"), count("Lt")), (vec!["small".to_owned()], vec!["big".to_owned()]));
        // The pods of a DaemonSet.
        let field = json!({"key": "metadata.name", "operator": "In", "values": ["small"]});
        assert_eq!(may_run(&required(&json!([{"matchFields": [field]}, {}]))), ["small"]);
        assert!(may_run(&required(&json!([]))).is_empty());
    }
}
