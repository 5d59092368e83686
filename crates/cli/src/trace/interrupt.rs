//! Signals by which somebody ends the program: what it has made is removed first.

use std::io;

/// Signals, from when they are listened for.
#[derive(Debug)]
pub struct Interrupt {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Interrupt {
    /// Listens. From now on they do not end the program by themselves.
    pub fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
            Ok(Self { signals })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for one.
    pub async fn received(&mut self) {
        #[cfg(unix)]
        {
            let [first, second] = &mut self.signals;
            tokio::select! {
                _ = first.recv() => {}
                _ = second.recv() => {}
            }
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
    }
}
