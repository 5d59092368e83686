//! What a namespace demands of the resources of containers: <https://kubernetes.io/docs/concepts/policy/limit-range/>.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::quantity::{self, amount};

/// What is kept of a LimitRange: its spec.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LimitRange {
    limits: Option<Vec<Limits>>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Limits {
    r#type: String,
    min: Value,
    max: Value,
    max_limit_request_ratio: Value,
}

impl LimitRange {
    /// Changes limits and requests of a container as little as possible so that it is accepted. Limits follow the
    /// bounds, and requests follow limits.
    pub(crate) fn fit(&self, [limits, requests]: &mut [Map<String, Value>; 2]) {
        for item in self.limits.iter().flatten().filter(|item| item.r#type == "Container") {
            for resource in ["cpu", "memory"] {
                let bound = |of: &Value| of.get(resource).and_then(amount);
                let current = |of: &Map<String, Value>| of.get(resource).and_then(amount);
                let (min, max) = (bound(&item.min), bound(&item.max));
                for amounts in [&mut *limits, &mut *requests] {
                    raise(amounts, resource, min);
                    if let Some((max, amount)) = max.zip(current(amounts))
                        && amount > max
                    {
                        amounts.insert(resource.to_owned(), quantity::format(max).into());
                    }
                }
                let ratio = bound(&item.max_limit_request_ratio).filter(|ratio| *ratio >= 1.0);
                let least = ratio.zip(current(limits)).map(|(ratio, limit)| limit / ratio);
                raise(requests, resource, least);
            }
        }
    }
}

/// Raises an amount, if there is one, to a bound.
fn raise(amounts: &mut Map<String, Value>, resource: &str, bound: Option<f64>) {
    if let Some((bound, current)) = bound.zip(amounts.get(resource).and_then(amount))
        && current < bound
    {
        amounts.insert(resource.to_owned(), quantity::format(bound).into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_without_limits_is_read() {
        for spec in [json!({}), json!({"limits": null}), json!({"limits": [{"type": "Pod", "max": null}]})] {
            assert!(serde_json::from_value::<LimitRange>(spec.clone()).is_ok(), "{spec}");
        }
    }

    #[test]
    fn fits_within_min_max_and_ratio() {
        let map = |cpu: &str, memory: &str| {
            Map::from_iter([("cpu".to_owned(), cpu.into()), ("memory".to_owned(), memory.into())])
        };
        let fit = |bounds: Value, [limits, requests]: [(&str, &str); 2]| {
            let range: LimitRange = serde_json::from_value(json!({"limits": [bounds]})).unwrap();
            let mut all = [map(limits.0, limits.1), map(requests.0, requests.1)];
            range.fit(&mut all);
            all
        };
        let (bounds, of_pod) =
            (json!({"min": {"cpu": "100m"}, "max": {"cpu": "250m", "memory": "128Mi"}}), "Pod");
        let mut container = bounds.clone();
        container["type"] = "Container".into();
        let small = [("500m", "64Mi"), ("10m", "32Mi")];
        assert_eq!(fit(container, small), [map("250m", "64Mi"), map("100m", "32Mi")]);
        let ratio = json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "4", "memory": 1}});
        assert_eq!(fit(ratio, small), [map("500m", "64Mi"), map("125m", "67108864")]);
        let mut other = bounds;
        other["type"] = of_pod.into();
        assert_eq!(fit(other, small), [map("500m", "64Mi"), map("10m", "32Mi")]);
    }
}
