//! Accepts TLS connections. Handshakes run beside each other, so that a slow client delays nobody.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use ingraft_cluster::error_chain::Chain;

use crate::LeafResolver;

/// A client that has not finished its handshake by then is dropped.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// Handshaken connections that wait to be served.
const WAITING: usize = 64;
/// How long to rest when the system cannot give another connection.
const REST: Duration = Duration::from_millis(100);

/// A listener whose connections are encrypted, for [`axum::serve()`].
#[derive(Debug)]
pub struct TlsListener {
    connections: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Listens, and serves the resolver's certificate. The second value is the task that accepts connections; it runs
    /// for as long as the listener is kept.
    pub async fn bind(
        address: SocketAddr,
        resolver: Arc<LeafResolver>,
    ) -> io::Result<(Self, impl Future<Output = ()> + Send + 'static)> {
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (sender, connections) = mpsc::channel(WAITING);
        Ok((Self { connections, address }, accept(listener, acceptor, sender)))
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    connections: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    while !connections.is_closed() {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "failed to accept a connection");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let (acceptor, connections) = (acceptor.clone(), connections.clone());
        tokio::spawn(async move {
            // Reviews and answers are small and written at once: waiting to fill packets only delays them.
            let _ = stream.set_nodelay(true);
            match tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(connections.send((stream, peer)).await),
                Ok(Err(error)) => {
                    tracing::warn!(%peer, error = %Chain(&error), "a TLS handshake failed");
                }
                Err(_) => tracing::warn!(%peer, "a TLS handshake took too long"),
            }
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            // The task that accepts ends before this receiver only by a fault, which ends the process.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
