//! A webhook that allows everything and looks at nothing, on the server of the real one: what is left of a review's
//! cost when we decide nothing. `cargo xtask load` measures it beside the operator.
//!
//! Takes the address to listen on, and prints the certificate to trust.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use ingraft_cluster::authority::{Authority, Hosts};
use ingraft_webhook::{LeafResolver, Server};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use tokio::sync::watch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("the address to listen on is missing")?.parse()?;
    let provider = rustls::crypto::ring::default_provider();
    provider.install_default().map_err(|_| "a TLS provider is already installed")?;
    let authority = Authority::new(None, OffsetDateTime::now_utc())?;
    println!("{}", authority.certificate);
    let (_authority, followed) = watch::channel(Some(authority));
    let resolver = LeafResolver::new(followed, Hosts::new(&["127.0.0.1".to_owned()])?);
    let server = Server::bind_tls(address, Arc::new(resolver)).await?;
    server.run(Router::new().fallback(allow), std::future::pending()).await;
    Ok(())
}

#[derive(Deserialize)]
struct Review {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    uid: String,
}

async fn allow(body: Bytes) -> Result<String, StatusCode> {
    let review: Review = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let response = json!({"uid": review.request.uid, "allowed": true});
    let answer =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    Ok(answer.to_string())
}
