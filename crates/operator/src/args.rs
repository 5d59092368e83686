//! The operator's flags; each is also an environment variable `INGRAFT_…`.

use clap::{Parser, Subcommand};
use ingraft_core::endpoint_probe::ProbeEndpoints;
use ingraft_core::{Heal, Locale, Mode};
use ingraft_settings::SettingsArgs;
use ingraft_webhook::Bind;
use tracing_subscriber::filter::LevelFilter;

use crate::send_span;

/// Injects OpenTelemetry auto-instrumentation into pods that request it.
#[derive(Debug, Parser)]
#[command(name = "ingraft-operator", version, max_term_width = 110, disable_help_subcommand = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Where admission reviews are served, over TLS; a port alone is that of all addresses, of IPv6 and of IPv4
    #[arg(
        long,
        env = "INGRAFT_WEBHOOK_BIND",
        hide_env = true,
        default_value = ":9443",
        value_name = "[ADDRESS]:PORT",
        help_heading = "Serving"
    )]
    pub webhook_bind: Bind,
    /// Register the webhooks by this URL instead of by Service, for an operator outside the cluster, such as
    /// https://127.0.0.1:9443
    #[arg(long, env = "INGRAFT_WEBHOOK_URL", hide_env = true, value_name = "URL", value_parser = webhook_url, help_heading = "Serving")]
    pub webhook_url: Option<WebhookUrl>,
    /// Where /healthz and /readyz are served
    #[arg(
        long,
        env = "INGRAFT_HEALTH_BIND",
        hide_env = true,
        default_value = ":8081",
        value_name = "[ADDRESS]:PORT",
        help_heading = "Serving"
    )]
    pub health_bind: Bind,
    /// Where /metrics is served
    #[arg(
        long,
        env = "INGRAFT_METRICS_BIND",
        hide_env = true,
        default_value = ":8080",
        value_name = "[ADDRESS]:PORT",
        help_heading = "Serving"
    )]
    pub metrics_bind: Bind,
    /// The operator's own namespace: its Service and the Secret with its certificate authority are there
    #[arg(long, env = "INGRAFT_NAMESPACE", hide_env = true, default_value = "opentelemetry-operator-system")]
    pub namespace: String,
    /// The operator's own pod: once it is gone or started anew, another replica leads without waiting for the Lease to end
    #[arg(long, env = "INGRAFT_POD", hide_env = true, value_name = "NAME")]
    pub pod: Option<String>,
    /// The lowest severity that is logged: error, warn, info, debug or trace
    #[arg(long, env = "INGRAFT_LOG_LEVEL", hide_env = true, default_value = "info", value_name = "LEVEL")]
    pub log_level: LevelFilter,
    /// Watch the names of Secrets, to report those that an Instrumentation names and a namespace lacks; needs the
    /// permission to list Secrets, which `ingraft manifests --check-secrets` adds
    #[arg(long, env = "INGRAFT_CHECK_SECRETS", hide_env = true)]
    pub check_secrets: bool,
    /// What to do with what is decided: inject pods; observe, which tells people and changes nothing; or off, where the
    /// API server does not ask
    #[arg(long, env = "INGRAFT_MODE", hide_env = true, default_value = "inject", value_parser = ingraft_settings::mode)]
    pub mode: Mode,
    /// Restart workloads whose pods lack what they request, unless they, their namespaces or Instrumentations say otherwise
    /// with the annotation ingraft.dev/heal: off, missed (pods that run without) or outdated (also those that run with what
    /// an Instrumentation meant before). Where pods crash once they are injected while others of the template run, one that
    /// crashes is evicted too, and its successor starts without injection; if that one lives, nothing is injected any more.
    /// Without this flag nothing is restarted or evicted, whatever annotations say; needs the permissions that
    /// `ingraft manifests --heal` adds
    #[arg(long, env = "INGRAFT_HEAL", hide_env = true, value_name = "WHAT", value_parser = ingraft_settings::heal, help_heading = "Healing")]
    pub heal: Option<Heal>,
    /// With outdated: a newer default image, which an upgrade of the operator brings, is a reason too
    #[arg(long, env = "INGRAFT_HEAL_IMAGES", hide_env = true, help_heading = "Healing")]
    pub heal_images: bool,
    /// So many workloads are restarted at once; those that do not come back count until they do
    #[arg(
        long,
        env = "INGRAFT_HEAL_AT_ONCE",
        hide_env = true,
        default_value = "3",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Healing"
    )]
    pub heal_at_once: u16,
    /// Keep a plan by which the API server injects pods by itself while no replica runs; needs Kubernetes 1.36 (docs/standby.md),
    /// and the policies and permissions that `ingraft manifests --standby` adds. Replicas must run in the cluster, as pods that
    /// their PodDisruptionBudget counts
    #[arg(long, env = "INGRAFT_STANDBY", hide_env = true)]
    pub standby: bool,
    /// Which endpoints of Instrumentations are tried, and told in their status: off, none; cluster, the ports that Services
    /// of this cluster declare; or all, those outside the cluster too, so that whoever may write an Instrumentation learns
    /// what the operator reaches
    #[arg(
        long,
        env = "INGRAFT_PROBE_ENDPOINTS",
        hide_env = true,
        default_value = "cluster",
        value_name = "WHICH",
        value_parser = probe_endpoints
    )]
    pub probe_endpoints: ProbeEndpoints,
    /// The language of findings in logs, Events, warnings and status: en or es
    #[arg(long, env = "INGRAFT_LOCALE", hide_env = true, default_value = "en", value_parser = locale)]
    pub locale: Locale,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// What else than to operate this program can do, in pods that the command line makes.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Send one span as the environment says, and tell what became of each step
    #[command(hide = true)]
    SendSpan(send_span::Args),
}

/// An `https` URL and the host that the certificate must name.
#[derive(Debug, Clone)]
pub struct WebhookUrl {
    /// The URL.
    pub url: String,
    /// Its host.
    pub host: String,
}

fn locale(text: &str) -> Result<Locale, String> {
    Locale::parse(text).ok_or_else(|| "it must be en or es".to_owned())
}

fn probe_endpoints(text: &str) -> Result<ProbeEndpoints, String> {
    ingraft_settings::one_of(ProbeEndpoints::ALL, ProbeEndpoints::as_str, text)
}

fn webhook_url(text: &str) -> Result<WebhookUrl, String> {
    let authority = text.strip_prefix("https://").ok_or("it must begin with https://")?;
    let authority = authority.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.filter(|host| !host.is_empty()).ok_or("it has no host")?;
    Ok(WebhookUrl { url: text.to_owned(), host: host.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn takes_the_host_from_the_url() {
        assert_eq!(webhook_url("https://10.0.0.1:9443").unwrap().host, "10.0.0.1");
        assert_eq!(webhook_url("https://[::1]:9443/").unwrap().host, "::1");
        assert_eq!(webhook_url("https://example.com").unwrap().host, "example.com");
        assert!(webhook_url("http://example.com").is_err());
        assert!(webhook_url("https://:9443").is_err());
    }
}
