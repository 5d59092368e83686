//! Long-running components: started with a log of their own, recognised later by more than their number.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::command::tail;

/// How long to sleep between two looks at something that cannot be waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What to start: a program and its arguments.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Program {
    pub(crate) fn new(name: &'static str, path: impl Into<PathBuf>) -> Self {
        Self { name, path: path.into(), arguments: Vec::new() }
    }

    /// Adds `--name=value`.
    pub(crate) fn flag(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let mut argument = OsString::from(format!("--{name}="));
        argument.push(value.into());
        self.arguments.push(argument);
        self
    }
}

/// A started component.
#[derive(Debug)]
pub(crate) struct Component {
    pub(crate) name: &'static str,
    pub(crate) log: PathBuf,
    pub(crate) child: Child,
}

impl Component {
    /// Starts `command` with its output in `<logs>/<name>.log`.
    pub(crate) fn start(name: &'static str, mut command: Command, logs: &Path) -> anyhow::Result<Self> {
        let path = logs.join(format!("{name}.log"));
        let log = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        Ok(Self { name, log: path, child })
    }

    /// Fails with the end of the log if the component has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "{} ended with {status}; the end of {}:\n{}",
                self.name,
                self.log.display(),
                tail(&self.log)
            );
        }
        Ok(())
    }

    pub(crate) fn kill(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small process that kills others and removes a folder when this process ends without doing so itself, as a test
/// run does that is interrupted: its standard input is a pipe that closes then.
pub(crate) fn watchdog(folder: Option<&Path>, processes: &[u32]) -> anyhow::Result<Child> {
    Command::new("setsid")
        .args(["sh", "-c", "folder=$1; shift; cat >/dev/null; kill -KILL \"$@\"; rm -rf \"$folder\"", "sh"])
        .arg(folder.unwrap_or_else(|| Path::new("")))
        .args(processes.iter().map(u32::to_string))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("start the watchdog")
}

/// Waits until `ready`, while all `components` must stay alive.
pub(crate) fn wait_until(
    what: &str,
    limit: Duration,
    components: &mut [Component],
    mut ready: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let start = Instant::now();
    while !ready() {
        components.iter_mut().try_for_each(Component::check)?;
        if start.elapsed() > limit {
            let logs: Vec<String> = components
                .iter()
                .map(|one| format!("the end of {}:\n{}", one.log.display(), tail(&one.log)))
                .collect();
            bail!("{what} not ready after {} s; {}", limit.as_secs(), logs.join("\n"));
        }
        sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// Runs a command that waits for something, while all `components` must stay alive.
pub(crate) fn run_while_alive(command: &mut Command, components: &mut [Component]) -> anyhow::Result<()> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Err(error) = components.iter_mut().try_for_each(Component::check) {
            child.kill()?;
            child.wait()?;
            return Err(error);
        }
        sleep(LOOK_AGAIN);
    };
    if !status.success() {
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut said)?;
        }
        bail!("{command:?} failed with {status}: {}", said.trim());
    }
    Ok(())
}

/// A process that outlives the one that started it.
///
/// Numbers are used again: only together with the time of the start do they mean one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcessId {
    pub(crate) number: u32,
    pub(crate) started: u64,
}

impl ProcessId {
    /// The process with this number now; `None` if there is none, or only its remains.
    pub(crate) fn of(number: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // The name in parentheses may hold anything, so count from its end: state is the first field.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        Some(Self { number, started: fields.nth(18)?.parse().ok()? })
    }

    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.number).as_ref() == Some(self)
    }
}

/// Kills processes by number, at once. Those that have ended are not an error.
pub(crate) fn kill_all(numbers: &[u32]) {
    if numbers.is_empty() {
        return;
    }
    let mut command = Command::new("sh");
    command.args(["-c", "kill -KILL \"$@\" 2>/dev/null", "kill"]);
    command.args(numbers.iter().map(u32::to_string));
    crate::command::succeeds(&mut command);
}

/// Different free ports on loopback.
///
/// Another process may take one before it is used, so that the caller must be ready to try again.
///
/// # Errors
/// When the system has no port to give.
pub fn free_ports<const COUNT: usize>() -> anyhow::Result<[u16; COUNT]> {
    let mut ports = [0; COUNT];
    let mut listeners = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("find a free port")?;
        *port = listener.local_addr()?.port();
        // Kept open until all are chosen, or the same one may be chosen twice.
        listeners.push(listener);
    }
    Ok(ports)
}
