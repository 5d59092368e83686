//! What is happening, for somebody who waits: one line per step on standard error.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

/// Reports steps that take long enough for somebody to wonder.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    visible: bool,
}

impl Progress {
    /// Writes to standard error. The test runner does not capture it, so that a first build of several
    /// minutes does not look like a hang.
    pub const fn stderr() -> Self {
        Self { visible: true }
    }

    /// Says nothing.
    pub const fn quiet() -> Self {
        Self { visible: false }
    }

    /// Runs `work`, saying what it is before and how long it took after.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn step<T>(self, what: impl Display, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.write(format_args!("{what} … "));
        let start = Instant::now();
        let result = work();
        let outcome = if result.is_ok() { "done in" } else { "failed after" };
        self.write(format_args!("{outcome} {}\n", readable(start.elapsed())));
        result
    }

    /// Says one thing that has no duration.
    pub fn note(self, what: impl Display) {
        self.write(format_args!("{what}\n"));
    }

    fn write(self, text: std::fmt::Arguments<'_>) {
        if self.visible {
            let mut stderr = std::io::stderr();
            // Nobody can be told about a broken standard error.
            let _ = stderr.write_fmt(text).and_then(|()| stderr.flush());
        }
    }
}

fn readable(time: Duration) -> String {
    if time < Duration::from_secs(100) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}
