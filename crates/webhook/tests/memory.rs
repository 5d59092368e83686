//! The largest pods, many at once, take no more memory than the manifest allows.

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::{post, review, start};
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};

/// Counts what is allocated: how much of it is resident differs from machine to machine.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The limit in deploy/operator.yaml, without what watches hold.
const LIMIT: usize = 240 << 20;
/// What a value takes in the operator. Where all of the workspace is built at once, the command line's way of keeping
/// the order of keys makes it larger.
const VALUE: usize = 32;

#[tokio::test]
async fn sixteen_of_the_largest_pods_at_once_fit() {
    let server = start().await;
    let large: Arc<str> = review(&json!({"supplementalGroups": vec![0; 1_500_000]})).into();
    assert!(large.len() > 3_000_000);
    ALLOCATOR.reset_peak_usage();
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (server, large) = (server.clone(), Arc::clone(&large));
        senders.spawn(async move { post(&mut server.connect(&[]).await.unwrap(), &large).await.0 });
    }
    let start = Instant::now();
    let small = post(&mut server.connect(&[]).await.unwrap(), &review(&json!({}))).await;
    let waited = start.elapsed();
    let statuses = senders.join_all().await;
    assert!(
        statuses.contains(&200) && statuses.iter().all(|status| [200, 503].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(small.0, 200);
    let peak = ALLOCATOR.peak_usage() * VALUE / size_of::<Value>();
    eprintln!("{} MiB, {statuses:?}, another one after {waited:?}", peak >> 20);
    assert!(peak < LIMIT, "{} MiB", peak >> 20);
}
