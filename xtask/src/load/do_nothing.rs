//! A webhook that does nothing, called for the same pods: its time in the API server's metric is not ours to save.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingraft_testkit::{Background, ControlPlane, Progress, free_ports, programs};
use serde_json::json;

/// The name of its registration.
pub(super) const CONFIGURATION: &str = "do-nothing";
/// The name that metrics have for it.
pub(super) const NAME: &str = "do-nothing.ingraft.dev";

/// A running webhook that is registered for all pods.
pub(super) struct DoNothing {
    process: Background,
    port: u16,
}

impl DoNothing {
    pub(super) fn start(plane: &ControlPlane, progress: Progress) -> anyhow::Result<Self> {
        let program = programs::example("ingraft-webhook", "do_nothing", progress)?;
        let [port] = free_ports()?;
        let mut command = Command::new(program);
        command.arg(format!("127.0.0.1:{port}"));
        let process = Background::start("do-nothing", command, plane.logs())?;
        let this = Self { process, port };
        this.register(plane)?;
        Ok(this)
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.port)
    }

    fn register(&self, plane: &ControlPlane) -> anyhow::Result<()> {
        let registration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": CONFIGURATION},
            "webhooks": [{
                "name": NAME, "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "clientConfig": {"url": self.url(), "caBundle": STANDARD.encode(self.certificate()?)},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            }],
        });
        plane.kubectl().apply(&registration.to_string()).map(drop)
    }

    fn certificate(&self) -> anyhow::Result<String> {
        let start = Instant::now();
        loop {
            let printed = self.process.log()?;
            if let Some((certificate, _)) = printed.split_once("-----END CERTIFICATE-----") {
                return Ok(format!("{certificate}-----END CERTIFICATE-----\n"));
            }
            ensure!(start.elapsed() < Duration::from_secs(10), "it printed no certificate: {printed}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
