use std::net::SocketAddr;

use axum::Router;
use ingraft_cluster::authority::Authority;
use ingraft_core::Locale;
use ingraft_core::admission_path::Answer;
use ingraft_webhook::Bind;
use tokio::sync::watch;

use super::*;

/// A replica that serves with an authority.
async fn replica(authority: &Authority) -> SocketAddr {
    let context = Context {
        store: Arc::default(),
        settings: Settings::default(),
        reports: Reports::new(Locale::En).0,
        metrics: Metrics::register(&mut Registry::default()),
        namespace: "system".to_owned(),
        replica: "operator-1".to_owned(),
    };
    server(authority, router(Arc::new(context))).await
}

/// A server that shows the certificate of a replica, whatever it answers.
async fn server(authority: &Authority, router: Router) -> SocketAddr {
    let (sender, followed) = watch::channel(Some(authority.clone()));
    let hosts = Hosts::new(&["ingraft-operator.system.svc".to_owned()]).unwrap();
    let resolver = Arc::new(LeafResolver::new(followed, hosts));
    let server = Server::bind_tls(Bind::One(([127, 0, 0, 1], 0).into()), resolver).await.unwrap();
    let address = server.address().unwrap();
    tokio::spawn(async move {
        let _sender = sender;
        server.run(router, std::future::pending()).await;
    });
    address
}

#[tokio::test]
async fn a_replica_is_asked_over_tls_and_must_show_a_certificate_of_ours() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = || Authority::new(None, SystemTime::now().into()).unwrap();
    let (own, other) = (authority(), authority());
    let (address, foreign) = (replica(&own).await, replica(&other).await);
    let (_, authority) = watch::channel(Some(own.clone()));
    let test = SelfTest {
        namespace: "system".to_owned(),
        image: String::new(),
        locale: Locale::En,
        store: Arc::default(),
        authority,
        is_trusted: watch::channel(true).1,
        port: Some(address.port()),
        trials: Trials::default(),
        is_healthy: watch::Sender::default(),
    };
    assert_eq!(test.ask(address, &own).await, Answer::Right);
    let earlier = server(&own, Router::new()).await;
    assert_eq!(test.ask(earlier, &own).await, Answer::NotFound, "a release without the self-test");
    let says = |answer: Answer| match answer {
        Answer::Wrong(error) => error,
        other => panic!("{other:?}"),
    };
    let error = says(test.ask(foreign, &own).await);
    assert!(error.contains("invalid peer certificate"), "{error}");
    let elsewhere = SelfTest { namespace: "elsewhere".to_owned(), ..test };
    let error = says(elsewhere.ask(address, &own).await);
    assert!(error.contains("not valid for"), "{error}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(elsewhere.ask(closed, &own).await, Answer::Nothing);
}
