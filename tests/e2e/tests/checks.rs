//! What users live on, on a real node: the examples of this repository, real agents where packages have them, a real
//! Collector.
//!
//! One test function, so that the cluster is started once and removed at the end whatever happens.

#[path = "checks/apache_httpd.rs"]
mod apache_httpd;
#[path = "checks/crash.rs"]
mod crash;
#[path = "checks/dotnet.rs"]
mod dotnet;
#[path = "checks/go.rs"]
mod go;
#[path = "checks/harm.rs"]
mod harm;
#[path = "checks/heal.rs"]
mod heal;
#[path = "checks/java.rs"]
mod java;
#[path = "checks/nginx.rs"]
mod nginx;
#[path = "checks/nodejs.rs"]
mod nodejs;
#[path = "checks/probe.rs"]
mod probe;
#[path = "checks/python.rs"]
mod python;
#[path = "checks/sdk.rs"]
mod sdk;
#[path = "checks/settings.rs"]
mod settings;
#[path = "checks/standby.rs"]
mod standby;
#[path = "checks/trace.rs"]
mod trace;
#[path = "checks/web_server.rs"]
mod web_server;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ingraft_e2e_tests::Run;
use ingraft_testkit::Cluster;

type Check = fn(&Cluster) -> anyhow::Result<()>;

/// Every check, in order. `INGRAFT_CHECKS=java,python` runs only those named.
const CHECKS: &[(&str, Check)] = &[
    ("python", python::check),
    ("nodejs", nodejs::check),
    ("java", java::check),
    ("dotnet", dotnet::check),
    ("go", go::check),
    ("apache-httpd", apache_httpd::check),
    ("nginx", nginx::check),
    ("sdk", sdk::check),
    ("settings", settings::check),
    ("probe", probe::check),
    ("heal", heal::check),
    ("harm", harm::check),
    ("crash", crash::check),
    ("standby", standby::check),
    ("trace", trace::check),
];

/// Those that take too long for every run: only where they are named.
const LONG_CHECKS: &[(&str, Check)] = &[("crash-control", crash::control)];

#[test]
fn every_check_passes() {
    let Some(run) = Run::start().expect("the cluster starts") else { return };
    let chosen = std::env::var("INGRAFT_CHECKS").unwrap_or_default();
    let mut failed = Vec::new();
    let is_chosen = |name: &str| chosen.split(',').any(|chosen| chosen == name);
    let all = CHECKS.iter().filter(|(name, _)| chosen.is_empty() || is_chosen(name));
    for (name, check) in all.chain(LONG_CHECKS.iter().filter(|(name, _)| is_chosen(name))) {
        eprintln!("checking {name}");
        match catch_unwind(AssertUnwindSafe(|| check(&run.cluster))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                eprintln!("{name}: {error:?}");
                failed.push(*name);
            }
            // What failed is already on standard error.
            Err(_) => failed.push(*name),
        }
    }
    let removed = run.end();
    assert!(failed.is_empty(), "failed: {failed:?}");
    removed.expect("the cluster is removed");
}
