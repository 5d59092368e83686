//! The clone of a server's configuration: our program and, where that is not proven to run, the shell of the image. Both
//! are called as the core writes it.

#![expect(clippy::expect_used, reason = "a test that can't prepare its files has failed")]
#![expect(clippy::indexing_slicing, reason = "JSON has `null` where nothing is")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ingraft_core::edit::apply;
use ingraft_core::{EnvProbe, Request, Settings, Snapshot, inject};
use ingraft_testkit::prerequisites::run_as_root;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where init containers see the clone.
const TARGET: &str = "/opt/opentelemetry-webserver/source-conf";

/// The command of the clone, by our program or by the shell.
fn command(when: EnvProbe, from: &Path, to: &Path) -> Vec<String> {
    let main = from.join("nginx.conf");
    let object = json!({
        "metadata": {"name": "base", "namespace": "shop"}, "spec": {"nginx": {"configFile": main}},
    });
    let mut snapshot = Snapshot::default();
    let instrumentation = serde_json::from_value(object).expect("an Instrumentation");
    snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
    let mut pod = json!({
        "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-nginx": "true"}},
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]},
    });
    let mut settings = Settings::default();
    settings.env_probe = when;
    settings.set_enabled(ingraft_api::Language::Nginx, true);
    "example.com/ingraft:1".clone_into(&mut settings.probe_image);
    let request =
        Request { pod: &pod, namespace: "shop", owners: &[], snapshot: &snapshot, settings: &settings };
    let edits = inject(&request).edits;
    apply(&mut pod, &edits);
    let containers = pod["spec"]["initContainers"].as_array().expect("init containers");
    let clone = containers.iter().find(|container| container["name"] == "otel-agent-source-container-clone");
    let clone = clone.expect("a clone");
    let words = ["command", "args"].map(|key| clone[key].as_array().cloned().unwrap_or_default()).concat();
    let word = |word: &Value| {
        let word = word.as_str().expect("text").replace(TARGET, &to.display().to_string());
        word.replace("/ingraft-env/ingraft-probe", env!("CARGO_BIN_EXE_ingraft-probe"))
    };
    words.iter().map(word).collect()
}

/// Runs it as somebody who is not root.
fn run(words: &[String]) -> Output {
    let mut command = Command::new("/usr/sbin/chroot");
    command.args(["--userspec=65532:65532", "/"]).args(words).output().expect("chroot")
}

/// Where the configuration is, and where its clone goes.
struct Folders {
    from: PathBuf,
    to: PathBuf,
    _place: TempDir,
}

impl Folders {
    fn new() -> Self {
        let place = TempDir::new().expect("folder");
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("mode");
        let (from, to) = (place.path().join("conf"), place.path().join("clone"));
        folder(&from, 0o755);
        folder(&to, 0o777);
        Self { from, to, _place: place }
    }
}

/// A folder with a mode.
fn folder(path: &Path, mode: u32) {
    fs::create_dir_all(path).expect("folder");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("mode");
}

#[test]
fn a_clone_is_whole_or_an_error() {
    if !run_as_root("clones by somebody who is not root") {
        return;
    }
    for when in [EnvProbe::Always, EnvProbe::Never] {
        let Folders { from, to, _place } = &Folders::new();
        folder(&from.join("conf.d"), 0o755);
        for (name, mode) in
            [("nginx.conf", 0o644), ("conf.d/.site", 0o444), ("two words", 0o644), ("secret.key", 0o600)]
        {
            fs::write(from.join(name), name).expect("write");
            fs::set_permissions(from.join(name), Permissions::from_mode(mode)).expect("mode");
        }
        folder(&from.join("private"), 0o700);
        symlink("nginx.conf", from.join("link")).expect("link");
        let words = command(when, from, to);

        // The second time is that of a node that has started again.
        for _ in 0..2 {
            let output = run(&words);
            assert!(output.status.success(), "{when:?}: {output:?}");
            for name in ["nginx.conf", "conf.d/.site", "two words"] {
                assert_eq!(fs::read_to_string(to.join(name)).expect("read"), name, "{when:?}");
            }
            assert!(fs::read_link(to.join("link")).is_ok_and(|target| target == Path::new("nginx.conf")));
            assert!(!to.join("secret.key").exists(), "{when:?}: what the user cannot read is no loss");
        }

        // Not one file is missing silently.
        fs::remove_dir_all(to).expect("remove");
        folder(to, 0o777);
        folder(&to.join("conf.d"), 0o555);
        let output = run(&words);
        assert!(!output.status.success(), "{when:?}: {output:?}");

        // A server whose configuration is elsewhere starts.
        fs::remove_dir_all(from).expect("remove");
        let output = run(&words);
        assert!(output.status.success(), "{when:?}: {output:?}");
    }
}

/// A server gives up root's rights once it has started, and reads files of its own then.
#[test]
fn owners_stay() {
    if !run_as_root("clones by root") {
        return;
    }
    let Folders { from, to, _place } = &Folders::new();
    folder(&from.join("private"), 0o700);
    fs::write(from.join("private/users"), "a").expect("write");
    fs::set_permissions(from.join("private/users"), Permissions::from_mode(0o400)).expect("mode");
    for path in ["private", "private/users"] {
        chown(from.join(path), Some(33), Some(33)).expect("owner");
    }
    let words = command(EnvProbe::Always, from, to);
    // Root without the right to change what is another's, as a container may have it; and again, as after a restart.
    let limited = "--bounding-set=-fowner";
    for _ in 0..2 {
        let mut command = Command::new("/usr/bin/setpriv");
        let output = command.args([limited, "--inh-caps=-fowner"]).args(&words).output().expect("setpriv");
        assert!(output.status.success(), "{output:?}");
        let clone = fs::metadata(to.join("private/users")).expect("metadata");
        assert_eq!((clone.uid(), clone.gid(), clone.mode() & 0o777), (33, 33, 0o400));
    }
}

/// Who may enter a folder may open what it knows the name of.
#[test]
fn a_folder_that_may_only_be_entered_is_an_error() {
    if !run_as_root("clones by somebody who is not root") {
        return;
    }
    for when in [EnvProbe::Always, EnvProbe::Never] {
        let Folders { from, to, _place } = &Folders::new();
        folder(&from.join("ssl"), 0o711);
        let words = command(when, from, to);
        assert!(!run(&words).status.success(), "{when:?}");
        folder(&from.join("ssl"), 0o700);
        assert!(run(&words).status.success(), "{when:?}: nobody but root could open anything there");
    }
}

/// The next container may run as another user.
#[test]
fn anybody_may_fill_the_file_of_the_module() {
    if !run_as_root("clones by somebody who is not root") {
        return;
    }
    for when in [EnvProbe::Always, EnvProbe::Never] {
        let Folders { from, to, _place } = &Folders::new();
        folder(&from.join("conf.d"), 0o755);
        let words = command(when, from, to);
        let (program, arguments) = words.split_first().expect("a program");
        assert!(Command::new(program).args(arguments).status().expect("run").success());
        let file = fs::metadata(to.join("conf.d/opentelemetry_agent.conf")).expect("metadata");
        assert_eq!((file.len(), file.mode() & 0o777), (0, 0o666), "{when:?}");
    }
}
