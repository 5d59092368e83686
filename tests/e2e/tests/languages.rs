//! Each language on a real node: the examples of this repository, real agents where packages have them, a real Collector.
//!
//! One test function, so that the cluster is started once and removed at the end whatever happens.

#[path = "languages/apache_httpd.rs"]
mod apache_httpd;
#[path = "languages/dotnet.rs"]
mod dotnet;
#[path = "languages/go.rs"]
mod go;
#[path = "languages/java.rs"]
mod java;
#[path = "languages/nginx.rs"]
mod nginx;
#[path = "languages/nodejs.rs"]
mod nodejs;
#[path = "languages/python.rs"]
mod python;
#[path = "languages/sdk.rs"]
mod sdk;
#[path = "languages/web_server.rs"]
mod web_server;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ingraft_e2e_tests::{cluster, remove_cluster};
use ingraft_testkit::Cluster;

type Check = fn(&Cluster) -> anyhow::Result<()>;

/// Every check, in order. `INGRAFT_LANGUAGES=java,python` runs only those named.
const CHECKS: &[(&str, Check)] = &[
    ("python", python::check),
    ("nodejs", nodejs::check),
    ("java", java::check),
    ("dotnet", dotnet::check),
    ("go", go::check),
    ("apache-httpd", apache_httpd::check),
    ("nginx", nginx::check),
    ("sdk", sdk::check),
];

#[test]
fn every_language_is_instrumented() {
    let Some(cluster) = cluster() else { return };
    let chosen = std::env::var("INGRAFT_LANGUAGES").unwrap_or_default();
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        if !chosen.is_empty() && !chosen.split(',').any(|chosen| chosen == *name) {
            continue;
        }
        eprintln!("checking {name}");
        match catch_unwind(AssertUnwindSafe(|| check(cluster))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                eprintln!("{name}: {error:?}");
                failed.push(*name);
            }
            // What failed is already on standard error.
            Err(_) => failed.push(*name),
        }
    }
    remove_cluster();
    assert!(failed.is_empty(), "failed: {failed:?}");
}
