//! The time of this replica, for what is remembered for days.

use std::time::{SystemTime, UNIX_EPOCH};

/// In seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// In days since 1970.
pub fn today() -> u32 {
    u32::try_from(now() / (24 * 60 * 60)).unwrap_or(u32::MAX)
}
