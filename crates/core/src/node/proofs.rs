//! On which nodes a variable has been seen to arrive that a pod takes from a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Node, NodeClass};

/// So many days after its last node, a class is forgotten. Until then its nodes may come back: a pool that an
/// autoscaler has emptied is still there.
const REMEMBERED: u32 = 30;

/// The classes of nodes that were seen in the last 30 days, and what is proven of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Proofs {
    classes: BTreeMap<NodeClass, Seen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    /// The last day, counted from 1970.
    day: u32,
    proven: bool,
}

/// A class as it is saved.
#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    class: NodeClass,
    day: u32,
    proven: bool,
}

impl From<Vec<Entry>> for Proofs {
    fn from(entries: Vec<Entry>) -> Self {
        let classes = entries.into_iter().map(|Entry { class, day, proven }| (class, Seen { day, proven }));
        Self { classes: classes.collect() }
    }
}

impl From<Proofs> for Vec<Entry> {
    fn from(proofs: Proofs) -> Self {
        let entry = |(class, Seen { day, proven })| Entry { class, day, proven };
        proofs.classes.into_iter().map(entry).collect()
    }
}

impl Proofs {
    /// Notes the nodes that there are on a day, counted from 1970, and forgets classes that were not seen for long.
    /// Returns whether that changes anything. Virtual nodes prove nothing, and say nothing of others.
    pub fn see<'n>(&mut self, nodes: impl Iterator<Item = &'n Node>, day: u32) -> bool {
        let before = self.clone();
        for node in nodes.filter(|node| node.is_ordinary()) {
            match self.classes.get_mut(&node.class) {
                Some(seen) => seen.day = day,
                None => {
                    self.classes.insert(node.class.clone(), Seen { day, proven: false });
                }
            }
        }
        self.classes.retain(|_, seen| seen.day.saturating_add(REMEMBERED) >= day);
        *self != before
    }

    /// Notes that a variable arrived on a node of a class.
    pub fn prove(&mut self, class: &NodeClass, day: u32) {
        self.classes.insert(class.clone(), Seen { day, proven: true });
    }

    /// Whether a variable has arrived on a node of a class.
    pub fn is_proven(&self, class: &NodeClass) -> bool {
        self.classes.get(class).is_some_and(|seen| seen.proven)
    }

    /// The oldest minor version of a kubelet that is remembered.
    pub(crate) fn oldest_minor(&self) -> Option<u16> {
        self.classes.keys().map(NodeClass::minor).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kubelet: &str) -> Node {
        let class = NodeClass { kubelet: kubelet.to_owned(), ..NodeClass::default() };
        Node { class, ..Node::default() }
    }

    #[test]
    fn classes_are_remembered_for_thirty_days() {
        let (old, new) = (node("v1.34.9"), node("v1.36.0"));
        let mut proofs = Proofs::default();
        assert!(proofs.see([&old, &new].into_iter(), 100));
        assert!(!proofs.see([&old, &new].into_iter(), 100), "nothing new");
        proofs.prove(&new.class, 101);
        assert!(proofs.see(std::iter::once(&new), 130));
        assert_eq!(proofs.oldest_minor(), Some(34), "the old pool may come back");
        assert!(proofs.see(std::iter::once(&new), 131));
        assert_eq!(proofs.oldest_minor(), Some(36));
        assert!(proofs.is_proven(&new.class), "what was proven stays while there are such nodes");
    }

    #[test]
    fn virtual_nodes_are_not_remembered() {
        let mut node = node("v1.19.10-vk-azure-aci-1.4.1");
        let mut proofs = Proofs::default();
        assert!(!proofs.see(std::iter::once(&node), 1));
        node.class.kubelet = "v1.36.0".into();
        node.labels.insert("eks.amazonaws.com/compute-type".into(), "fargate".into());
        assert!(!proofs.see(std::iter::once(&node), 1));
        node.labels.insert("eks.amazonaws.com/compute-type".into(), "auto".into());
        assert!(proofs.see(std::iter::once(&node), 1), "an ordinary node");
        node.class.pool = "windows".into();
        node.labels.insert("kubernetes.io/os".into(), "windows".into());
        assert!(!proofs.see(std::iter::once(&node), 1));
    }

    #[test]
    fn are_saved_and_read_again() {
        let mut proofs = Proofs::default();
        proofs.prove(&node("v1.36.0").class, 7);
        let text = serde_json::to_string(&proofs).unwrap();
        assert_eq!(serde_json::from_str::<Proofs>(&text).unwrap(), proofs);
    }
}
