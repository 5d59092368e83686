//! The steps that start a cluster.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use super::configuration::{self, Files};
use super::network::{self, Network};
use super::record::Record;
use super::{API_PORT, cgroups, credentials_folder, join, url};
use crate::command::SYSTEM_PATH;
use crate::control_plane::programs::{self, Addresses, KUBERNETES_SERVICE};
use crate::credentials::Credentials;
use crate::process::{Component, ProcessId, Program, run_while_alive, wait_until};
use crate::{Kubectl, NodeTools};

/// A cluster while it starts.
pub(super) struct Start<'a> {
    name: &'a str,
    folder: &'a Path,
    tools: &'a NodeTools,
    network: Network,
    credentials: Credentials,
    files: Files,
    pub(super) components: Vec<Component>,
}

impl<'a> Start<'a> {
    pub(super) fn prepare(name: &'a str, folder: &'a Path, tools: &'a NodeTools) -> anyhow::Result<Self> {
        fs::create_dir_all(folder.join("logs")).context("create the cluster's folder")?;
        fs::create_dir_all(folder.join("bin"))?;
        symlink(tools.control_plane().kubectl(), folder.join("bin/kubectl"))?;
        cgroups::create(name)?;
        let network = Network::create(name)?;
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let credentials = Credentials::create(
            &credentials_folder(folder),
            &url(network.node),
            &[network.node, loopback, KUBERNETES_SERVICE],
        )?;
        let files = configuration::write(folder, name, network.node, &credentials, tools)?;
        Ok(Self { name, folder, tools, network, credentials, files, components: Vec::new() })
    }

    pub(super) fn runtime_and_api_server(&mut self) -> anyhow::Result<()> {
        let tools = self.tools.control_plane();
        let at = Addresses {
            // The machine comes in over the link, pods over the Service.
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            advertise: self.network.node,
            secure_port: API_PORT,
            // In a network of its own every port is free.
            etcd_client_port: 2379,
            etcd_peer_port: 2380,
        };
        self.run_in_network(&programs::etcd(tools, &self.folder.join("etcd"), at))?;
        self.run_in_network(&programs::api_server(tools, &self.credentials, at))?;
        self.containerd()
    }

    pub(super) fn controllers_and_kubelet(&mut self) -> anyhow::Result<()> {
        let tools = self.tools.control_plane();
        self.run_in_network(&programs::controller_manager(tools, &self.credentials))?;
        self.run_in_network(&programs::scheduler(tools, &self.credentials))?;
        let kubelet = Program::new("kubelet", tools.kubernetes("kubelet"))
            .flag("config", &self.files.kubelet)
            .flag("kubeconfig", self.credentials.kubeconfig())
            .flag("hostname-override", self.name)
            .flag("node-ip", self.network.node.to_string());
        let containerd = self.process("containerd")?;
        let mut command = self.detached("nsenter");
        command.args(join(containerd.number)).arg("--");
        self.run(&kubelet, command)
    }

    /// Starts kube-proxy, which looks for its node once and then sleeps ever longer: not before there is one.
    pub(super) fn proxy(&mut self) -> anyhow::Result<()> {
        let program = self.tools.control_plane().kubernetes("kube-proxy");
        self.run_in_network(&Program::new("kube-proxy", program).flag("config", &self.files.kube_proxy))
    }

    pub(super) fn wait(&mut self, kubectl: &Kubectl, arguments: &[&str]) -> anyhow::Result<()> {
        run_while_alive(&mut kubectl.command(arguments), &mut self.components)
    }

    fn containerd(&mut self) -> anyhow::Result<()> {
        let mut command = self.detached("nsenter");
        command
            .arg(format!("--net={}", network::namespace_path(&self.network.namespace).display()))
            .args(["--", "unshare", "--mount", "--propagation", "slave", "--", "sh"])
            .arg(&self.files.isolate)
            .arg(self.folder);
        let program = Program::new("containerd", self.tools.containerd().join("containerd"))
            .flag("config", &self.files.containerd);
        self.run(&program, command)?;
        let socket = self.folder.join("run/containerd.sock");
        wait_until("containerd", Duration::from_secs(20), &mut self.components, || socket.exists())
    }

    fn run_in_network(&mut self, program: &Program) -> anyhow::Result<()> {
        let mut command = self.detached("nsenter");
        command
            .arg(format!("--net={}", network::namespace_path(&self.network.namespace).display()))
            .arg("--");
        self.run(program, command)
    }

    /// Starts `program` by `command`, which ends in executing it, so that the process stays the same.
    fn run(&mut self, program: &Program, mut command: Command) -> anyhow::Result<()> {
        command.arg(&program.path).args(&program.arguments);
        self.components.push(Component::start(program.name, command, &self.folder.join("logs"))?);
        Ok(())
    }

    /// A command in a session of its own, so that neither the end of this process nor its terminal ends
    /// it, and without this process's variables, such as those of proxies.
    fn detached(&self, program: &str) -> Command {
        let mut command = Command::new("setsid");
        command
            .env_clear()
            .env("PATH", format!("{}:{SYSTEM_PATH}", self.tools.containerd().display()))
            .env("HOME", self.folder)
            .current_dir(self.folder)
            .arg(program);
        command
    }

    fn process(&self, name: &str) -> anyhow::Result<ProcessId> {
        let component = self.components.iter().find(|component| component.name == name);
        component
            .and_then(|component| ProcessId::of(component.child.id()))
            .with_context(|| format!("{name} has ended"))
    }

    pub(super) fn record(&self) -> anyhow::Result<Record> {
        let processes = self
            .components
            .iter()
            .map(|component| Ok((component.name.to_owned(), self.process(component.name)?)))
            .collect::<anyhow::Result<_>>()?;
        Ok(Record {
            node: self.network.node,
            kubernetes: self.tools.control_plane().version().to_string(),
            containerd: self.tools.containerd().to_owned(),
            processes,
        })
    }
}
