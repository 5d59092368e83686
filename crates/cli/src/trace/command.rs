//! What `ingraft doctor --trace` is asked with.

use std::time::Duration;

use ingraft_cluster::api::WorkloadKind;
use ingraft_core::Locale;
use ingraft_core::trace::Trace;
use kube::Client;

use super::Request;

/// Arguments that are about proof of delivery.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Proof of delivery")]
pub struct TraceArgs {
    /// Send a marked span from a short-lived pod to the endpoint that a workload really has, such as deployment/checkout, and
    /// tell how far it came
    #[arg(long, value_name = "TYPE/NAME", value_parser = workload, conflicts_with_all = ["manifests", "all_namespaces", "fix", "wait", "show", "only", "skip", "fail_on"])]
    trace: Option<Workload>,
    /// The image that sends: one of the operator [default: that of the installed operator]
    #[arg(long, value_name = "IMAGE", requires = "trace")]
    trace_image: Option<String>,
    /// The longest that the pod may take to start, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds, requires = "trace")]
    trace_timeout: Duration,
    /// Send from a pod of the workload, by a container that stays in it until the pod is replaced
    #[arg(long, requires = "trace")]
    in_pod: bool,
}

/// A workload, as it was written.
#[derive(Debug, Clone)]
struct Workload {
    kind: WorkloadKind,
    word: String,
    name: String,
}

fn workload(text: &str) -> Result<Workload, String> {
    let parts = text.split_once('/').filter(|(_, name)| !name.is_empty());
    let (word, name) = parts.ok_or("write TYPE/NAME, such as deployment/checkout")?;
    let kinds = || WorkloadKind::names().collect::<Vec<_>>().join(", ");
    let kind = WorkloadKind::parse(word).ok_or_else(|| format!("\"{word}\" is none of {}", kinds()))?;
    Ok(Workload { kind, word: text.to_owned(), name: name.to_owned() })
}

/// A time in seconds, at least one and at most ten minutes.
fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text).parse().ok();
    let number = number.filter(|number| (1..=600).contains(number));
    number.map(Duration::from_secs).ok_or_else(|| "it must be a number from 1 to 600".to_owned())
}

impl TraceArgs {
    /// Whether a span is to be sent.
    pub const fn is_wanted(&self) -> bool {
        self.trace.is_some()
    }

    /// Sends a span; `None` where none is to be sent. Without a namespace it is that of the context.
    ///
    /// # Errors
    /// When it is not known what to send, or how; or when it was interrupted.
    pub async fn run(
        &self,
        client: &Client,
        namespace: Option<&str>,
        yes: bool,
        locale: Locale,
    ) -> anyhow::Result<Option<Trace>> {
        let Some(Workload { kind, word, name }) = &self.trace else { return Ok(None) };
        let request = Request {
            kind: *kind,
            word,
            name,
            namespace: namespace.unwrap_or_else(|| client.default_namespace()),
            image: self.trace_image.as_deref(),
            timeout: self.trace_timeout,
            in_pod: self.in_pod,
            yes,
        };
        super::run(client, &request, locale).await.map(Some)
    }
}
