//! Apache httpd and nginx: the real servers load stand-ins for the module from the injected configuration. The stand-ins
//! tell in headers what they were given.

use anyhow::{Context as _, ensure};
use ingraft_e2e_tests::{Example, load, repository};
use ingraft_testkit::ingraft::ready_pod;
use ingraft_testkit::{Cluster, Kubectl, images};

/// What differs between the servers.
pub struct Server {
    /// The key of the annotation, and the name of the example.
    pub key: &'static str,
    /// The field of the Instrumentation.
    pub field: &'static str,
    /// What the names of directives begin with.
    pub prefix: &'static str,
    pub attach: &'static str,
    /// The main file in the image.
    pub main: &'static str,
    /// The same in this repository.
    pub source: &'static str,
    /// A change to the main file, and the port on which it adds the header `X-Own-Configuration: mounted`.
    pub change: (&'static str, &'static str),
    pub changed_port: u16,
}

/// A name that means something else to a shell, to sed, and to both servers.
const NAME: &str = r#"my "shop" 100% \n & $HOME ; {#} 'ñ'"#;

impl Server {
    pub fn check(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let kubectl = cluster.kubectl();
        self.example_loads(kubectl)?;
        self.any_service_name_arrives_verbatim(kubectl)?;
        self.server_starts_without_a_module(kubectl)?;
        self.mounted_main_file_applies(kubectl)?;
        self.restricted_namespace_accepts_it(kubectl)
    }

    fn example_loads(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        let name = format!("{}-server", self.key);
        kubectl.apply(Example::read(self.key)?.text())?;
        let pod = ready_pod(kubectl, "application", &format!("app={name}"))?;
        let headers = headers(kubectl, "application", &pod, 8080)?;
        let endpoint = "http://otel-collector.opentelemetry.svc.cluster.local:4317";
        for expected in [
            "X-Own-Configuration: kept",
            &format!("X-Ingraft-Stand-In: {name}/{pod}"),
            &self.given("Enabled", "ON"),
            &self.given("OtelSpanExporter", "otlp"),
            &self.given("OtelExporterEndpoint", endpoint),
            &self.given("ServiceNamespace", "application"),
            &self.given("ResolveBackends", "ON"),
        ] {
            ensure!(headers.iter().any(|header| header == expected), "{expected} in\n{}", headers.join("\n"));
        }
        if self.key == "nginx" {
            // It removes variables that its configuration does not name.
            let attributes = "X-Ingraft-Given: OTEL_RESOURCE_ATTRIBUTES=";
            let attributes = headers.iter().find_map(|header| header.strip_prefix(attributes));
            let attributes = attributes.context("the module sees no resource attributes")?;
            ensure!(attributes.contains(&format!("k8s.pod.name={pod}")), "{attributes}");
        }
        Ok(())
    }

    fn any_service_name_arrives_verbatim(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        let name = format!("{}-named", self.key);
        let quoted = NAME.replace('\'', "''");
        let example =
            self.renamed(&name)?.annotation(&format!("resource.opentelemetry.io/service.name: '{quoted}'"));
        kubectl.apply(example.text())?;
        let pod = ready_pod(kubectl, "application", &format!("app={name}"))?;
        let headers = headers(kubectl, "application", &pod, 8080)?;
        let expected = format!("X-Ingraft-Stand-In: {NAME}/{pod}");
        ensure!(headers.contains(&expected), "{expected} in\n{}", headers.join("\n"));
        Ok(())
    }

    fn server_starts_without_a_module(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        let name = format!("{}-unsupported", self.key);
        let image = images::WEBSERVER_AGENT_WITHOUT_MODULES;
        let example = self
            .renamed(&name)?
            .replace(&format!("{}-instrumentation", self.key), &name)
            .replace("  exporter:\n", &format!("  {}:\n    image: {image}\n  exporter:\n", self.field));
        kubectl.apply(example.text())?;
        let pod = ready_pod(kubectl, "application", &format!("app={name}"))?;
        let headers = headers(kubectl, "application", &pod, 8080)?;
        ensure!(headers.iter().any(|header| header == "X-Own-Configuration: kept"), "{headers:?}");
        ensure!(!headers.iter().any(|header| header.starts_with("X-Ingraft")), "{headers:?}");
        let attach = format!("{{.status.initContainerStatuses[?(@.name==\"{}\")]", self.attach);
        let message = format!("jsonpath={attach}.state.terminated.message}}");
        let message = kubectl.run(&["get", "pod", "-n", "application", &pod, "-o", &message])?;
        ensure!(message.contains("starts without instrumentation"), "{message:?}");
        Ok(())
    }

    fn mounted_main_file_applies(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        let name = format!("{}-mounted", self.key);
        let original = std::fs::read_to_string(repository(self.source))?;
        let changed = original.replace(self.change.0, self.change.1);
        ensure!(changed != original, "{} is not as expected", self.source);
        let (_, file) = self.main.rsplit_once('/').context("a path")?;
        let indented = changed.trim_end().replace('\n', "\n    ");
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: application\n\
             data:\n  {file}: |\n    {indented}\n"
        );
        kubectl.apply(&map)?;
        let mount = format!("- name: main\n  mountPath: {}\n  subPath: {file}", self.main);
        let example = self
            .renamed(&name)?
            .container(&format!("volumeMounts:\n{mount}"))
            .pod(&format!("volumes:\n- name: main\n  configMap:\n    name: {name}"));
        kubectl.apply(example.text())?;
        let pod = ready_pod(kubectl, "application", &format!("app={name}"))?;
        let headers = headers(kubectl, "application", &pod, self.changed_port)?;
        for expected in ["X-Own-Configuration: mounted", &format!("X-Ingraft-Stand-In: {name}/{pod}")] {
            ensure!(headers.iter().any(|header| header == expected), "{expected} in\n{}", headers.join("\n"));
        }
        Ok(())
    }

    fn restricted_namespace_accepts_it(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        let namespace = format!("restricted-{}", self.key);
        kubectl.apply(Example::read(self.key)?.restricted(&namespace).text())?;
        let name = format!("{}-server", self.key);
        let pod = ready_pod(kubectl, &namespace, &format!("app={name}"))?;
        let headers = headers(kubectl, &namespace, &pod, 8080)?;
        let expected = format!("X-Ingraft-Stand-In: {name}/{pod}");
        ensure!(headers.contains(&expected), "{expected} in\n{}", headers.join("\n"));
        Ok(())
    }

    fn renamed(&self, name: &str) -> anyhow::Result<Example> {
        Ok(Example::read(self.key)?.replace(&format!("{}-server", self.key), name))
    }

    fn given(&self, directive: &str, value: &str) -> String {
        format!("X-Ingraft-Given: {}{directive}={value}", self.prefix)
    }
}

/// Loads what both servers need.
pub fn load_images(cluster: &Cluster) -> anyhow::Result<()> {
    load(
        cluster,
        &[images::httpd, images::nginx, images::webserver_agent, images::webserver_agent_without_modules],
    )
}

/// The headers of an answer, asked for within the pod: the API server's proxy does not show them.
fn headers(kubectl: &Kubectl, namespace: &str, pod: &str, port: u16) -> anyhow::Result<Vec<String>> {
    let url = format!("http://127.0.0.1:{port}/");
    let output =
        kubectl.output(&["exec", "-n", namespace, pod, "--", "wget", "-S", "-q", "-O", "-", &url])?;
    let said = String::from_utf8_lossy(&output.stderr);
    let log = || {
        let of = |more: &[&str]| {
            kubectl.run(&[&["logs", "-n", namespace, pod], more].concat()).unwrap_or_default()
        };
        format!("{}{}", of(&["--previous"]), of(&[]))
    };
    ensure!(output.status.success(), "no answer: {said}\n{}", log());
    ensure!(output.stdout == b"hello\n", "another answer");
    Ok(said.lines().map(|line| line.trim().to_owned()).collect())
}
