//! A Go application and a stand-in for the agent of Go.
//!
//! The real agent's compiled eBPF programs are in no package registry. The stand-in is a program that checks what the
//! real one needs: privileges, the debug file system, and the application's process. It sends nothing.

use super::{NOBODY, single_program};
use crate::tools::small_program;
use crate::{Cache, Image, Progress};

/// A Go application on port 8080, the program `/app/server`. With an argument such as `2s` it ends after that time.
pub const GO_APP: &str = "ingraft.dev/go-app:1.0.0";

/// The stand-in, under the name of the reference's default image. It prints what it found once it sees its target, and
/// answers the same on port 8099.
pub const GO_AGENT: &str =
    "ghcr.io/open-telemetry/opentelemetry-go-instrumentation/autoinstrumentation-go:v0.24.0";

/// The Go application.
///
/// # Errors
/// When Go fails to build it.
pub fn go_app(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let program = small_program(cache, progress, "go-app")?;
    single_program(cache, progress, &program, "/app/server", NOBODY, &[GO_APP])
}

/// The stand-in for the agent of Go.
///
/// # Errors
/// When Go fails to build it.
pub fn go_agent(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let program = small_program(cache, progress, "go-agent")?;
    single_program(cache, progress, &program, "/otel-go-instrumentation", "0", &[GO_AGENT])
}
