//! Waiting for what happens elsewhere.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up: several run at once, on few cores.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// The first pause between two looks. Each is twice as long as the one before, until the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// A look may start a program: tests that wait should leave the machine to those that work.
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

/// Looks until there is a value to see, and answers it.
pub(crate) fn until_some<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(LIMIT, look).unwrap_or_else(|| panic!("{what}: not after {} s", LIMIT.as_secs()))
}

/// Looks until a value is as wanted.
pub(crate) fn until<T: Debug>(what: &str, mut look: impl FnMut() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let mut last = None;
    let found = within(LIMIT, || {
        let seen = look();
        if wanted(&seen) {
            return Some(seen);
        }
        last = Some(seen);
        None
    });
    found.unwrap_or_else(|| panic!("{what}: not after {} s, last seen: {last:?}", LIMIT.as_secs()))
}

/// Looks until there is a value to see, or the time is over.
pub(crate) fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(pause);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
