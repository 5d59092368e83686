//! Control planes with Ingraft installed, and what tests do with them.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use anyhow::Context as _;
use ingraft_testkit::ingraft::NAMESPACE;
use ingraft_testkit::{ControlPlane, Kubectl, Kubernetes, Progress, Tools, programs};
use serde_json::{Value, json};

use crate::http::Api;
use crate::operator::{Operator, sum};
use crate::wait::{until, until_some, within};

/// The name of the ServiceAccount, ClusterRole and webhook configuration.
pub(crate) const NAME: &str = "ingraft-operator";
pub(crate) const CONFIGURATION: &str = "zz-ingraft-operator";
/// The operator's image: its pods stay Pending.
pub(crate) const IMAGE: &str = "example.com/ingraft:1";
/// The key of the annotation that asks for Python.
pub(crate) const INJECT_PYTHON: &str = "instrumentation.opentelemetry.io/inject-python";
/// The name of Python's init container and volume.
pub(crate) const PYTHON: &str = "opentelemetry-auto-instrumentation-python";

/// A control plane in which Ingraft is installed as a user would, but for its Deployment, whose pods stay Pending, and
/// for what binds hints: as no replica is ever ready, they would speak beside the operator.
#[derive(Debug)]
pub(crate) struct Cluster {
    control_plane: ControlPlane,
    api: Api,
    kubeconfig: PathBuf,
    program: PathBuf,
    cli: PathBuf,
    manifests: Manifests,
}

#[derive(Debug)]
struct Manifests {
    crds: String,
    operator: String,
    /// What binds hints to the operator's PodDisruptionBudget.
    hint_bindings: String,
}

/// The control plane that tests use at the same time, with its operator.
pub(crate) fn shared() -> &'static (Cluster, Operator) {
    static STARTED: OnceLock<(Cluster, Operator)> = OnceLock::new();
    STARTED.get_or_init(|| {
        let cluster = Cluster::start(tools()).expect("the control plane starts");
        // All languages, also those that are off by default.
        let on = ["--enable-go-instrumentation=true", "--enable-nginx-instrumentation=true"];
        let mut operator = cluster.operator_with("operator", &on);
        operator.wait_ready();
        (cluster, operator)
    })
}

/// So many tests run alone at the same time, each with a control plane of its own.
const EXCLUSIVE: usize = 2;

/// A control plane for one test at a time, without an operator and without Instrumentations.
pub(crate) fn exclusive() -> MutexGuard<'static, Cluster> {
    static STARTED: [OnceLock<Mutex<Cluster>>; EXCLUSIVE] = [const { OnceLock::new() }; EXCLUSIVE];
    let start = || Mutex::new(Cluster::start(tools()).expect("the control plane starts"));
    let lock = |cluster: &'static OnceLock<_>| match cluster.get_or_init(start).try_lock() {
        Ok(cluster) => Some(cluster),
        // A test that failed has said so; the next one starts anew.
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    };
    // Those before it may take long.
    let cluster = within(Duration::MAX, || STARTED.iter().find_map(lock)).expect("one that is free");
    cluster.reset().expect("what the test before has left can be removed");
    cluster
}

/// The programs of Kubernetes.
fn tools() -> &'static Tools {
    static PREPARED: OnceLock<Tools> = OnceLock::new();
    let prepare = || Tools::prepare(Kubernetes::chosen()?, Progress::stderr());
    PREPARED
        .get_or_init(|| prepare().expect("the programs of a control plane (cargo xtask tools builds them)"))
}

impl Cluster {
    fn start(tools: &Tools) -> anyhow::Result<Self> {
        static STARTING: Mutex<()> = Mutex::new(());
        // One after the other: each needs the whole machine for a moment, and the same lock of cargo.
        let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let program = programs::debug("ingraft-operator", "ingraft-operator")?;
        let cli = programs::debug("ingraft-cli", "ingraft")?;
        let print = |what: &str| -> anyhow::Result<String> {
            let output = Command::new(&cli).args(["manifests", what, "--image", IMAGE]).output()?;
            Ok(String::from_utf8(output.stdout)?)
        };
        let operator = print("operator")?;
        let (hint_bindings, operator): (Vec<_>, Vec<_>) =
            operator.split("---\n").partition(|document| document.contains("accepted-anyway"));
        let manifests = Manifests {
            crds: print("crds")?,
            operator: operator.join("---\n"),
            hint_bindings: hint_bindings.join("---\n"),
        };
        let control_plane = ControlPlane::start(tools)?;
        let kubeconfig = control_plane.logs().join("operator-kubeconfig");
        let (url, authority) = (control_plane.url(), control_plane.certificate_authority());
        let api = Api::new(url, &authority, &control_plane.kubeconfig())?;
        let cluster = Self { control_plane, api, kubeconfig, program, cli, manifests };
        cluster.install()?;
        // The API server's watch of PodDisruptionBudgets ends for good with the last policy that has one as its parameter.
        cluster.kubectl().apply(&keeper().to_string())?;
        let token = ["create", "token", NAME, "-n", NAMESPACE, "--duration=12h"];
        let token = cluster.kubectl().run(&token).context("ask for a token of the operator")?;
        std::fs::write(&cluster.kubeconfig, cluster.kubeconfig(token.trim()).to_string())?;
        Ok(cluster)
    }

    /// Installs Ingraft: `ingraft manifests all | kubectl apply --server-side -f -`.
    pub(crate) fn install(&self) -> anyhow::Result<()> {
        self.kubectl().apply(&format!("{}---\n{}", self.manifests.crds, self.manifests.operator))?;
        let crd = "crd/instrumentations.opentelemetry.io";
        self.kubectl().run(&["wait", "--for=condition=Established", crd, "--timeout=20s"])?;
        Ok(())
    }

    /// Removes what tests that run alone have changed.
    fn reset(&self) -> anyhow::Result<()> {
        self.unregister()?;
        self.release()?;
        let bindings = format!("{}---\n", self.manifests.hint_bindings);
        self.kubectl().run_with_input(&["delete", "--ignore-not-found", "-f", "-"], &bindings)?;
        self.install()?;
        self.kubectl().run(&["delete", "otelinst", "--all", "--all-namespaces", "--wait=false"])?;
        Ok(())
    }

    /// Takes the Lease from an operator that was killed, so that the next one leads at once.
    pub(crate) fn release(&self) -> anyhow::Result<()> {
        self.kubectl().run(&["delete", "lease", NAME, "-n", NAMESPACE, "--ignore-not-found"])?;
        Ok(())
    }

    /// Who leads.
    pub(crate) fn leader(&self) -> Option<String> {
        let lease =
            self.api.get(&format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{NAME}"))?;
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        (!holder.is_empty()).then(|| holder.to_owned())
    }

    /// Removes the webhook configuration.
    pub(crate) fn unregister(&self) -> anyhow::Result<()> {
        self.kubectl().run(&[
            "delete",
            "mutatingwebhookconfiguration",
            CONFIGURATION,
            "--ignore-not-found",
        ])?;
        Ok(())
    }

    fn kubeconfig(&self, token: &str) -> Value {
        let server = self.control_plane.url();
        let authority = self.control_plane.certificate_authority();
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": authority}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        })
    }

    /// A kubeconfig for a ServiceAccount.
    pub(crate) fn kubeconfig_of(&self, namespace: &str, account: &str) -> String {
        let token = self.kubectl().run(&["create", "token", account, "-n", namespace]).unwrap();
        self.kubeconfig(token.trim()).to_string()
    }

    pub(crate) fn kubectl(&self) -> &Kubectl {
        self.control_plane.kubectl()
    }

    /// What binds hints, which is not installed.
    pub(crate) fn hint_bindings(&self) -> &str {
        &self.manifests.hint_bindings
    }

    /// The definition of the custom resource, as it is installed.
    pub(crate) fn crds(&self) -> &str {
        &self.manifests.crds
    }

    /// The command line, with the rights of an administrator.
    pub(crate) fn ingraft(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.cli);
        command.env("KUBECONFIG", self.control_plane.kubeconfig()).args(arguments);
        command.output().unwrap()
    }

    /// Starts an operator and does not wait for it.
    pub(crate) fn operator(&self, name: &'static str) -> Operator {
        self.operator_with(name, &[])
    }

    /// The same with arguments of its own.
    pub(crate) fn operator_with(&self, name: &'static str, arguments: &[&str]) -> Operator {
        let logs = self.control_plane.logs();
        Operator::start(&self.program, name, &self.kubeconfig, logs, arguments).unwrap()
    }

    /// How often the API server has called the pod webhooks.
    pub(crate) fn calls(&self) -> u64 {
        let metrics = self.api.text("/metrics").unwrap();
        let count = "apiserver_admission_webhook_admission_duration_seconds_count";
        let of = |webhook: &str| sum::<u64>(&metrics, count, &[&format!("name=\"{webhook}\"")]);
        of("pods.ingraft.dev") + of("pods-by-namespace.ingraft.dev")
    }

    /// The webhook configuration, if there is one.
    pub(crate) fn registration(&self) -> Option<Value> {
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
        self.api.get(&format!("{path}/{CONFIGURATION}"))
    }

    /// An Instrumentation as it is stored.
    pub(crate) fn instrumentation(&self, namespace: &str, name: &str) -> Value {
        let path = "/apis/opentelemetry.io/v1alpha1/namespaces";
        self.api.get(&format!("{path}/{namespace}/instrumentations/{name}")).unwrap()
    }

    /// A namespace as it is stored.
    pub(crate) fn stored_namespace(&self, name: &str) -> Value {
        self.api.get(&format!("/api/v1/namespaces/{name}")).unwrap()
    }

    /// What operators remember, as JSON; empty if there is nothing.
    pub(crate) fn remembered(&self) -> String {
        let get = ["get", "configmap", "ingraft-facts", "-n", NAMESPACE, "-o", "json"];
        self.kubectl().run(&get).unwrap_or_default()
    }

    /// Writes the status of a pod, as a kubelet would.
    pub(crate) fn set_pod_status(&self, namespace: &str, pod: &str, status: &Value) {
        self.patch_pod_status(namespace, pod, &json!({"status": status}).to_string()).unwrap();
    }

    fn patch_pod_status(&self, namespace: &str, pod: &str, patch: &str) -> anyhow::Result<String> {
        self.kubectl().run(&[
            "patch",
            "pod",
            pod,
            "-n",
            namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        ])
    }

    /// Has all pods of the operator's Deployment be ready or not, which no node runs, and waits until its PodDisruptionBudget
    /// says so. The Deployment may replace them meanwhile.
    pub(crate) fn set_replicas_ready(&self, is_ready: bool) {
        let of_operator = |pod: &Value| pod["metadata"]["labels"]["app.kubernetes.io/component"] == "manager";
        let status = if is_ready { "True" } else { "False" };
        let conditions = json!([{"type": "Ready", "status": status}]);
        let patch = json!({"status": {"phase": "Running", "conditions": conditions}}).to_string();
        let healthy = || {
            for pod in self.pods(NAMESPACE).iter().filter(|pod| of_operator(pod)) {
                let name = pod["metadata"]["name"].as_str().unwrap();
                if let Err(error) = self.patch_pod_status(NAMESPACE, name, &patch) {
                    assert!(error.to_string().contains("(NotFound)"), "{error}");
                }
            }
            let budget = self.kubectl().json(&["get", "pdb", NAME, "-n", NAMESPACE, "-o", "json"]).unwrap();
            budget["status"]["currentHealthy"].as_u64()
        };
        until("the budget counts", healthy, |healthy| {
            healthy.is_some_and(|healthy| is_ready == (healthy > 0))
        });
    }

    /// The pods of a namespace.
    pub(crate) fn pods(&self, namespace: &str) -> Vec<Value> {
        self.list(&format!("/api/v1/namespaces/{namespace}/pods"))
    }

    fn list(&self, path: &str) -> Vec<Value> {
        self.api.get(path).unwrap()["items"].as_array().unwrap().clone()
    }

    /// Creates a namespace with these annotations and waits until pods can be created in it and the API server
    /// knows whether to ask about its silent pods.
    pub(crate) fn namespace(&self, name: &str, annotations: &Value) {
        self.apply(&[namespace(name, annotations)]);
        self.wait_namespace(name, annotations.as_object().is_none_or(serde_json::Map::is_empty));
    }

    /// Creates a namespace while there is no operator.
    pub(crate) fn namespace_without_operator(&self, name: &str) {
        self.apply(&[namespace(name, &json!({}))]);
        self.wait_service_accounts(&[name]);
    }

    /// Waits until pods can be created in a namespace, and it is listed as silent if it is.
    pub(crate) fn wait_namespace(&self, name: &str, silent: bool) {
        self.wait_service_accounts(&[name]);
        if silent {
            let listed = |names: &Vec<String>| names.iter().any(|listed| listed == name);
            until("the namespace is listed as silent", || self.silent_namespaces(), listed);
        }
    }

    /// Waits until pods can be created in some namespaces.
    pub(crate) fn wait_service_accounts(&self, namespaces: &[&str]) {
        let path = "/api/v1/serviceaccounts?fieldSelector=metadata.name%3Ddefault";
        let missing = || {
            let found = self.list(path);
            let lacks = |name: &&&str| !found.iter().any(|found| found["metadata"]["namespace"] == **name);
            namespaces.iter().find(lacks).map(|name| (*name).to_owned())
        };
        until("the default service accounts", missing, Option::is_none);
    }

    /// The namespaces about whose silent pods the API server does not ask.
    pub(crate) fn silent_namespaces(&self) -> Vec<String> {
        let registration = self.registration().unwrap_or_default();
        let values = &registration["webhooks"][1]["namespaceSelector"]["matchExpressions"][0]["values"];
        serde_json::from_value(values.clone()).unwrap_or_default()
    }

    /// Applies objects. Answers what kubectl said on standard error, warnings among it.
    pub(crate) fn apply(&self, objects: &[Value]) -> String {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), list.to_string()).unwrap();
        let apply = ["apply", "--server-side", "-f", file.path().to_str().unwrap()];
        let output = self.kubectl().output(&apply).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl apply: {said}");
        said
    }

    /// Creates objects for real, or has the API server only try. Answers those that were accepted, as they came back,
    /// and what was said about them.
    pub(crate) fn create(&self, dry_run: bool, objects: &[Value]) -> (Vec<Value>, String) {
        let (mut accepted, mut said) = (Vec::new(), String::new());
        for object in objects {
            let (result, warnings) = self.api.create(dry_run, object);
            said.push_str(&warnings);
            match result {
                Ok(object) => accepted.push(object),
                Err(error) => said.push_str(&error),
            }
        }
        (accepted, said)
    }

    /// What the API server would say to an object: as it would be stored, or the Status that says why not, and warnings.
    pub(crate) fn check(&self, object: &Value) -> (Result<Value, Value>, String) {
        self.api.check(object)
    }

    /// What the API server would say to many objects, in their order: each as it would be stored, or why not.
    pub(crate) fn try_all(&self, objects: &[Value]) -> Vec<Result<Value, String>> {
        // Enough to keep both sides busy.
        let share = objects.len().div_ceil(4).max(1);
        let try_some = |objects: &[Value]| -> Vec<Result<Value, String>> {
            objects.iter().map(|object| self.api.create(true, object).0).collect()
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                objects.chunks(share).map(|objects| scope.spawn(move || try_some(objects))).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        })
    }

    /// Waits until the operator has seen every Instrumentation that was stored before this call.
    ///
    /// A watch brings changes in the order in which they happened, so it is enough to see the last one.
    pub(crate) fn wait_seen(&self) {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("last-{}", LAST.fetch_add(1, Ordering::Relaxed));
        self.apply(&[instrumentation("default", &mark, &json!({}))]);
        let probe = pod("default", "probe", &json!({"instrumentation.opentelemetry.io/inject-sdk": mark}));
        until_some("the operator sees the last Instrumentation", || {
            let (accepted, _) = self.create(true, std::slice::from_ref(&probe));
            accepted.first().is_some_and(is_injected).then_some(())
        });
    }

    /// The pod that a Deployment's controller has made.
    pub(crate) fn pod_of(&self, namespace: &str, app: &str) -> Value {
        let of_app = |pod: &Value| pod["metadata"]["labels"]["app"] == app;
        until_some("the Deployment's pod", || self.pods(namespace).into_iter().find(of_app))
    }

    /// The Events of one reason in a namespace.
    pub(crate) fn events(&self, namespace: &str, reason: &str) -> Vec<Value> {
        self.list(&format!("/api/v1/namespaces/{namespace}/events?fieldSelector=reason%3D{reason}"))
    }
}

/// A policy about nothing.
fn keeper() -> Value {
    let rule = json!({
        "apiGroups": ["ingraft.dev"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothing"],
    });
    let (version, metadata) = ("admissionregistration.k8s.io/v1", json!({"name": "keeps-watching"}));
    let policy = json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": metadata,
        "spec": {
            "failurePolicy": "Ignore", "paramKind": {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"},
            "matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}],
        },
    });
    let binding = json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata,
        "spec": {
            "policyName": "keeps-watching", "validationActions": ["Warn"],
            "paramRef": {"name": NAME, "namespace": NAMESPACE, "parameterNotFoundAction": "Allow"},
        },
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]})
}

/// Whether something was injected into a pod.
pub(crate) fn is_injected(pod: &Value) -> bool {
    pod["metadata"]["annotations"].get("ingraft.dev/injected").is_some()
}

/// The names of the objects in a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).collect()
}

/// A namespace.
pub(crate) fn namespace(name: &str, annotations: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}})
}

/// An Instrumentation.
pub(crate) fn instrumentation(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    })
}

/// A pod with one container.
pub(crate) fn pod(namespace: &str, name: &str, annotations: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1.2.0"}]},
    })
}

/// A Deployment whose pods carry the label `app` and these annotations.
pub(crate) fn deployment(namespace: &str, name: &str, annotations: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {"containers": [{"name": "app", "image": "example.com/app:1.2.0"}]},
            },
        },
    })
}
