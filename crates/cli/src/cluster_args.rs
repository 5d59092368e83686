//! Which cluster to ask, as kubectl's own flags say it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::completions::names;

/// A person waits for the answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Arguments that choose a cluster.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArgs {
    /// The kubeconfig to use [default: that of kubectl]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME", add = names::contexts())]
    context: Option<String>,
}

impl ClusterArgs {
    /// Those that choose this cluster.
    pub const fn new(kubeconfig: Option<PathBuf>, context: Option<String>) -> Self {
        Self { kubeconfig, context }
    }

    /// Whether a cluster is chosen by name.
    pub const fn is_named(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }

    /// Does something with a client of the chosen cluster.
    pub fn with_client<T>(&self, task: impl AsyncFnOnce(Client) -> anyhow::Result<T>) -> anyhow::Result<T> {
        // Only one part of a program may choose how TLS is done. This is the only part that uses it.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut config = self.config().await.context("failed to find a cluster")?;
            config.connect_timeout = Some(TIMEOUT);
            config.read_timeout = Some(TIMEOUT);
            task(Client::try_from(config)?).await
        })
    }

    async fn config(&self) -> anyhow::Result<Config> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        Ok(match (&self.kubeconfig, &self.context) {
            (Some(file), _) => Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await?,
            (None, Some(_)) => Config::from_kubeconfig(&options).await?,
            (None, None) => {
                Config::infer().await.context("there is no usable kubeconfig (--kubeconfig names one)")?
            }
        })
    }
}
