//! Java: by the `release` file that every JDK and JRE has since version 7, else by folder names.

use ingraft_probe_contract::Agent;

use super::{Image, Runtime, path};
use crate::version;

/// Where distributions and images put Java.
const FOLDERS: [&str; 6] = ["/usr/lib/jvm", "/opt/java", "/usr/java", "/opt", "/usr/local", "/"];

pub(super) fn find(image: &Image<'_>) -> Option<Runtime> {
    let program = image.program(|name| name == "java", &["java"], &[]);
    let real = program.as_deref().and_then(|program| image.files.real(program)).or(program);
    let stated = image.environment.text("JAVA_HOME").filter(|home| image.files.is_folder(home));
    // `bin/java`; before Java 9 also `jre/bin/java`.
    let above = real.as_deref().and_then(path::parent).and_then(path::parent);
    let homes = || [stated, above, above.and_then(path::parent)].into_iter().flatten();
    let version = homes().find_map(|home| release(image, home)).or_else(|| homes().find_map(named));
    if version.is_some() || real.is_some() || stated.is_some() {
        let version = version.or_else(|| version::tidy(image.environment.text("JAVA_VERSION")?));
        let program = real.or_else(|| stated.map(|home| path::join(home, "bin/java")));
        return Some(Runtime { agent: Agent::Java, version, program });
    }
    usual(image)
}

/// Java that is neither in `PATH` nor in `JAVA_HOME`. The version is known if there is one only.
fn usual(image: &Image<'_>) -> Option<Runtime> {
    let is_java = |name: &str| ["java", "jdk", "jre", "jvm"].iter().any(|part| name.contains(part));
    let homes = FOLDERS.iter().flat_map(|folder| {
        let names = image.files.names(folder).into_iter().filter(|name| is_java(name)).take(8);
        names.map(|name| path::join(folder, &name))
    });
    let mut found: Vec<(String, String)> =
        homes.filter_map(|home| release(image, &home).map(|version| (version, home))).collect();
    found.dedup_by(|one, other| one.0 == other.0);
    let (version, home) = found.pop()?;
    let version = found.is_empty().then_some(version);
    Some(Runtime { agent: Agent::Java, version, program: Some(path::join(&home, "bin/java")) })
}

fn release(image: &Image<'_>, home: &str) -> Option<String> {
    let text = image.files.text(&path::join(home, "release"), 4096)?;
    text.lines().find_map(|line| version::tidy(line.strip_prefix("JAVA_VERSION=")?))
}

/// The version in a folder's name, such as `java-17-openjdk-amd64`.
fn named(home: &str) -> Option<String> {
    let name = path::name(home);
    let is_java = name.contains("jdk") || name.contains("jre") || name.contains("java");
    version::numbered(name).filter(|_| is_java)
}
