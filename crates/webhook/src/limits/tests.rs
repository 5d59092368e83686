use std::convert::Infallible;

use axum::body::Bytes;
use futures::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;

fn review(object: &Value) -> Body {
    json!({"kind": "AdmissionReview", "request": {"uid": "u", "object": object}}).to_string().into()
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_too_slowly_is_refused() {
    let limits = Limits::default();
    let start = Instant::now();
    // Of unknown length, so that it reserves the most.
    let body = Body::new(StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>()));
    let Refusal(status, _) = limits.admit(body).await.unwrap_err();
    assert_eq!((status, start.elapsed()), (StatusCode::SERVICE_UNAVAILABLE, READ));
    assert_eq!(limits.bodies.available_permits(), BODIES, "given back");
}

#[tokio::test(start_paused = true)]
async fn large_bodies_wait_for_their_turn_and_small_ones_do_not() {
    let limits = Limits::default();
    let others = turn(&limits.bodies, BODIES, SMALL_BODY).await;
    let large = || {
        Body::from(
            " ".repeat(SMALL_BODY) + &json!({"kind": "AdmissionReview", "request": {"uid": "u"}}).to_string(),
        )
    };
    assert!(limits.admit(review(&json!({}))).await.is_ok());
    let start = Instant::now();
    assert_eq!(limits.admit(large()).await.unwrap_err().0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(start.elapsed(), READ);
    let (admitted, ()) = tokio::join!(limits.admit(large()), async {
        tokio::time::sleep(READ / 2).await;
        drop(others);
    });
    assert!(admitted.is_ok());
}

#[tokio::test(start_paused = true)]
async fn large_documents_wait_for_their_turn_and_small_ones_do_not() {
    let limits = Limits::default();
    let large = || review(&Value::from(vec![0; DOCUMENTS / 80]));
    let held = limits.admit(large()).await.unwrap();
    assert!(held.1.is_some());
    assert!(limits.admit(review(&json!({}))).await.is_ok());
    assert_eq!(limits.admit(large()).await.unwrap_err().0, StatusCode::SERVICE_UNAVAILABLE);
    drop(held);
    assert!(limits.admit(large()).await.is_ok());
}

#[test]
fn a_document_is_weighed_by_its_values() {
    assert_eq!(weight(b"[0,0]") - 5, 128 + 64);
    assert_eq!(weight(br#"{"a":"{[,:\"{"}"#) - 15, 640 + 16 + 64 + 16, "not what is in strings");
    assert!(weight(br#"["a"#) < 200, "ends early");
}
