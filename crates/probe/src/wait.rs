//! Waiting for another process, but not for ever.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at the process.
const STEP: Duration = Duration::from_micros(100);

/// Waits for a process, and ends it when its time is over. Returns whether it ended by itself.
pub fn ends_within(child: &mut Child, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > deadline {
            // If that fails, it ends with the container.
            let _ = child.kill();
            return false;
        }
        thread::sleep(STEP);
    }
    true
}
