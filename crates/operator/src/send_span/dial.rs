//! The way to who takes telemetry: the name is resolved, and an address connected to.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use ingraft_controllers::has_no_address;
use ingraft_core::finding::{Fault, Stage, Step};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout};

use super::settings::Settings;

/// The most that each of both may take.
const LIMIT: Duration = Duration::from_secs(5);
/// A proxy of a mesh, which starts together with this program, refuses connections before it is ready.
const READY: Duration = Duration::from_secs(3);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(300);

/// The addresses of the host.
pub async fn resolve(settings: &Settings) -> Result<Vec<SocketAddr>, Fault> {
    let start = Instant::now();
    loop {
        let found = timeout(LIMIT, lookup_host((settings.host.as_str(), settings.port))).await;
        let fault = match found {
            Ok(Ok(found)) => match found.collect::<Vec<_>>() {
                found if found.is_empty() => Fault::Unreached(Step::NameNotResolved),
                found => return Ok(found),
            },
            Ok(Err(error)) if has_no_address(&error) => Fault::Unreached(Step::NameNotResolved),
            Ok(Err(_)) => Fault::ResolverFails,
            Err(_) => return Err(Fault::TooSlow { stage: Stage::Resolve, seconds: LIMIT.as_secs() }),
        };
        if start.elapsed() > READY || fault != Fault::ResolverFails {
            return Err(fault);
        }
        sleep(PAUSE).await;
    }
}

/// A connection to the first address that takes one.
pub async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    let start = Instant::now();
    let tries = async {
        loop {
            match TcpStream::connect(addresses).await {
                Ok(stream) => return Ok(stream),
                Err(error) if start.elapsed() > READY || error.kind() != ErrorKind::ConnectionRefused => {
                    return Err(Fault::Unreached(Step::Refused));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    let late = Fault::TooSlow { stage: Stage::Connect, seconds: LIMIT.as_secs() };
    timeout(LIMIT, tries).await.unwrap_or(Err(late))
}
