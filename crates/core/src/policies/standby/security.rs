//! The security context of init containers: that of the container, copied field by field, with a user where one is required,
//! as [`crate::inject`] chooses it.

use ingraft_api::annotations::OPENSHIFT_UID_RANGE;

use super::{Variables, field, first, map};
use crate::inject::security::NON_ROOT_USER;
use crate::policies::cel::text;

/// The fields that hold a value.
const VALUES: [&str; 6] = [
    "allowPrivilegeEscalation",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
];
/// The fields that hold fields.
const STRUCTURES: [(&str, &[&str]); 3] = [
    ("appArmorProfile", &["localhostProfile", "type"]),
    ("seLinuxOptions", &["level", "role", "type", "user"]),
    ("seccompProfile", &["localhostProfile", "type"]),
];
/// The fields that hold lists.
const LISTS: (&str, &[&str]) = ("capabilities", &["add", "drop"]);

pub(super) fn variables() -> Variables {
    let own = "variables.target.securityContext";
    let mut entries: Vec<(String, String)> =
        VALUES.iter().map(|name| (format!("?{name}"), field(own, name))).collect();
    for (name, fields) in STRUCTURES {
        let fields: Vec<_> =
            fields.iter().map(|name| (format!("?{name}"), field("structure", name))).collect();
        entries.push((format!("?{name}"), format!("{own}.?{name}.optMap(structure, dyn({}))", map(&fields))));
    }
    let (name, lists) = LISTS;
    let lists: Vec<_> = lists
        .iter()
        .map(|name| {
            let copied = format!("structure.?{name}.optMap(items, dyn(items.map(item, string(item))))");
            (format!("?{name}"), copied)
        })
        .collect();
    entries.push((format!("?{name}"), format!("{own}.?{name}.optMap(structure, dyn({}))", map(&lists))));
    entries.push(("?runAsUser".to_owned(), first("variables.runAsUser")));
    let of = |field: &str| {
        let of_pod = format!("object.spec.?securityContext.?{field}");
        format!("variables.target.?securityContext.?{field}.or({of_pod})")
    };
    let user = format!(
        "variables.target.?securityContext.?runAsUser.hasValue() ? [int(variables.target.securityContext.runAsUser)] : \
         {non_root}.orValue(false) && !{user}.hasValue() && variables.ofNamespace[?{range}].orValue('') == '' ? \
         [{NON_ROOT_USER}] : []",
        non_root = of("runAsNonRoot"),
        user = of("runAsUser"),
        range = text(OPENSHIFT_UID_RANGE),
    );
    let context = format!(
        "has({own}) ? [{all}] : variables.runAsUser.size() > 0 ? [{alone}] : []",
        all = map(&entries),
        alone = map(&[("runAsUser", "variables.runAsUser[0]")]),
    );
    vec![("runAsUser", user), ("securityContext", context)]
}
