//! The programs that a Kubernetes is made of: found on the machine, installed from Debian, or built by Go.

mod build;
mod kubernetes;
mod packages;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use build::{Module, install_containerd};
pub(crate) use build::{content_key, file_hash};
pub use kubernetes::Kubernetes;
use packages::Need;
pub(crate) use packages::is_root;

use crate::{Cache, Progress};

/// The version of the Collector that is built. The go.mod of the module `collector` names the same.
pub(crate) const COLLECTOR_VERSION: &str = "0.162.0";

/// The version of `CoreDNS` that is built. The go.mod of the module `coredns` names the same.
pub(crate) const COREDNS_VERSION: &str = "1.15.0";

/// The version of Grafana's Foundation SDK, which has the schema of dashboards. The go.mod of the module `dashboard` names
/// the same.
const DASHBOARD_SCHEMA_VERSION: &str = "0.0.22";

/// What a control plane needs: etcd and Kubernetes.
#[derive(Clone, Debug)]
pub struct Tools {
    cache: Cache,
    version: Kubernetes,
    programs: PathBuf,
    etcd: PathBuf,
}

impl Tools {
    /// Builds and installs what is missing; instant when nothing is.
    ///
    /// # Errors
    /// Names the command to run when something is missing that only root can install.
    pub fn prepare(kubernetes: Kubernetes, progress: Progress) -> anyhow::Result<Self> {
        let cache = Cache::locate()?;
        packages::ensure(&cache, progress, &[Need::program("etcd", "etcd-server")])?;
        let module = Module {
            ldflags: kubernetes.ldflags(),
            links: &[
                "kube-apiserver",
                "kube-controller-manager",
                "kube-proxy",
                "kube-scheduler",
                "kubectl",
                "kubelet",
            ],
            ..kubernetes.module("kubernetes", ".")
        };
        let what = format!("Kubernetes {kubernetes} (about 10 minutes the first time)");
        let programs = module.build(&cache, progress, &what)?;
        let etcd = crate::command::find("etcd").context("etcd is not in PATH after its installation")?;
        Ok(Self { cache, version: kubernetes, programs, etcd })
    }

    /// The version of Kubernetes.
    pub const fn version(&self) -> Kubernetes {
        self.version
    }

    /// Where builds are kept.
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The kubectl of the cluster's own version.
    pub fn kubectl(&self) -> PathBuf {
        self.kubernetes("kubectl")
    }

    /// One component of Kubernetes.
    pub(crate) fn kubernetes(&self, component: &str) -> PathBuf {
        self.programs.join(component)
    }

    pub(crate) fn etcd(&self) -> &Path {
        &self.etcd
    }
}

/// What a node needs on top: containerd, DNS, the network's programs.
#[derive(Clone, Debug)]
pub struct NodeTools {
    control_plane: Tools,
    containerd: PathBuf,
    coredns: PathBuf,
    pause: PathBuf,
    plugins: PathBuf,
}

impl NodeTools {
    /// Builds and installs what is missing; instant when nothing is.
    ///
    /// # Errors
    /// Names the command to run when something is missing that only root can install.
    pub fn prepare(kubernetes: Kubernetes, progress: Progress) -> anyhow::Result<Self> {
        let cache = Cache::locate()?;
        packages::ensure(
            &cache,
            progress,
            &[
                Need::program("etcd", "etcd-server"),
                Need::program("runc", "runc"),
                Need::network_plugin("ptp", "containernetworking-plugins"),
                Need::program("iptables", "iptables"),
                Need::program("conntrack", "conntrack"),
                Need::program("socat", "socat"),
                Need::program("ip", "iproute2"),
            ],
        )?;
        let control_plane = Tools::prepare(kubernetes, progress)?;
        let containerd = install_containerd(&cache, progress)?;
        let what = format!("CoreDNS {COREDNS_VERSION} (about 3 minutes the first time)");
        let coredns = Module::new("coredns", COREDNS_VERSION).build(&cache, progress, &what)?.join("coredns");
        let pause = small_program(&cache, progress, "pause")?;
        let plugins = packages::network_plugins().context("no CNI plugins after their installation")?;
        Ok(Self { control_plane, containerd, coredns, pause, plugins })
    }

    /// The part that a control plane alone needs.
    pub const fn control_plane(&self) -> &Tools {
        &self.control_plane
    }

    /// The folder with containerd, its shim and `ctr`.
    pub(crate) fn containerd(&self) -> &Path {
        &self.containerd
    }

    pub(crate) fn coredns(&self) -> &Path {
        &self.coredns
    }

    pub(crate) fn pause(&self) -> &Path {
        &self.pause
    }

    /// The folder with the CNI plugins.
    pub(crate) fn plugins(&self) -> &Path {
        &self.plugins
    }
}

/// Builds the Collector, which only those need who load its image.
pub(crate) fn collector(cache: &Cache, progress: Progress) -> anyhow::Result<PathBuf> {
    let what = format!("the Collector {COLLECTOR_VERSION} (about 4 minutes the first time)");
    Ok(Module::new("collector", COLLECTOR_VERSION).build(cache, progress, &what)?.join("collector"))
}

/// Builds the program that asks the kubelet for the environments of containers, and returns its path.
///
/// # Errors
/// When there is no Go, or the program cannot be built.
pub fn kubelet_environment(kubernetes: Kubernetes, progress: Progress) -> anyhow::Result<PathBuf> {
    const NAME: &str = "kubelet-environment";
    let what = format!(
        "the kubelet's function for environments, {kubernetes} \
         (about 7 minutes, or 10 seconds if Kubernetes is built)"
    );
    let module = kubernetes.module(NAME, "./kubelet-environment");
    Ok(module.build(&Cache::locate()?, progress, &what)?.join(NAME))
}

/// Builds the program that checks a dashboard, from standard input, by Grafana's published schema, and returns its path.
///
/// # Errors
/// When there is no Go, or the program cannot be built.
pub fn dashboard_check(progress: Progress) -> anyhow::Result<PathBuf> {
    const NAME: &str = "dashboard";
    let what = "the check of dashboards (about a minute the first time)";
    Ok(Module::new(NAME, DASHBOARD_SCHEMA_VERSION).build(&Cache::locate()?, progress, what)?.join(NAME))
}

/// Installs Prometheus, with promtool, if it is missing.
///
/// # Errors
/// Names the command to run when something is missing that only root can install.
pub fn ensure_prometheus(progress: Progress) -> anyhow::Result<()> {
    let package = "prometheus";
    let needs = [Need::program("prometheus", package), Need::program("promtool", package)];
    packages::ensure(&Cache::locate()?, progress, &needs)
}

/// Builds a small program of this crate.
pub(crate) fn small_program(
    cache: &Cache,
    progress: Progress,
    name: &'static str,
) -> anyhow::Result<PathBuf> {
    Ok(Module::new(name, "1").build(cache, progress, name)?.join(name))
}

/// Installs Mono's C# compiler if it is missing.
pub(crate) fn ensure_mono(cache: &Cache, progress: Progress) -> anyhow::Result<()> {
    packages::ensure(cache, progress, &[Need::program("mcs", "mono-mcs")])
}

/// Installs a C compiler if it is missing.
pub(crate) fn ensure_c_compiler(cache: &Cache, progress: Progress) -> anyhow::Result<()> {
    let package = "build-essential";
    packages::ensure(cache, progress, &[Need::program("gcc", package), Need::program("make", package)])
}

/// Installs npm, and with it Node.js, if it is missing.
pub(crate) fn ensure_npm(cache: &Cache, progress: Progress) -> anyhow::Result<()> {
    packages::ensure(cache, progress, &[Need::program("npm", "npm")])
}

/// Installs a Java compiler if it is missing.
pub(crate) fn ensure_jdk(cache: &Cache, progress: Progress) -> anyhow::Result<()> {
    let package = "openjdk-17-jdk-headless";
    packages::ensure(cache, progress, &[Need::program("javac", package), Need::program("jar", package)])
}

/// Installs Maven if it is missing.
pub(crate) fn ensure_maven(cache: &Cache, progress: Progress) -> anyhow::Result<()> {
    packages::ensure(cache, progress, &[Need::program("mvn", "maven")])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each version is written where its reader looks for it; this keeps the places together.
    #[test]
    fn versions_are_those_of_the_go_modules_and_manifests() {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (file, text) in [
            ("go/coredns/go.mod", format!("github.com/coredns/coredns v{COREDNS_VERSION}\n")),
            ("go/collector/go.mod", format!("go.opentelemetry.io/collector/otelcol v{COLLECTOR_VERSION}\n")),
            (
                "go/dashboard/go.mod",
                format!("github.com/grafana/grafana-foundation-sdk/go v{DASHBOARD_SCHEMA_VERSION}\n"),
            ),
            ("go/collector/main.go", format!("const version = \"{COLLECTOR_VERSION}\"")),
            ("manifests/coredns.yaml", format!("image: {}\n", crate::images::COREDNS)),
            ("manifests/collector.yaml", format!("image: {}\n", crate::images::COLLECTOR)),
        ] {
            let content = std::fs::read_to_string(crate_folder.join(file)).unwrap();
            assert!(content.contains(&text), "{file} does not hold {text:?}");
        }
    }
}
