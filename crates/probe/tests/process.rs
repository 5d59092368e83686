//! The program as a process: whatever the image and the pod hold, it ends well, in time, and leaves a valid file.

#![expect(clippy::expect_used, reason = "a test that can't prepare its files has failed")]

#[path = "process/support.rs"]
mod support;

use std::{
    fs,
    os::unix::{ffi::OsStringExt, fs::PermissionsExt, process::CommandExt},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use ingraft_testkit::prerequisites::run_as_root;
use support::{Tmpfs, Workplace, probe, program, value};

const JAVA: [&str; 8] = [
    "--agent",
    "java",
    "--join",
    "JAVA_TOOL_OPTIONS",
    "",
    " -javaagent:/otel-auto-instrumentation-java-app/javaagent.jar",
    " -javaagent:/otel-auto-instrumentation-java-app/javaagent.jar",
    "/otel-auto-instrumentation-java-app/javaagent.jar",
];

#[test]
fn writes_the_file_and_reports_facts() {
    let place = Workplace::new();
    let mut command = place.probe(&JAVA);
    let output = command.env("JAVA_TOOL_OPTIONS", "-Xmx1g\n-Da=\"b c\"").output().expect("run");
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = place.file();
    let expected = "-Xmx1g\n-Da=\"b c\" -javaagent:/otel-auto-instrumentation-java-app/javaagent.jar";
    assert_eq!(value(&file, "JAVA_TOOL_OPTIONS").as_deref(), Some(expected));
    let message = place.message();
    assert!(message.starts_with("{\"sets\":[\"JAVA_TOOL_OPTIONS\"]"), "{message}");
    assert!(!message.contains("Xmx1g"), "{message}");
}

/// Behind the arguments stands the environment.
#[test]
fn reads_no_further_than_its_arguments() {
    let place = Workplace::new();
    let mut command = place.probe(&JAVA);
    let output = command.args(["--argv", "java", "-jar", "app.jar"]).env("A", "1").output().expect("run");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(place.file().contains("javaagent"));
}

#[test]
fn leaves_out_what_the_kubelet_could_not_read() {
    for (user, why) in [
        ("it's".to_owned(), "quote"),
        ("a\r\nb".to_owned(), "carriage-return"),
        ("x".repeat(64 * 1024), "line"),
        ("x\n".repeat(60 * 1024), "size"),
    ] {
        let place = Workplace::new();
        let status = place.probe(&JAVA).env("JAVA_TOOL_OPTIONS", user).status().expect("run");
        assert!(status.success());
        assert_eq!(place.file(), "", "{why}");
        let message = place.message();
        let expected = format!("\"omitted\":[{{\"name\":\"JAVA_TOOL_OPTIONS\",\"why\":\"{why}\"}}]");
        assert!(message.contains("\"stood_down\":{\"java\":\"value\"}"), "{message}");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn bears_any_environment() {
    let place = Workplace::new();
    let mut command = place.probe(&["--attributes", "OTEL_RESOURCE_ATTRIBUTES", "a=1"]);
    for number in 0..5000 {
        command.env(format!("OTEL_{number}"), "x".repeat(100));
    }
    command.env(std::ffi::OsString::from_vec(vec![b'O', 0xff]), "x");
    command.env("OTEL_BYTES", std::ffi::OsString::from_vec(vec![0xff]));
    command.env("OTEL_RESOURCE_ATTRIBUTES", "b='2'");
    assert!(command.status().expect("run").success());
    assert_eq!(place.file(), "OTEL_RESOURCE_ATTRIBUTES='b=%272%27,a=1'\n");
    let message = place.message();
    assert!(message.len() <= 1024 && message.contains(",\"cut\":true,"), "{message}");
}

#[test]
fn bears_files_that_are_missing() {
    let place = Workplace::new();
    let missing = place.path("missing/app.env");
    let message = place.path("no-message");
    let mut command = Command::new(program());
    command.arg("probe").arg(&missing).arg("--message").arg(&message).args(JAVA).env_clear();
    let output = command.output().expect("run");
    assert!(output.status.success());
    assert!(!output.stderr.is_empty());
    assert!(!message.exists());
    let status = command.stderr(Stdio::null()).stdin(Stdio::null()).status().expect("run");
    assert!(status.success());
}

#[test]
fn bears_closed_descriptors() {
    let place = Workplace::new();
    let line = format!(
        "exec {} probe /nowhere/app.env --message /nowhere/message <&- >&- 2>&-",
        program().display()
    );
    assert!(Command::new("sh").args(["-c", &line]).status().expect("run").success());
    assert_eq!(place.file(), "");
}

#[test]
fn leaves_the_file_alone_if_it_does_not_understand() {
    for words in [&["--unknown"][..], &["--agent", "cobol"], &["--join", "X"], &["--message-limit", "many"]] {
        let place = Workplace::new();
        fs::write(place.path("app.env"), "X='1'\n").expect("write");
        let output = place.probe(words).output().expect("run");
        assert!(output.status.success(), "{words:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("ingraft-probe: "), "{words:?}");
        assert_eq!(place.file(), "X='1'\n");
    }
    assert!(Command::new(program()).stderr(Stdio::null()).status().expect("run").success());
}

#[test]
fn ends_in_time_whatever_blocks() {
    let place = Workplace::new();
    let pipe = place.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let started = Instant::now();
    let mut command = Command::new(program());
    command.arg("probe").arg(place.path("app.env")).arg("--message").arg(&pipe).args(JAVA).env_clear();
    assert!(command.status().expect("run").success());
    let took = started.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(2), "{took:?}");
    assert!(place.file().starts_with("JAVA_TOOL_OPTIONS='"));
}

#[test]
fn a_signal_ends_only_the_second_process() {
    let place = Workplace::new();
    fs::write(place.path("app.env"), "X='1'\n").expect("write");
    // Writing more than nothing is answered by SIGXFSZ.
    let line = "ulimit -c 0; ulimit -f 0; exec \"$0\" probe \"$1\" --default Y 1";
    let mut command = Command::new("sh");
    command.args(["-c", line]).arg(program()).arg(place.path("app.env")).env_clear();
    assert!(command.status().expect("run").success());
    assert_eq!(place.file(), "X='1'\n");
}

#[test]
fn works_itself_where_there_is_no_second_process() {
    let place = Workplace::new();
    let mut command = place.probe(&JAVA);
    assert!(command.arg0("/nowhere/ingraft-probe").status().expect("run").success());
    assert!(place.file().contains("javaagent"));
}

#[test]
fn opens_no_pipe_of_the_image() {
    let place = Workplace::new();
    fs::create_dir(place.path("jdk")).expect("folder");
    assert!(Command::new("mkfifo").arg(place.path("jdk/release")).status().expect("mkfifo").success());
    let started = Instant::now();
    let mut command = place.probe(&JAVA);
    command.env("PATH", "/nowhere").env("JAVA_HOME", place.path("jdk"));
    assert!(command.status().expect("run").success());
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(place.message().contains("\"java\":null"));
}

#[test]
fn keeps_the_old_file_on_a_full_volume() {
    let Some(volume) = Tmpfs::mount("8k") else { return };
    fs::write(volume.path("app.env"), "X='1'\n").expect("write");
    let full = fs::write(volume.path("ballast"), vec![0; 64 * 1024]);
    assert!(full.is_err(), "the volume is not full");
    let place = Workplace::new();
    let user = "x".repeat(20_000);
    let mut command = probe(&volume.path("app.env"), &place.path("message"), &["--default", "Y", &user]);
    assert!(command.stderr(Stdio::null()).status().expect("run").success());
    assert_eq!(fs::read_to_string(volume.path("app.env")).expect("read"), "X='1'\n");
    assert!(!volume.path("app.env.new").exists());
    assert!(place.message().contains("\"error\":\"write: No space left"), "{}", place.message());
}

/// A volume in memory has the sticky bit, and the copier may have run as another user.
#[test]
fn writes_over_the_file_of_another_user() {
    if !run_as_root("the probe beside files of another user") {
        return;
    }
    let place = Workplace::new();
    let folder = place.path("volume");
    fs::create_dir(&folder).expect("folder");
    for (path, mode) in [(place.path(""), 0o755), (folder.clone(), 0o1777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
    }
    let file = folder.join("app.env");
    fs::write(&file, "left over from before").expect("write");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("mode");
    let mut command = Command::new("/usr/sbin/chroot");
    command.args(["--userspec=101:101", "/"]).arg(program()).arg("probe").arg(&file);
    let output = command.args(["--message", "/dev/null", "--default", "X", "1"]).output().expect("run");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(fs::read_to_string(&file).expect("read"), "X='1'\n");
    assert_eq!(fs::read_dir(&folder).expect("folder").count(), 1);
}

#[test]
fn installs_itself_and_empty_files() {
    let place = Workplace::new();
    let folder = place.path("volume");
    fs::create_dir(&folder).expect("folder");
    let install = || {
        let mut command = Command::new(program());
        command.arg("install").arg(&folder).args(["a.env", "b.env"]).status().expect("run")
    };
    assert!(install().success());
    fs::write(folder.join("a.env"), "X='my own and ours'\n").expect("write");
    assert!(install().success());
    let mode = |name: &str| fs::metadata(folder.join(name)).expect("metadata").permissions().mode() & 0o777;
    assert_eq!([mode("a.env"), mode("b.env"), mode("ingraft-probe")], [0o666, 0o666, 0o755]);
    assert_eq!(fs::read_to_string(folder.join("a.env")).expect("read"), "");
    assert_eq!(fs::read_dir(&folder).expect("folder").count(), 3);
    let copy =
        Command::new(folder.join("ingraft-probe")).arg("probe").arg(folder.join("b.env")).args(JAVA).status();
    assert!(copy.expect("run").success());
    assert!(fs::read_to_string(folder.join("b.env")).expect("read").contains("javaagent"));
}

#[test]
fn fails_only_if_files_cannot_be_made() {
    let install = |folder| {
        let mut command = Command::new(program());
        command.arg("install").arg(folder).arg("a.env").stderr(Stdio::null()).status().expect("run")
    };
    assert_eq!(install(Workplace::new().path("missing")).code(), Some(1));
    let Some(volume) = Tmpfs::mount("16k") else { return };
    assert!(install(volume.path("")).success());
    assert_eq!(fs::read_to_string(volume.path("a.env")).expect("read"), "");
    assert!(!volume.path("ingraft-probe").exists());
}
