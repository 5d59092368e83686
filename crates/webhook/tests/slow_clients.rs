//! Clients that hold connections open do not keep others waiting.

mod common;

use std::time::{Duration, Instant};

use common::{head, post, review, start};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn others_are_answered_within_a_second() {
    let server = start().await;
    let (mut silent, mut slow) = (Vec::new(), Vec::new());
    for kind in (0..5).cycle().take(64) {
        if kind == 0 {
            silent.push(TcpStream::connect(server.address).await.unwrap());
            continue;
        }
        let mut stream = server.connect(&[]).await.unwrap();
        match kind {
            1 => {}
            2 => stream.write_all(b"POST /mutate-v1-pod HTTP/1.1\r\nhost:").await.unwrap(),
            3 => {
                let begun = head(4 << 20) + &" ".repeat(100_000);
                stream.write_all(begun.as_bytes()).await.unwrap();
            }
            _ => assert_eq!(post(&mut stream, &review(&json!({}))).await.0, 200),
        }
        slow.push(stream);
    }
    // And the largest pod of an API server.
    let large = review(&json!({"supplementalGroups": vec![0; 1_500_000]}));
    let mut sender = server.connect(&[]).await.unwrap();
    tokio::spawn(async move { post(&mut sender, &large).await });
    let start = Instant::now();
    let mut stream = server.connect(&[]).await.unwrap();
    let (status, answer) = post(&mut stream, &review(&json!({}))).await;
    assert!(status == 200 && answer.contains("patch"), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn speaks_nothing_but_http_1() {
    let server = start().await;
    let stream = server.connect(&["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(server.connect(&["h2"]).await.is_err());
}
