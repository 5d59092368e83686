//! `ingraft doctor`: how files are named, and what Git and a workflow call it by.

use std::path::Path;

use crate::run::Folder;
use crate::{INSTRUMENTATION, POD};

#[test]
fn doctor_takes_files_with_and_without_f() {
    let folder = Folder::with(&[("shop/pod.yaml", POD), ("base/base.yaml", INSTRUMENTATION)]);
    let expected = folder.run(&["doctor", "-f", "base", "-f", "shop/pod.yaml"]);
    assert!(expected.stdout.contains("nothing is wrong"), "{expected:?}");
    for args in [
        &["doctor", "base", "shop/pod.yaml"][..],
        &["doctor", "-f", "base", "shop"],
        &["doctor", "--recursive", "."],
        &["doctor", "-R", "-f", "."],
    ] {
        let answer = folder.run(args);
        assert_eq!((answer.status, &answer.stdout), (0, &expected.stdout), "{args:?}: {answer:?}");
    }
    let answer = folder.run(&["doctor", "shop/pod.yaml"]);
    assert!(answer.status == 1 && answer.stdout.contains("InstrumentationMissing"), "{answer:?}");
}

/// A hook or workflow without files must not look at the cluster that somebody happens to use.
#[test]
fn recursive_without_files_is_wrong_usage() {
    let answer = Folder::empty().run(&["doctor", "--recursive"]);
    assert!(answer.status == 2 && answer.stderr.contains("FILE"), "{answer:?}");
}

#[test]
fn what_is_not_wanted_is_not_taken_for_right() {
    let folder = Folder::with(&[("pod.yaml", POD)]);
    for args in [
        &["--only", "EndpointMissing"][..],
        &["--skip", "InstrumentationMissing"],
        &["--skip=@pod/default/app"],
    ] {
        let answer = folder.run(&[&["doctor", "pod.yaml"], args].concat());
        assert_eq!(answer.status, 0, "{answer:?}");
        assert!(answer.stdout.contains("Instrumentations  1 not shown"), "{answer:?}");
        assert!(
            answer.stdout.contains("no finding is shown: ") && answer.stdout.contains("; not shown: 1"),
            "{answer:?}"
        );
    }
}

/// One file, with more mistakes than there are rounds; the second one of each object shows once the first is corrected.
#[test]
fn hundreds_of_mistakes_are_corrected_at_once() {
    let document = |number: usize| {
        format!(
            "# {number}
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{number}}}
spec:
  template:
    metadata:
      annotations:
        instrumentation.opentelemetry.io/inject-pyton: base # here
        instrumentation.opentelemetry.io/python-container-names: ap
    spec: {{containers: [{{name: app, image: app}}]}}
"
        )
    };
    let text = (0..250).map(document).collect::<Vec<_>>().join("---\n");
    let folder = Folder::with(&[("all.yaml", &text), ("base.yaml", INSTRUMENTATION)]);
    let answer = folder.run(&["doctor", "base.yaml", "all.yaml", "--fix", "--yes"]);
    assert_eq!(answer.stderr, "note: corrected 500, in 1 of the files or objects\n");
    let fixed = std::fs::read_to_string(folder.path().join("all.yaml")).unwrap();
    assert_eq!(fixed, text.replace("inject-pyton", "inject-python").replace("names: ap\n", "names: app\n"));
    assert_eq!(answer.status, 0);
}

/// What is left is said, beside the diff that is the answer.
#[test]
fn a_dry_run_says_what_is_left() {
    let folder = Folder::with(&[("pod.yaml", POD)]);
    let answer = folder.run(&["doctor", "pod.yaml", "--fix", "--dry-run"]);
    assert_eq!((answer.status, answer.stdout.as_str()), (1, ""), "{answer:?}");
    assert!(
        answer.stderr.contains("InstrumentationMissing (pod/app -n default) is left to you: "),
        "{answer:?}"
    );
    let answer = folder.run(&["doctor", "pod.yaml", "--fix", "--dry-run", "-o", "json"]);
    assert_eq!(answer.status, 2, "{answer:?}");
}

/// Charts as `helm create` makes them, with five variations of what their values can say.
#[test]
fn charts_of_helm_create_have_no_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/helm");
    for (chart, port) in [
        ("defaults-sdk", 4318),
        ("nginx", 4317),
        ("java-autoscaled", 4318),
        ("python-ingress", 4318),
        ("nodejs-strict", 4318),
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{chart}.yaml"))).unwrap();
        let instrumentation = INSTRUMENTATION.replace("4318", &port.to_string());
        let files = Folder::with(&[("chart.yaml", &text), ("base.yaml", &instrumentation)]);
        let answer = files.run(&[
            "doctor",
            "-n=shop",
            "--enable-nginx-instrumentation=true",
            "chart.yaml",
            "base.yaml",
        ]);
        assert!(answer.stdout.contains("2 workloads (1 requesting injection)"), "{chart}: {answer:?}");
        assert!(answer.status == 0 && answer.stdout.contains("nothing is wrong"), "{chart}: {answer:?}");
    }
}

/// Nothing is wrong with the examples, but that two languages are off unless somebody says otherwise.
#[test]
fn examples_have_no_warning() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for entry in std::fs::read_dir(examples).unwrap() {
        let file = entry.unwrap().path();
        let answer = Folder::empty().run(&["doctor", file.to_str().unwrap(), "-o", "json"]);
        let report: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        let codes: Vec<&str> =
            report["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
        let is_off = ["go", "nginx"].contains(&file.file_stem().unwrap().to_str().unwrap());
        let expected: &[&str] = if is_off { &["LanguageDisabled"] } else { &[] };
        assert_eq!(codes, expected, "{}", file.display());
    }
}

#[test]
fn what_is_no_manifest_is_left_out_of_a_folder() {
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    let template = "apiVersion: v1\nkind: Pod\nmetadata:\n  {{- include \"labels\" . }}\n";
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    metadata:\n      \
                 annotations: {instrumentation.opentelemetry.io/inject-java: 'true'}\n";
    let folder = Folder::with(&[
        ("all/Chart.yaml", chart),
        ("all/values.yaml", "replicas: 1\n"),
        ("all/kustomization.yaml", "resources: [a.yaml]\n"),
        ("all/patch.yaml", patch),
        ("all/templates/pod.yaml", template),
        ("all/config.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"),
        ("all/forgotten.yaml", "{apiVersion: v1, metadata: {name: a}}\n"),
    ]);
    let answer = folder.run(&["doctor", "-R", "-f", "all"]);
    let said = |word: &str| answer.stderr.lines().filter(|line| line.contains(word)).count();
    assert_eq!((answer.status, said("it is no manifest"), said("it is a patch")), (1, 3, 1), "{answer:?}");
    assert_eq!((said("helm template"), answer.stdout.matches("KindMissing").count()), (1, 1), "{answer:?}");
    let empty = folder.run(&["doctor", "all/templates", "all"]);
    assert_eq!(empty.status, 1, "one of two may have none");
    let none = Folder::with(&[("deploy/values.yaml", "replicas: 1\n")]).run(&["doctor", "deploy"]);
    assert!(none.status == 3 && none.stderr.contains("in deploy; -R also"), "{none:?}");
    // Who names a file means it.
    let answer = folder.run(&["doctor", "-f", "all/values.yaml"]);
    assert!(answer.status == 1 && answer.stdout.contains("KindMissing"), "{answer:?}");
    let answer = folder.run(&["doctor", "-f", "all/templates/pod.yaml"]);
    assert!(answer.status == 3 && answer.stderr.contains("helm template CHART"), "{answer:?}");
}

/// Which of the two a correction is about, nobody can tell: `prod` and `staging` may have an object of the same name.
#[test]
fn what_is_written_twice_is_not_corrected() {
    let production = INSTRUMENTATION.replace("gateway.obs", "otlp.example.com");
    let staging =
        "apiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata: {name: base}\nspec: {}\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: otel-collector, namespace: obs}\nspec:\n  ports: [{port: 4317}, {port: 4318}]\n";
    let folder =
        Folder::with(&[("prod/i.yaml", &production), ("staging/i.yaml", staging), ("service.yaml", service)]);
    folder.run(&["doctor", "-R", ".", "--fix", "--yes"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("prod/i.yaml")).unwrap(), production);
}

/// Each of the two is looked at as it is written, and what uses it with it.
#[test]
fn what_is_written_twice_is_told_where_it_is_wrong() {
    let wrong = INSTRUMENTATION.replace(":4318", ":4318/v1/traces");
    for (first, second) in [(&*wrong, INSTRUMENTATION), (INSTRUMENTATION, &*wrong)] {
        let folder = Folder::with(&[("1/i.yaml", first), ("2/i.yaml", second), ("pod.yaml", POD)]);
        let answer = folder.run(&["doctor", "-R", "."]);
        let place = if first == wrong { "1/i.yaml" } else { "2/i.yaml" };
        let places: Vec<_> = answer.stdout.lines().filter(|line| line.contains("-->")).collect();
        assert!(!places.is_empty() && places.iter().all(|line| line.contains(place)), "{answer:?}");
    }
}

/// `kubectl apply -f FOLDER` takes the files by name; Kustomize does not.
#[test]
fn a_workload_in_a_file_before_that_of_its_instrumentation_is_told() {
    let files = |order: &'static [&'static str]| {
        let text = |name: &str| if name.contains("base") { INSTRUMENTATION } else { POD };
        order.iter().map(move |name| (*name, text(name)))
    };
    let folder = Folder::with(&files(&["app.yaml", "base.yaml"]).collect::<Vec<_>>());
    let answer = folder.run(&["doctor", "-f", "."]);
    let expected = ["InstrumentationFollows", "follows in ./base.yaml", "apply ./base.yaml first"];
    assert!(expected.iter().all(|words| answer.stdout.contains(words)), "{answer:?}");
    let both =
        format!("{POD}---\n{}", INSTRUMENTATION.replace("base", "other")).replace("name: app\n", "name: b\n");
    std::fs::write(folder.path().join("both.yaml"), both).unwrap();
    std::fs::write(folder.path().join("kustomization.yaml"), "resources: [app.yaml, base.yaml]\n").unwrap();
    let answer = folder.run(&["doctor", "-f", "."]);
    assert!(!answer.stdout.contains("InstrumentationFollows"), "{answer:?}");
    let folder = Folder::with(&files(&["base.yaml", "web.yaml"]).collect::<Vec<_>>());
    assert_eq!(folder.run(&["doctor", "-f", "."]).status, 0);
    let answer = folder.run(&["doctor", "-f", "web.yaml", "-f", "base.yaml"]);
    assert!(answer.stdout.contains("InstrumentationFollows"), "{answer:?}");
    let folder = Folder::with(&files(&["a/web.yaml", "b/base.yaml"]).collect::<Vec<_>>());
    let named = ["doctor", "-f", "a/web.yaml", "-f", "b/base.yaml"];
    let answer = folder.run(&named);
    assert!(answer.stdout.contains("apply b/base.yaml first"), "{answer:?}");
    assert_eq!(folder.run(&["doctor", "-R", "."]).status, 0, "who applies them in which order is not known");
    std::fs::write(folder.path().join("Kustomization"), "resources: [a/web.yaml, b/base.yaml]\n").unwrap();
    assert_eq!(folder.run(&named).status, 0, "Kustomize has an order of its own");
}

#[test]
fn an_instrumentation_of_somebody_else_is_none() {
    let other = INSTRUMENTATION.replace("opentelemetry.io", "cloudwatch.aws.amazon.com");
    let folder = Folder::with(&[("all.yaml", &format!("{other}---\n{POD}"))]);
    let answer = folder.run(&["doctor", "all.yaml"]);
    assert!(answer.status == 1 && answer.stdout.contains("InstrumentationMissing"), "{answer:?}");
}

#[test]
fn no_value_of_a_secret_is_shown() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: pin}\nstringData: {pin: 48151623}\n";
    let folder = Folder::with(&[("secret.yaml", secret), ("base.yaml", INSTRUMENTATION)]);
    let answer = folder.run(&["doctor", "secret.yaml", "base.yaml"]);
    assert!(!format!("{answer:?}").contains("48151623"), "{answer:?}");
}

/// As a ConfigMap is mounted: what people see are links, and one folder leads to all.
#[cfg(unix)]
#[test]
fn a_file_counts_once_and_what_is_no_file_not_at_all() {
    use std::os::unix::fs::symlink;

    let folder = Folder::with(&[("all/..1/base.yaml", INSTRUMENTATION)]);
    let all = folder.path().join("all");
    symlink("..1", all.join("..data")).unwrap();
    symlink("..data/base.yaml", all.join("base.yaml")).unwrap();
    symlink(".", all.join("again")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(all.join("pipe.yaml")).status().unwrap().success());
    for files in [&["-R", "all"][..], &["all/base.yaml", "all"], &["all/base.yaml", "./all/base.yaml"]] {
        let answer = folder.run(&[&["doctor"], files].concat());
        assert!(answer.stdout.contains("and 1 Instrumentation\n"), "{files:?} {answer:?}");
    }
}

/// A link stays one, and what it leads to keeps its mode.
#[cfg(unix)]
#[test]
fn what_a_link_leads_to_is_corrected() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    let folder =
        Folder::with(&[("base.yaml", INSTRUMENTATION), ("real/pod.yaml", &POD.replace("inject-", "injct-"))]);
    let [real, link] = ["real/pod.yaml", "pod.yaml"].map(|name| folder.path().join(name));
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    // Only root can give it away; then it stays with whom it was given to.
    drop(std::os::unix::fs::chown(&real, Some(65532), Some(65532)));
    let before = std::fs::metadata(&real).unwrap();
    symlink("real/pod.yaml", &link).unwrap();
    let answer = folder.run(&["doctor", "base.yaml", "pod.yaml", "--fix", "--yes"]);
    assert_eq!(answer.status, 0, "{answer:?}");
    assert!(link.is_symlink() && std::fs::read_to_string(&real).unwrap() == POD);
    let after = std::fs::metadata(&real).unwrap();
    assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
    assert_eq!(after.permissions().mode() & 0o777, 0o640);
    assert_ne!(after.ino(), before.ino(), "it is another file, and was never half of one");
    assert_eq!(std::fs::read_dir(folder.path().join("real")).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn what_cannot_be_corrected_is_not_said_to_be() {
    let folder = Folder::empty();
    let answer = folder.run_with_input(&["doctor", "-"], &POD.replace("inject-", "injct-"));
    assert!(answer.status == 1 && !answer.stdout.contains("--fix"), "standard input is no file: {answer:?}");
    assert!(!answer.stdout.contains("nothing requests"), "the mistake is why: {answer:?}");
    let answer = folder.run_with_input(&["doctor", "-"], "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n");
    assert!(answer.stdout.contains("nothing requests injection"), "{answer:?}");
    let answer = folder.run_with_input(&["doctor", "-", "--context", "other"], POD);
    assert!(answer.status == 2 && answer.stderr.contains("add -A"), "{answer:?}");
}

/// Whoever writes `off` as a variable may mean the word.
#[test]
fn what_is_written_otherwise_than_it_is_read_is_not_promised() {
    let base = format!("{INSTRUMENTATION}  env: [{{name: OTEL_LOG_LEVEL, value: off}}]\n");
    let folder = Folder::with(&[("base.yaml", &base)]);
    let told = folder.run(&["doctor", "base.yaml"]).stdout;
    assert!(told.contains("FieldRefused") && !told.contains("--fix"), "{told}");
    let said = folder.run(&["doctor", "base.yaml", "--fix", "--yes", "--locale", "es"]).stderr;
    assert!(said.contains("queda para ti: YAML no lee el valor tal como está escrito"), "{said}");
}

/// One file that is no YAML is not in the way of the others.
#[test]
fn what_cannot_be_read_is_said_beside_the_rest() {
    let broken = "apiVersion: v1\nkind: Pod\napiVersion: v1\n";
    let pod = POD.replace("inject-", "injct-");
    let folder = Folder::with(&[
        ("base.yaml", INSTRUMENTATION),
        ("broken.yaml", broken),
        ("pod.yaml", &pod),
        ("values.yaml", "replicas: 1\n"),
    ]);
    let answer = folder.run(&["doctor", "."]);
    let is_told = answer.status == 3 && answer.stdout.contains("AnnotationUnknown");
    assert!(is_told && answer.stderr.contains("line 3: duplicate mapping key"), "{answer:?}");
    assert!(answer.stderr.contains("is --- missing above this line?"), "{answer:?}");
    let last = answer.stdout.lines().last().unwrap();
    assert!(last.contains("; 1 file cannot be read; left out: 1 file;"), "{last}");
    let answer = folder.run(&["doctor", ".", "--fix", "--yes"]);
    assert!(
        answer.status == 3 && answer.stderr.contains("nothing of ./broken.yaml is corrected"),
        "{answer:?}"
    );
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!((read("broken.yaml"), read("pod.yaml")), (broken.to_owned(), POD.to_owned()));
    assert!(answer.stdout.contains("nothing is wrong in what could be read"), "{answer:?}");
}

#[test]
fn what_must_not_be_written_stays() {
    let mistaken = POD.replace("inject-", "injct-");
    let encrypted = format!("{mistaken}sops:\n  mac: ENC[a]\n");
    let rendered =
        format!("# Source: shop/templates/pod.yaml\n{}", mistaken.replace("name: app\n", "name: b\n"));
    let folder = Folder::with(&[
        ("base.yaml", INSTRUMENTATION),
        ("standard input", "{apiVersion: v1, kind: Pod, metadata: {name: a}}"),
        ("secret.yaml", &encrypted),
        ("rendered.yaml", &rendered),
        ("kept.yaml", &mistaken),
    ]);
    let fix = |file: &str| folder.run(&["doctor", "base.yaml", file, "--fix", "--yes"]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let answer = folder.run_with_input(&["doctor", "-", "--fix", "--yes"], &mistaken);
    assert!(answer.status == 3 && answer.stderr.contains("standard input is none"), "{answer:?}");
    assert!(read("standard input").starts_with('{'));

    let told = folder.run(&["doctor", "base.yaml", "secret.yaml"]);
    assert!(told.stdout.contains("AnnotationUnknown") && !told.stdout.contains("--fix"), "{told:?}");
    let answer = fix("secret.yaml");
    assert!(answer.stderr.contains("encrypted with SOPS") && read("secret.yaml") == encrypted, "{answer:?}");

    let answer = fix("rendered.yaml");
    assert!(answer.stderr.contains("correct shop/templates/pod.yaml too"), "{answer:?}");
    assert_ne!(read("rendered.yaml"), rendered);

    let path = folder.path().join("kept.yaml");
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    let answer = fix("kept.yaml");
    assert!(answer.status == 3 && answer.stderr.contains("write-protected"), "{answer:?}");
    assert_eq!(read("kept.yaml"), mistaken);
}

/// A terminal would take them for commands.
#[cfg(unix)]
#[test]
fn names_do_not_reach_a_terminal_as_they_are() {
    let named = POD.replacen("name: app", "name: \"a\\e[31m\"", 1).replace("inject-", "injct-");
    let folder =
        Folder::with(&[("base.yaml", INSTRUMENTATION), ("pod.yaml", &named), ("all/a\u{1b}[31m.yaml", POD)]);
    for form in ["text", "github", "junit", "html"] {
        let answer = folder.run(&["doctor", "base.yaml", "pod.yaml", "-o", form]);
        assert!(answer.status == 1 && !answer.stdout.contains('\u{1b}'), "{answer:?}");
    }
    let answer = folder.run(&["doctor", "all"]);
    assert!(answer.status == 3 && !answer.stderr.contains('\u{1b}'), "{answer:?}");
    // What only turns text around reaches a pipe, too.
    for args in [&["a\u{202e}.yaml"][..], &["--image", "./a\u{202e}.tar"]] {
        let answer = folder.run(&[&["doctor"], args].concat());
        assert!(answer.status == 3 && !answer.stderr.contains('\u{202e}'), "{answer:?}");
    }
}

#[test]
fn what_is_wrong_with_a_namespace_names_the_workloads_that_suffer() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {instrumentation.opentelemetry.io/inject-java: other}}\n";
    let web = |name: &str| {
        let template = "{spec: {containers: [{name: app, image: app}]}}";
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{template: {template}}}\n"
        )
    };
    let all = [namespace.to_owned(), INSTRUMENTATION.to_owned()];
    let all: Vec<_> = all.into_iter().chain(["a", "b", "c", "d"].map(web)).collect();
    let folder = Folder::with(&[("all.yaml", &all.join("---\n"))]);
    let answer = folder.run(&["doctor", "all.yaml"]);
    let told = "this concerns deployment/a, deployment/b, deployment/c, and 1 more";
    assert!(answer.stdout.matches(told).count() == 1, "{answer:?}");
}
