//! The operator under test: a process outside the cluster, with the permissions of its ServiceAccount.

use std::iter::Sum;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use ingraft_testkit::{Background, free_ports};

use crate::http::{self, Sender};
use crate::wait::{self, until};

/// A running operator; it ends with this value.
#[derive(Debug)]
pub(crate) struct Operator {
    process: Background,
    started: Instant,
    webhook: u16,
    health: u16,
    metrics: u16,
}

impl Operator {
    /// Starts the operator and does not wait for anything.
    pub(crate) fn start(
        program: &Path,
        name: &'static str,
        kubeconfig: &Path,
        logs: &Path,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let [webhook, health, metrics] = free_ports()?;
        let mut command = Command::new(program);
        // Without this process's variables: INGRAFT_… and proxies would change what it does.
        command.env_clear().env("KUBECONFIG", kubeconfig).args([
            format!("--webhook-bind=127.0.0.1:{webhook}"),
            format!("--webhook-url=https://127.0.0.1:{webhook}"),
            format!("--health-bind=127.0.0.1:{health}"),
            format!("--metrics-bind=127.0.0.1:{metrics}"),
        ]);
        command.args(arguments);
        let started = Instant::now();
        let process = Background::start(name, command, logs)?;
        Ok(Self { process, started, webhook, health, metrics })
    }

    /// Waits until the operator says that it is ready. Answers how long that took since its start.
    pub(crate) fn wait_ready(&mut self) -> Duration {
        let look = || {
            if let Ok(Some(status)) = self.process.ended() {
                panic!("the operator ended with {status}:\n{}", self.process.log().unwrap_or_default());
            }
            self.readiness().map_err(|error| error.to_string())
        };
        let ready =
            |answer: &Result<http::Answer, String>| answer.as_ref().is_ok_and(|one| one.status == 200);
        drop(until("the operator is ready", look, ready));
        self.started.elapsed()
    }

    /// Waits until the leader has tried whether reviews arrive, which it does at once and then about once a minute: until
    /// then only tests call webhooks.
    pub(crate) fn wait_self_test(&self) {
        let tried = || self.metric::<u64>("ingraft_admission_path_healthy", &[]).unwrap_or_default();
        until("reviews arrive", tried, |healthy| *healthy == 1);
    }

    /// What `/readyz` answers.
    pub(crate) fn readiness(&self) -> anyhow::Result<http::Answer> {
        get(self.health, "/readyz")
    }

    /// Posts to the webhook server as the API server does, which trusts only the given authorities.
    pub(crate) fn post(&self, path: &str, trusted: &str, body: &[u8]) -> anyhow::Result<http::Answer> {
        Sender::trusting(trusted)?.post(&format!("https://127.0.0.1:{}{path}", self.webhook), body)
    }

    /// The sum of the samples of one of the operator's own metrics whose labels contain all given texts.
    pub(crate) fn metric<T: FromStr + Sum>(&self, name: &str, labels: &[&str]) -> anyhow::Result<T> {
        Ok(sum(&self.metrics()?, name, labels))
    }

    /// Everything that it measures.
    pub(crate) fn metrics(&self) -> anyhow::Result<String> {
        Ok(get(self.metrics, "/metrics")?.body)
    }

    /// Where it serves what it measures.
    pub(crate) fn metrics_address(&self) -> String {
        format!("127.0.0.1:{}", self.metrics)
    }

    /// What it has logged, one JSON object a line.
    pub(crate) fn log(&self) -> anyhow::Result<String> {
        self.process.log()
    }

    /// Where reviews are sent.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.webhook)
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks the process to stop, as a kubelet does.
    pub(crate) fn terminate(&self) -> anyhow::Result<()> {
        self.signal("TERM")
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, name: &str) -> anyhow::Result<()> {
        let status = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status()?;
        anyhow::ensure!(status.success(), "kill failed with {status}");
        Ok(())
    }

    /// Waits until the process has ended. Answers whether it did so with success.
    pub(crate) fn wait_ended(&mut self) -> bool {
        wait::until_some("the operator ends", || self.process.ended().ok().flatten()).success()
    }
}

/// Asks a port of this machine, without TLS.
fn get(port: u16, path: &str) -> anyhow::Result<http::Answer> {
    Sender::trusting("")?.get(&format!("http://127.0.0.1:{port}{path}"))
}

/// The sum of the samples of a metric in the Prometheus text format whose labels contain all given texts.
pub(crate) fn sum<T: FromStr + Sum>(text: &str, name: &str, labels: &[&str]) -> T {
    let value = |line: &str| {
        let (own, rest) = line.split_at_checked(line.find(['{', ' '])?)?;
        let (own_labels, value) = rest.rsplit_once(' ')?;
        let fits = own == name && labels.iter().all(|label| own_labels.contains(label));
        fits.then(|| value.parse().ok())?
    };
    text.lines().filter_map(value).sum()
}
