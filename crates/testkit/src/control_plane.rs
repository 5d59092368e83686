//! etcd, the API server and the controllers on loopback: enough for admission, custom resources and
//! controllers. There is no node, so pods stay Pending.
//!
//! A webhook outside the cluster is registered by URL, `https://127.0.0.1:PORT/path`.

pub(crate) mod programs;

use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::command::{SYSTEM_PATH, succeeds};
use crate::credentials::Credentials;
use crate::process::{Component, Program, free_ports, run_while_alive, wait_until, watchdog};
use crate::{Kubectl, Tools};
use programs::Addresses;

/// How long the API server may take to become ready.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(90);

/// Starts before one gives up finding ports that stay free.
const ATTEMPTS: u32 = 3;

/// Stands for "no node": an address for documentation, which nothing connects to.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A running control plane; it ends with this value, or with the process that holds it.
#[derive(Debug)]
pub struct ControlPlane {
    kubectl: Kubectl,
    credentials: Credentials,
    url: String,
    components: Vec<Component>,
    watchdog: Option<Child>,
    // Last, so that the folder goes after the processes that write to it.
    folder: TempDir,
}

impl ControlPlane {
    /// Starts everything and waits until it is usable: requests are answered, and namespaces get their
    /// service account.
    ///
    /// # Errors
    /// Holds the end of the log of the component that failed.
    pub fn start(tools: &Tools) -> anyhow::Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::start_once(tools) {
                Err(error)
                    if attempt < ATTEMPTS && format!("{error:#}").contains("address already in use") =>
                {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// The administrator's kubeconfig file.
    pub fn kubeconfig(&self) -> PathBuf {
        self.credentials.kubeconfig()
    }

    /// The API server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file with the certificate of the API server's authority.
    pub fn certificate_authority(&self) -> PathBuf {
        self.credentials.authority()
    }

    /// kubectl for this control plane.
    pub const fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// The API server's own metrics, in the Prometheus text format.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub fn metrics(&self) -> anyhow::Result<String> {
        self.kubectl.run(&["get", "--raw", "/metrics"])
    }

    /// The folder with the logs, one file per component.
    pub fn logs(&self) -> &Path {
        self.folder.path()
    }

    fn start_once(tools: &Tools) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("ingraft-control-plane-").tempdir()?;
        let [secure_port, etcd_client_port, etcd_peer_port] = free_ports()?;
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let at =
            Addresses { bind: loopback, advertise: NOWHERE, secure_port, etcd_client_port, etcd_peer_port };
        let url = format!("https://127.0.0.1:{secure_port}");
        let credentials = Credentials::create(
            &folder.path().join("credentials"),
            &url,
            &[loopback, programs::KUBERNETES_SERVICE],
        )?;
        let kubectl = Kubectl::new(tools.kubectl(), credentials.kubeconfig());
        let mut this = Self { kubectl, credentials, url, components: Vec::new(), watchdog: None, folder };
        this.run(&programs::etcd(tools, &this.folder.path().join("etcd"), at))?;
        // There is no address that a pod could reach, so the endpoints of the Service stay empty.
        let server =
            programs::api_server(tools, &this.credentials, at).flag("endpoint-reconciler-type", "none");
        this.run(&server)?;
        this.watch()?;
        wait_for_api(&this.kubectl, (loopback, secure_port), &mut this.components)?;
        this.run(&programs::controller_manager(tools, &this.credentials))?;
        this.watch()?;
        wait_for_service_account(&this.kubectl, &mut this.components)?;
        Ok(this)
    }

    fn run(&mut self, program: &Program) -> anyhow::Result<()> {
        let mut command = Command::new(&program.path);
        // Without this process's variables: etcd takes any ETCD_… for an option.
        command.env_clear().env("PATH", SYSTEM_PATH).args(&program.arguments).current_dir(self.folder.path());
        self.components.push(Component::start(program.name, command, self.folder.path())?);
        Ok(())
    }

    /// Has the components end with this process, even when it drops no values.
    fn watch(&mut self) -> anyhow::Result<()> {
        self.stop_watching();
        let processes: Vec<u32> = self.components.iter().map(|one| one.child.id()).collect();
        self.watchdog = Some(watchdog(Some(self.folder.path()), &processes)?);
        Ok(())
    }

    /// Ends the watchdog before the components: afterwards their numbers may belong to others.
    fn stop_watching(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.stop_watching();
        // The API server first: it would only complain that etcd is gone.
        for component in self.components.iter_mut().rev() {
            component.kill();
        }
    }
}

/// Waits until the API server answers that it is ready.
pub(crate) fn wait_for_api(
    kubectl: &Kubectl,
    address: (IpAddr, u16),
    components: &mut [Component],
) -> anyhow::Result<()> {
    wait_until("the API server", READY_LIMIT, components, || {
        // A connection costs nothing, a start of kubectl a tenth of a second.
        TcpStream::connect(address).is_ok()
            && succeeds(&mut kubectl.command(&["get", "--raw", "/readyz", "--request-timeout=5s"]))
    })
}

/// Waits until the controllers work, which shows in the service account that every namespace gets.
pub(crate) fn wait_for_service_account(
    kubectl: &Kubectl,
    components: &mut [Component],
) -> anyhow::Result<()> {
    let arguments = ["wait", "--for=create", "serviceaccount/default", "--timeout=90s"];
    run_while_alive(&mut kubectl.command(&arguments), components)
        .context("wait for the default service account")
}
