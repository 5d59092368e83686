use axum::http::header;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// A connection without a network, so that time can be advanced.
fn connect() -> (DuplexStream, GracefulShutdown) {
    let (client, server) = tokio::io::duplex(4096);
    let graceful = GracefulShutdown::new();
    let last = get(|| async { ([(header::CONNECTION, "close")], "answer") });
    let router = Router::new().route("/", get(|| async { "answer" })).route("/last", last);
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let serving = Client { peer, router, last_request: watch::Sender::default() };
    tokio::spawn(serving.converse(TokioIo::new(server), graceful.watcher()));
    (client, graceful)
}

/// Waits until the server closes the connection. Returns after how long it did.
async fn closed(mut client: DuplexStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    start.elapsed()
}

async fn answer(client: &mut DuplexStream) {
    let mut answer = vec![0; 1024];
    let length = client.read(&mut answer).await.unwrap();
    assert!(answer[..length].ends_with(b"answer"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_makes_no_request_is_closed() {
    assert_eq!(closed(connect().0).await, FIRST_REQUEST);
    let (mut client, _graceful) = connect();
    client.write_all(&REQUEST[..20]).await.unwrap();
    assert_eq!(closed(client).await, FIRST_REQUEST, "with half of its headers");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_later_than_api_servers_do() {
    let (mut client, _graceful) = connect();
    client.write_all(REQUEST).await.unwrap();
    answer(&mut client).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    client.write_all(REQUEST).await.unwrap();
    answer(&mut client).await;
    client.write_all(&REQUEST[..20]).await.unwrap();
    assert_eq!(closed(client).await.as_secs(), IDLE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_with_an_answer_that_says_so() {
    let (mut client, _graceful) = connect();
    client.write_all(b"GET /last HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    answer(&mut client).await;
    assert_eq!(closed(client).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_begun_is_answered_when_stopping() {
    let (mut client, graceful) = connect();
    client.write_all(&REQUEST[..20]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let stopping = tokio::spawn(graceful.shutdown());
    tokio::time::sleep(Duration::from_millis(1)).await;
    client.write_all(&REQUEST[20..]).await.unwrap();
    answer(&mut client).await;
    assert_eq!(closed(client).await, Duration::ZERO);
    stopping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn room_is_made_by_closing_what_was_idle_the_longest() {
    let mut connections = Connections::default();
    let last_request = watch::Sender::new(None);
    for _ in 0..CONNECTIONS {
        connections.make_room();
        let (task, accepted) = (tokio::spawn(std::future::pending::<()>()).abort_handle(), Instant::now());
        let last_request = last_request.subscribe();
        connections.0.push(Connection { task, accepted, last_request });
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    let active = watch::Sender::new(Some(Instant::now()));
    connections.0[0].last_request = active.subscribe();
    let (first, second) = (connections.0[0].task.clone(), connections.0[1].task.clone());
    connections.make_room();
    tokio::task::yield_now().await;
    assert!(second.is_finished() && !first.is_finished());
    assert_eq!(connections.0.len(), CONNECTIONS - 1);
}
