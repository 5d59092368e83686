//! Where a server listens.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

/// So many connections wait to be accepted at most.
const BACKLOG: i32 = 1024;

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind {
    /// At this port of all addresses of the machine, of IPv6 and of IPv4. It is written as `:9443`.
    All(u16),
    /// At this address and no other.
    One(SocketAddr),
}

impl Bind {
    /// The port.
    pub const fn port(self) -> u16 {
        match self {
            Self::All(port) => port,
            Self::One(address) => address.port(),
        }
    }

    pub(crate) async fn listen(self) -> io::Result<TcpListener> {
        let port = match self {
            Self::One(address) => return TcpListener::bind(address).await,
            Self::All(port) => port,
        };
        match listen_by_both(port) {
            Ok(Some(listener)) => Ok(listener),
            Ok(None) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
            Err(error) => Err(error),
        }
    }
}

/// Listens by IPv6, and through the same socket by IPv4, whatever `net.ipv6.bindv6only` says; `None` where the machine has
/// no IPv6.
fn listen_by_both(port: u16) -> io::Result<Option<TcpListener>> {
    let Ok(socket) = Socket::new(Domain::IPV6, Type::STREAM, None) else { return Ok(None) };
    socket.set_only_v6(false)?;
    // As tokio does: a successor need not wait for what is left of old connections.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    match socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into()) {
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => return Ok(None),
        bound => bound?,
    }
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into()).map(Some)
}

impl FromStr for Bind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let port = text.strip_prefix(':').map(|port| port.parse().map(Self::All).ok());
        let bind = port.unwrap_or_else(|| text.parse().map(Self::One).ok());
        bind.ok_or("write an address and a port, as 10.0.0.1:9443 or [::1]:9443, or :9443 for all addresses")
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(port) => write!(f, ":{port}"),
            Self::One(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_port_alone_is_that_of_all_addresses() {
        let listener = Bind::All(0).listen().await.unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let peer = listener.accept().await.unwrap().1;
        assert_eq!(peer.ip().to_canonical(), IpAddr::from(Ipv4Addr::LOCALHOST));
        let has_ipv6 = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        if has_ipv6 {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap();
        }
        let taken = Bind::All(port).listen().await.unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse, "whoever else has the port keeps it");
    }

    #[tokio::test]
    async fn an_address_is_listened_on_as_it_is_given() {
        let given: Bind = "127.0.0.1:0".parse().unwrap();
        assert_eq!(given.listen().await.unwrap().local_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn is_read_as_it_is_written() {
        for text in [":9443", "0.0.0.0:8081", "[::1]:8080"] {
            assert_eq!(text.parse::<Bind>().unwrap().to_string(), text);
        }
        assert_eq!(":9443".parse(), Ok(Bind::All(9443)));
        for text in ["", ":", ":http", ":65536", "9443", "localhost:9443", "::1:"] {
            assert!(text.parse::<Bind>().is_err(), "{text}");
        }
    }
}
