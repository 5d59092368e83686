//! The program as it is shipped: one small static file that runs in an image with nothing else in it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use ingraft_testkit::{Progress, prerequisites::run_as_root, programs};
use tempfile::TempDir;

/// Every pod copies it into memory. Most of it is the standard library and the C library.
const LARGEST: u64 = 1_400_000;

#[test]
fn runs_in_an_empty_image_as_any_user() {
    let program = programs::probe(Progress::stderr()).expect("build");
    let size = fs::metadata(&program).expect("program").len();
    assert!(size < LARGEST, "{size} bytes");
    if !run_as_root("the probe in an empty image") {
        return;
    }

    let image = TempDir::new().expect("folder");
    let path = |name: &str| image.path().join(name);
    for (name, mode) in [("", 0o755), ("volume", 0o777), ("dev", 0o755)] {
        fs::create_dir_all(path(name)).expect("folder");
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).expect("mode");
    }
    fs::write(path("dev/termination-log"), "").expect("write");
    fs::set_permissions(path("dev/termination-log"), fs::Permissions::from_mode(0o666)).expect("mode");
    fs::copy(&program, path("ingraft-probe")).expect("copy");
    let run = |words: &[&str]| {
        let mut command = Command::new("/usr/sbin/chroot");
        command.arg("--userspec=65532:65532").arg(image.path()).args(words).env_clear();
        command.env("PYTHONPATH", "/app").stdin(Stdio::null()).output().expect("chroot")
    };
    let output = run(&["/ingraft-probe", "install", "/volume", "app.env"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = run(&[
        "/volume/ingraft-probe",
        "probe",
        "/volume/app.env",
        "--default",
        "X",
        "1",
        "--agent",
        "python",
        "--join",
        "PYTHONPATH",
        "/o:",
        "",
        "/o",
        "/o",
    ]);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(fs::read_to_string(path("volume/app.env")).expect("file"), "X='1'\nPYTHONPATH='/app'\n");
    let message = fs::read_to_string(path("dev/termination-log")).expect("message");
    let expected = "{\"stood_down\":{\"python\":\"absent\"},\"sets\":[\"PYTHONPATH\"],\"libc\":\"none\",";
    assert!(message.starts_with(expected), "{message}");
}
