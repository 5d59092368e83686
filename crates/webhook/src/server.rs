//! Serves HTTP/1.1, with bounds on what clients can hold: connections are limited in number, and each has deadlines.
//!
//! HTTP/1.1 only: over HTTP/2 an API server sends all reviews through one connection, to one replica.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use ingraft_cluster::error_chain::Chain;

use crate::{Bind, LeafResolver};

/// So many connections are open at most. An API server changes 200 objects at once by default.
const CONNECTIONS: usize = 512;
/// A client that has not finished its handshake by then is dropped.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A client whose first request has not begun by then, all of its headers read, is dropped.
const FIRST_REQUEST: Duration = Duration::from_secs(5);
/// A connection ends if this long passes before the headers of the next request have been read. API servers close idle
/// connections after 90 s; if we were the first to do so, a review that is being sent would be lost.
const IDLE: Duration = Duration::from_mins(2);
/// The most that is buffered of what a client sends.
const BUFFER: usize = 16 * 1024;
/// How long to rest when the system cannot give another connection.
const REST: Duration = Duration::from_millis(100);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    /// `None`: connections are not encrypted.
    tls: Option<Arc<ServerConfig>>,
}

impl Server {
    /// Listens for encrypted connections, and shows the resolver's certificate.
    pub async fn bind_tls(bind: Bind, resolver: Arc<LeafResolver>) -> io::Result<Self> {
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Some(Arc::new(config)), ..Self::bind(bind).await? })
    }

    /// Listens for connections that are not encrypted.
    pub async fn bind(bind: Bind) -> io::Result<Self> {
        Ok(Self { listener: bind.listen().await?, tls: None })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until it is told to stop, and then those that have begun.
    pub async fn run(self, router: Router, stop: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let mut connections = Connections::default();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Where IPv6 is listened on too, an IPv4 address is one of those that are mapped.
                    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                    let last_request = watch::Sender::new(None);
                    let heard = last_request.subscribe();
                    let client = Client { peer, router: router.clone(), last_request };
                    let (acceptor, watcher) = (self.tls.clone().map(TlsAcceptor::from), graceful.watcher());
                    connections.make_room();
                    let task = tokio::spawn(client.serve(stream, acceptor, watcher)).abort_handle();
                    connections.0.push(Connection { task, accepted: Instant::now(), last_request: heard });
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "failed to accept a connection");
                    tokio::time::sleep(REST).await;
                }
            }
        }
        drop(self.listener);
        graceful.shutdown().await;
    }
}

/// The open connections.
#[derive(Default)]
struct Connections(Vec<Connection>);

struct Connection {
    task: AbortHandle,
    accepted: Instant,
    last_request: watch::Receiver<Option<Instant>>,
}

impl Connections {
    /// Makes room for another one: if there are too many, the oldest that has made no request ends, or else the one that
    /// has made none for the longest time. So whoever only connects keeps out nobody who asks.
    fn make_room(&mut self) {
        if self.0.len() < CONNECTIONS {
            return;
        }
        self.0.retain(|connection| !connection.task.is_finished());
        if self.0.len() < CONNECTIONS {
            return;
        }
        let last = |connection: &Connection| {
            let request = *connection.last_request.borrow();
            (request.is_some(), request.unwrap_or(connection.accepted))
        };
        let oldest = self.0.iter().enumerate().min_by_key(|(_, connection)| last(connection));
        if let Some((index, _)) = oldest {
            tracing::warn!("too many connections: the one that was idle for the longest time is closed");
            self.0.swap_remove(index).task.abort();
        }
    }
}

/// Whoever has connected.
struct Client {
    peer: SocketAddr,
    router: Router,
    /// When its last request began.
    last_request: watch::Sender<Option<Instant>>,
}

impl Client {
    async fn serve(self, stream: TcpStream, acceptor: Option<TlsAcceptor>, watcher: Watcher) {
        // Reviews and answers are small and written at once: waiting to fill packets only delays them.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else { return self.converse(TokioIo::new(stream), watcher).await };
        match timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.converse(TokioIo::new(stream), watcher).await,
            Ok(Err(error)) => {
                tracing::warn!(peer = %self.peer, error = %Chain(&error), "a TLS handshake failed");
            }
            Err(_) => tracing::warn!(peer = %self.peer, "a TLS handshake took too long"),
        }
    }

    async fn converse(self, io: impl Read + Write + Unpin + 'static, watcher: Watcher) {
        let mut heard = self.last_request.subscribe();
        let service = self.router.map_request(move |request: hyper::Request<Incoming>| {
            self.last_request.send_replace(Some(Instant::now()));
            request.map(Body::new)
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(BUFFER);
        let conversation = builder.serve_connection(io, TowerToHyperService::new(service));
        let silence = async {
            if timeout(FIRST_REQUEST, heard.wait_for(Option::is_some)).await.is_ok() {
                std::future::pending::<()>().await;
            }
            tracing::debug!(peer = %self.peer, "a connection without a request is closed");
        };
        tokio::select! {
            end = watcher.watch(conversation) => {
                if let Err(error) = end {
                    tracing::debug!(peer = %self.peer, error = %Chain(&error), "a connection failed");
                }
            }
            () = silence => {}
        }
    }
}

#[cfg(test)]
mod tests;
