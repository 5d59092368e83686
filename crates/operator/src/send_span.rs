//! `ingraft-operator send-span`: sends one span as the environment says, and tells what became of each step. It runs in a pod
//! beside a workload, or in one of its pods, for `ingraft doctor --trace`.
//!
//! Each line is one of [`Line`]; all of them are also the termination message of the container, so that whoever may see the pod
//! may see them. Proxies are not used: agents have their own rules about these.

mod answer;
mod dial;
mod grpc;
mod http1;
mod settings;
mod span;
#[cfg(test)]
mod tests;
mod tls;

use std::io::Write as _;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use ingraft_core::finding::{Fault, Stage, Step};
use ingraft_core::trace::Line;
use settings::{Protocol, Settings};
use span::Span;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

/// The most that all of it may take.
const LIMIT: Duration = Duration::from_secs(30);
/// As long as an exporter waits for an answer:
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options>.
const ANSWER: Duration = Duration::from_secs(10);
/// What the kubelet reads when the container has ended. It is there before:
/// <https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/>.
const MESSAGE: &str = "/dev/termination-log";

/// Arguments of `ingraft-operator send-span`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The trace of the span, in hexadecimal
    #[arg(long, value_name = "ID", value_parser = trace_id)]
    trace_id: TraceId,
    /// The value of its attribute ingraft.trace
    #[arg(long)]
    mark: String,
    /// The service, where no variable names it
    #[arg(long, value_name = "NAME")]
    service: String,
    /// The protocol, where no variable says one: grpc, http/protobuf, or port, where it depends on the port
    #[arg(long, default_value = "http/protobuf")]
    protocol: String,
    /// What a variable is set to where nothing else sets it
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    default: Vec<(String, String)>,
    /// This is a pod of the workload, which may send to itself
    #[arg(long)]
    in_pod: bool,
}

/// The number of a trace.
type TraceId = [u8; 16];

fn trace_id(text: &str) -> Result<TraceId, String> {
    let number = u128::from_str_radix(text, 16).ok().filter(|number| *number != 0 && text.len() == 32);
    number.map(u128::to_be_bytes).ok_or_else(|| "it must be 32 digits, not all zero".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Sends the span, and tells. Returns whether it was accepted.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    rustls::crypto::ring::default_provider().install_default().ok().context("TLS is already chosen")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("failed to start the runtime")?;
    let mut told = Told::default();
    let read = |name: &str| {
        let set = std::env::var(name).ok().filter(|value| !value.is_empty());
        let default = || args.default.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        set.or_else(default).filter(|value| !value.is_empty())
    };
    let accepted = runtime.block_on(async {
        let sent = timeout(LIMIT, send(args, read, &mut told)).await;
        let late = Fault::TooSlow { stage: Stage::Send, seconds: LIMIT.as_secs() };
        match sent.unwrap_or(Err((Stage::Send, late))) {
            Ok(()) => true,
            Err((stage, fault)) => {
                told.tell(&Line::failed(stage, fault));
                false
            }
        }
    });
    // A resolver that hangs is not waited for.
    runtime.shutdown_background();
    Ok(accepted)
}

/// What was told so far.
#[derive(Debug, Default)]
struct Told {
    text: String,
    lines: Vec<Line>,
}

impl Told {
    /// Tells a line at once, in both places. Where nobody reads one of them, the other is there.
    fn tell(&mut self, line: &Line) {
        let text = format!("{}\n", line.json());
        self.text.push_str(&text);
        self.lines.push(line.clone());
        if cfg!(test) {
            return;
        }
        let mut stdout = std::io::stdout().lock();
        drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
        let open = std::fs::OpenOptions::new().write(true).truncate(true).open(MESSAGE);
        drop(open.and_then(|mut file| file.write_all(self.text.as_bytes())));
    }
}

/// A step that failed, and how.
type Failure = (Stage, Fault);

/// Takes one step after the other.
async fn send(args: &Args, read: impl Fn(&str) -> Option<String>, told: &mut Told) -> Result<(), Failure> {
    let settings = Settings::read(&read, &args.protocol).map_err(|fault| (Stage::Settings, fault))?;
    told.tell(&Line::done(Stage::Settings, settings.to_string()));
    let config = settings.tls.then(|| tls::config(&settings)).transpose();
    let config = config.map_err(|fault| (Stage::Tls, fault))?;
    let addresses = dial::resolve(&settings).await.map_err(|fault| (Stage::Resolve, fault))?;
    let listed: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    told.tell(&Line::done(Stage::Resolve, shortened(&listed.join(", "), 200)));
    if !args.in_pod && addresses.iter().all(|address| is_own(address.ip())) {
        return Err((Stage::Connect, Fault::PodItself));
    }
    let stream = dial::connect(&addresses).await.map_err(|fault| (Stage::Connect, fault))?;
    let peer = stream.peer_addr().map(|address| address.to_string()).unwrap_or_default();
    told.tell(&Line::done(Stage::Connect, peer));
    let span = Span::new(args, &read, now());
    let Some(config) = config else {
        return exchange(&settings, &span, stream, told).await;
    };
    let roots = config.roots;
    let stream = tls::shake_hands(&settings, config, stream).await.map_err(|fault| (Stage::Tls, fault))?;
    told.tell(&Line::done(Stage::Tls, roots));
    exchange(&settings, &span, stream, told).await
}

/// Whether an address is that of whoever connects to it.
fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

/// Sends the span, and judges the answer.
async fn exchange(
    settings: &Settings,
    span: &Span,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    told: &mut Told,
) -> Result<(), Failure> {
    let answer = async {
        match settings.protocol {
            Protocol::Grpc => grpc::send(settings, span, stream).await,
            Protocol::HttpProtobuf | Protocol::HttpJson => http1::send(settings, span, stream).await,
        }
    };
    let late = Fault::TooSlow { stage: Stage::Send, seconds: ANSWER.as_secs() };
    let answer = timeout(ANSWER, answer).await.unwrap_or(Err(late)).map_err(|fault| (Stage::Send, fault))?;
    told.tell(&Line::done(Stage::Send, answer.status));
    let said = answer.verdict.map_err(|fault| (Stage::Accept, fault))?;
    told.tell(&Line::done(Stage::Accept, said));
    Ok(())
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

/// As much of a text of others as may be told, on one line.
fn shortened(text: &str, longest: usize) -> String {
    let plain = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = plain.clone().take(longest).collect();
    if plain.count() > longest {
        short.push('…');
    }
    short
}

/// Where something else answers than what was expected.
const fn other_protocol(protocol: Protocol) -> Fault {
    let expected = match protocol {
        Protocol::Grpc => ingraft_core::endpoint_probe::Protocol::Grpc,
        Protocol::HttpProtobuf | Protocol::HttpJson => ingraft_core::endpoint_probe::Protocol::Http,
    };
    Fault::Unreached(Step::WrongProtocol(expected))
}
