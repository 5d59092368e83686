//! A program beside the control plane, such as the operator under test.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use anyhow::Context as _;

use crate::process::{Component, watchdog};

/// A program that runs until this value is dropped, or the process that holds it ends.
#[derive(Debug)]
pub struct Background {
    component: Component,
    watchdog: Child,
}

impl Background {
    /// Starts `command` with its output in `<logs>/<name>.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &'static str, command: Command, logs: &Path) -> anyhow::Result<Self> {
        let mut component = Component::start(name, command, logs)?;
        match watchdog(None, &[component.child.id()]) {
            Ok(watchdog) => Ok(Self { component, watchdog }),
            Err(error) => {
                component.kill();
                Err(error)
            }
        }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.component.child.id()
    }

    /// What it has written so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        let path = &self.component.log;
        fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.component.child.try_wait()?)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // First: afterwards the number may belong to another process.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        self.component.kill();
    }
}
