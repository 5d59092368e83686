//! A webhook server of a test, which serves over TLS with an authority of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use ingraft_cluster::authority::{Authority, Hosts};
use ingraft_webhook::{Bind, LeafResolver, Server};
use time::OffsetDateTime;
use tokio::sync::watch;

/// Starts one whose authority was made at this time. Answers where it is, and whom to trust.
pub(crate) fn serve(
    runtime: &tokio::runtime::Runtime,
    made: OffsetDateTime,
    router: Router,
) -> (SocketAddr, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = Authority::new(None, made).unwrap();
    let certificate = authority.certificate.clone();
    let (keep, followed) = watch::channel(Some(authority));
    let resolver = LeafResolver::new(followed, Hosts::new(&["127.0.0.1".to_owned()]).unwrap());
    let any = Bind::One(([127, 0, 0, 1], 0).into());
    let server = runtime.block_on(Server::bind_tls(any, Arc::new(resolver))).unwrap();
    let address = server.address().unwrap();
    runtime.spawn(async move {
        let _keep = keep;
        server.run(router, std::future::pending()).await;
    });
    (address, certificate)
}
