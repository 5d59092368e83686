//! What the API server refuses of the golden cases, and a part of what it says: these are for the command line alone.

/// A case, objects in it as `Kind name`, and why they are refused.
pub(super) const LEFT_OUT: &[(&str, &[&str], &str)] = &[
    ("annotation-mistakes", &["Pod unquoted-true"], "cannot unmarshal bool"),
    ("annotation-mistakes", &["Pod number"], "cannot unmarshal number"),
    (
        "container-targets",
        &[
            "Pod no-list-first-container",
            "Pod common-list",
            "Pod own-list",
            "Pod common-and-own-list",
            "Pod order-of-the-annotation",
            "Pod init-containers-lead-in-pod-order",
            "Pod spaces-and-dots",
            "Pod empty-items",
            "Pod name-twice",
            "Pod one-unknown-name",
            "Pod no-known-name",
            "Pod list-of-another-language",
        ],
        "a lowercase RFC 1123 label",
    ),
    ("go-pod-security", &["Pod app"], "violates PodSecurity"),
    (
        "null-and-absent",
        &["Pod null-containers", "Pod no-containers", "Pod null-spec", "Pod no-spec"],
        "spec.containers: Required value",
    ),
    ("null-and-absent", &["Pod odd-containers"], "cannot unmarshal string"),
    (
        "other-kinds",
        &["DeploymentConfig web", "Service hello", "Backup nightly", "JobSet train"],
        UNKNOWN_KIND,
    ),
    // In the words of 1.37, and of 1.35.
    ("owners", &["Pod owner-without-name"], "metadata.ownerReferences[0].name: Required value"),
    (
        "owners",
        &["Pod owner-without-name"],
        "metadata.ownerReferences.name: Invalid value: \"\": must not be empty",
    ),
    (
        "payload-volume",
        &["Instrumentation template-and-limit"],
        "volumeClaimTemplate and volumeLimitSize exclude each other",
    ),
    ("pods-left-alone", &["Pod mirror"], "must set spec.nodeName if mirror pod annotation is set"),
    ("probe", &["Deployment any-way"], "volumeMounts[0].name: Not found"),
    ("python-path", &["Pod file"], "fileKeyRef.volumeName: Not found"),
    ("python-path", &["Pod unknown-source"], "must specify one of"),
    ("refused-instrumentations", &["Instrumentation percent"], "type conversion error"),
    ("refused-instrumentations", &["Instrumentation above-one"], "argument must be a number from 0 to 1"),
    (
        "refused-instrumentations",
        &["Instrumentation number", "Instrumentation words", "Instrumentation jaeger"],
        "is invalid",
    ),
    ("refused-instrumentations", &["Instrumentation beta"], UNKNOWN_KIND),
    ("refused-instrumentations", &["instrumentation "], "must be Instrumentation"),
    ("refused-instrumentations", &[" "], "could not find the requested resource"),
    ("service-version", &["Pod no-image"], "spec.containers[0].image: Required value"),
    ("unknown-fields", &["Deployment no-template"], "spec.template.spec.containers: Required value"),
    ("workload-kinds", &["Rollout cart", "Deployment foreign"], UNKNOWN_KIND),
    ("wrong-types", &["Deployment map"], "cannot unmarshal string"),
    ("wrong-types", &["Pod variables"], "cannot unmarshal"),
    ("wrong-types", &["ConfigMap settings"], "cannot unmarshal number"),
];

/// What is said of kinds whose definitions are not installed.
const UNKNOWN_KIND: &str = "status 404";
