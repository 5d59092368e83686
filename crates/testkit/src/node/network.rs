//! The network namespace of a cluster, and its one link to the machine.
//!
//! ```text
//!  machine                         namespace ingraft-NAME
//!  igrN 198.18.N.1/30 ═══ link ═══ uplink 198.18.N.2/30   the node's address: API server, NodePorts
//!                                  sink                   default route; everything there is rejected
//!                                  veth… 10.244.0.x       pods, one route each
//! ```
//!
//! Nothing in the namespace can leave the machine: the link's own network is all that is routed to it.
//! The default route exists because Service addresses need some route before they are rewritten, and
//! because components look for the node's address there.
//! 198.18.0.0/15 is set aside for benchmarks (RFC 2544), so it is unlikely to be in use around here.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::command::{find, output, run, succeeds};

/// A created network namespace with its addresses.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) namespace: String,
    pub(super) host: IpAddr,
    pub(super) node: IpAddr,
}

/// The name of a cluster's namespace.
pub(super) fn namespace(cluster: &str) -> String {
    format!("ingraft-{cluster}")
}

/// Where the namespace can be entered.
pub(super) fn namespace_path(namespace: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(namespace)
}

impl Network {
    /// Makes the namespace and its link.
    pub(super) fn create(cluster: &str) -> anyhow::Result<Self> {
        let namespace = namespace(cluster);
        ip(&["netns", "add", &namespace])?;
        let number = link(&namespace)?;
        let this = Self {
            host: Ipv4Addr::new(198, 18, number, 1).into(),
            node: Ipv4Addr::new(198, 18, number, 2).into(),
            namespace,
        };
        let outside = format!("igr{number}");
        ip(&["addr", "add", &format!("{}/30", this.host), "dev", &outside])?;
        ip(&["link", "set", &outside, "up"])?;
        this.configure_inside()?;
        Ok(this)
    }

    fn configure_inside(&self) -> anyhow::Result<()> {
        let node = self.node.to_string();
        for arguments in [
            &["link", "set", "lo", "up"][..],
            &["addr", "add", &format!("{node}/30"), "dev", "uplink"],
            &["link", "set", "uplink", "up"],
            // A bridge without ports, because not every kernel has dummy devices.
            &["link", "add", "sink", "type", "bridge"],
            &["link", "set", "sink", "up"],
            &["route", "add", "default", "dev", "sink", "src", &node],
        ] {
            let mut command = vec!["-n", &self.namespace];
            command.extend(arguments);
            ip(&command)?;
        }
        run(self.enter("sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]))?;
        // An immediate refusal instead of an address resolution that takes three seconds to fail. What goes
        // to a Service from the node itself still seems to leave by the sink after its address is rewritten.
        for chain in ["OUTPUT", "FORWARD"] {
            run(self.enter("iptables").args(["-w", "-A", chain, "-o", "sink"]).args([
                "-m",
                "conntrack",
                "!",
                "--ctstate",
                "DNAT",
                "-j",
                "REJECT",
            ]))?;
        }
        Ok(())
    }

    /// A command inside the namespace. Not `ip netns exec`, which hides the cgroup mounts.
    pub(super) fn enter(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", namespace_path(&self.namespace).display()))
            .arg(find(program).unwrap_or_else(|| program.into()));
        command
    }
}

/// Removes the link and the namespace.
pub(super) fn remove(cluster: &str) -> anyhow::Result<()> {
    let namespace = namespace(cluster);
    if namespace_path(&namespace).exists() {
        // Would go with the namespace, but seconds later. A namespace that never got one is fine too.
        succeeds(Command::new(ip_program()).args(["-n", &namespace, "link", "delete", "uplink"]));
        ip(&["netns", "delete", &namespace])?;
    }
    Ok(())
}

/// The processes in a cluster's namespace: components, shims of containerd, and what users started there.
pub(super) fn processes(cluster: &str) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |path: PathBuf| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let Some(wanted) = identity(namespace_path(&namespace(cluster))) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|number: &u32| identity(PathBuf::from(format!("/proc/{number}/ns/net"))) == Some(wanted))
        .collect()
}

/// Makes the link. Its outer name is taken or free at once for the whole machine, which makes the number
/// ours without a list of numbers in use.
fn link(namespace: &str) -> anyhow::Result<u8> {
    for number in 1..=u8::MAX {
        let outside = format!("igr{number}");
        let created =
            output(Command::new(ip_program()).args([
                "link", "add", &outside, "type", "veth", "peer", "name", "uplink", "netns", namespace,
            ]))?;
        if created.status.success() {
            return Ok(number);
        }
        let exists = succeeds(Command::new(ip_program()).args(["link", "show", &outside]));
        if !exists {
            bail!("make the link {outside}: {}", String::from_utf8_lossy(&created.stderr).trim());
        }
    }
    bail!("all 255 links igr1 to igr255 are in use")
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    run(Command::new(ip_program()).args(arguments)).context("set up the network").map(drop)
}

fn ip_program() -> PathBuf {
    find("ip").unwrap_or_else(|| "ip".into())
}
