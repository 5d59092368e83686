use super::*;

const GLIBC: Option<&str> = Some("/lib64/ld-linux-x86-64.so.2");
const MUSL: Option<&str> = Some("/lib/ld-musl-x86_64.so.1");

/// Where this machine's loaders are, so that the tests pass on every architecture.
fn loader(libc: Libc) -> String {
    let [musl, glibc] = libc::loaders(std::env::consts::ARCH).expect("a known architecture");
    if libc == Libc::Musl { format!("lib/{musl}") } else { format!("lib64/{glibc}") }
}

#[test]
fn finds_java() {
    let release = "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"17.0.15\"\n";
    let found = Some("17.0.15".to_owned());
    let version = |tree: Tree| tree.version(Agent::Java);
    assert_eq!(version(Tree::new()), None);
    let home = Tree::new().file("opt/java/openjdk/release", release);
    assert_eq!(version(home.env("JAVA_HOME", "/opt/java/openjdk")), found);
    assert_eq!(version(Tree::new().file("opt/java/openjdk/release", release)), found);
    let debian = Tree::new()
        .file("usr/lib/jvm/java-17/release", release)
        .program("usr/lib/jvm/java-17/bin/java", "")
        .link("etc/alternatives/java", "../../usr/lib/jvm/java-17/bin/java")
        .link("usr/bin/java", "../../etc/alternatives/java");
    assert_eq!(version(debian), found);
    let old = Tree::new()
        .file("opt/jdk8/release", "JAVA_VERSION=\"1.8.0_292\"")
        .program("opt/jdk8/jre/bin/java", "")
        .env("PATH", "/opt/jdk8/jre/bin");
    assert_eq!(version(old).as_deref(), Some("1.8.0_292"));
    let bare = Tree::new().program("usr/lib/jvm/java-11-openjdk-amd64/bin/java", "");
    assert_eq!(version(bare.env("PATH", "/usr/lib/jvm/java-11-openjdk-amd64/bin")).as_deref(), Some("11"));
    let unknown = Tree::new().program("usr/bin/java", "");
    assert_eq!(version(unknown).as_deref(), Some(""));
    let stated = Tree::new().program("usr/bin/java", "").env("JAVA_VERSION", "jdk-21.0.1+12");
    assert_eq!(version(stated).as_deref(), Some("21.0.1+12"));
    let two = Tree::new()
        .file("usr/lib/jvm/a-jdk/release", release)
        .file("opt/java/release", "JAVA_VERSION=\"21\"");
    assert_eq!(version(two).as_deref(), Some(""));
}

#[test]
fn finds_node() {
    let header =
        "#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 11\n#define NODE_PATCH_VERSION 1\n";
    let version = |tree: Tree| tree.version(Agent::Nodejs);
    assert_eq!(version(Tree::new()), None);
    let official = || Tree::new().program("usr/local/bin/node", "");
    assert_eq!(
        version(official().file("usr/local/include/node/node_version.h", header)).as_deref(),
        Some("20.11.1")
    );
    assert_eq!(version(official().env("NODE_VERSION", "18.12.0")).as_deref(), Some("18.12.0"));
    assert_eq!(version(official()).as_deref(), Some(""));
    let managed = Tree::new()
        .program("home/app/.nvm/versions/node/v16.20.2/bin/node", "")
        .env("PATH", "/home/app/.nvm/versions/node/v16.20.2/bin");
    assert_eq!(version(managed).as_deref(), Some("16.20.2"));
    let alpine = Tree::new()
        .program("usr/bin/node", "")
        .file("lib/apk/db/installed", "P:npm\nV:10.1.0-r0\n\nP:nodejs\nA:x86_64\nV:20.15.1-r0\n\n");
    assert_eq!(version(alpine).as_deref(), Some("20.15.1-r0"));
    let status = "Package: node-x\nVersion: 9\n\nPackage: nodejs\nStatus: ok\nVersion: 1:12.22.12~dfsg-1\n";
    let debian = Tree::new().program("usr/bin/nodejs", "").file("var/lib/dpkg/status", status);
    assert_eq!(version(debian).as_deref(), Some("12.22.12"));
    let not_executable = Tree::new().file("usr/bin/node", "");
    assert_eq!(version(not_executable), None);
}

#[test]
fn finds_python() {
    let version = |tree: Tree| tree.version(Agent::Python);
    assert_eq!(version(Tree::new()), None);
    let official = || {
        Tree::new()
            .program("usr/local/bin/python3.12", "")
            .link("usr/local/bin/python3", "python3.12")
            .link("usr/local/bin/python", "python3")
    };
    assert_eq!(version(official()).as_deref(), Some("3.12"));
    assert_eq!(version(official().env("PYTHON_VERSION", "3.12.4")).as_deref(), Some("3.12.4"));
    assert_eq!(version(official().env("PYTHON_VERSION", "3.9.1")).as_deref(), Some("3.12"));
    let linked = official().link("opt/venv/bin/python", "../../../usr/local/bin/python");
    assert_eq!(version(linked.env("PATH", "/opt/venv/bin:/usr/bin")).as_deref(), Some("3.12"));
    let copied =
        Tree::new().program("venv/bin/python", "").file("venv/pyvenv.cfg", "home = /x\nversion = 3.8.1\n");
    assert_eq!(version(copied).as_deref(), Some("3.8.1"));
    let plain = Tree::new().program("usr/bin/python3", "").file("usr/lib/python3.11/os.py", "");
    assert_eq!(version(plain).as_deref(), Some("3.11"));
    let script = Tree::new()
        .program("usr/bin/python3.11", "")
        .link("usr/bin/python3", "python3.11")
        .program("opt/app/bin/python3.9", "")
        .program("opt/app/bin/gunicorn", "#!/opt/app/bin/python3.9\n")
        .argv(&["/opt/app/bin/gunicorn", "app"]);
    assert_eq!(version(script).as_deref(), Some("3.9"));
    let named = Tree::new().program("x/python3.7", "").argv(&["tini", "--", "/x/python3.7", "app.py"]);
    assert_eq!(version(named).as_deref(), Some("3.7"));
}

#[test]
fn finds_dotnet() {
    let version = |tree: Tree| tree.version(Agent::Dotnet);
    assert_eq!(version(Tree::new()), None);
    let official = Tree::new()
        .program("usr/share/dotnet/dotnet", "")
        .link("usr/bin/dotnet", "../share/dotnet/dotnet")
        .file("usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.5/x", "")
        .file("usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.1/x", "");
    assert_eq!(version(official).as_deref(), Some("10.0.1"));
    let unknown = Tree::new().program("usr/bin/dotnet", "").env("DOTNET_VERSION", "6.0.36");
    assert_eq!(version(unknown).as_deref(), Some("6.0.36"));
    let config =
        r#"{"runtimeOptions":{"includedFrameworks":[{"name":"Microsoft.NETCore.App","version":"9.0.2"}]}}"#;
    let own = || {
        Tree::new()
            .program("srv/Shop", "")
            .file("srv/libcoreclr.so", "")
            .file("srv/Shop.runtimeconfig.json", config)
    };
    assert_eq!(version(own().argv(&["/srv/Shop"])).as_deref(), Some("9.0.2"));
    assert_eq!(version(own().argv(&["./Shop"]).workdir("/srv")).as_deref(), Some("9.0.2"));
    assert_eq!(version(own().workdir("/srv")).as_deref(), Some(""));
}

#[test]
fn tells_libraries_apart() {
    let libc = |tree: &Tree| tree.contents().libc;
    assert_eq!(libc(&Tree::new()), Some(Libc::None));
    assert_eq!(libc(&Tree::new().file(&loader(Libc::Musl), "")), Some(Libc::Musl));
    let both = || Tree::new().file(&loader(Libc::Musl), "").file(&loader(Libc::Glibc), "");
    assert_eq!(libc(&Tree::new().file(&loader(Libc::Glibc), "")), Some(Libc::Glibc));
    assert_eq!(libc(&both()), None);
    assert_eq!(libc(&both().program("bin/sh", elf(MUSL))), Some(Libc::Musl));
    let runtime = both().program("bin/sh", elf(MUSL)).program("usr/bin/python3", elf(GLIBC));
    assert_eq!(runtime.contents_for(&[Agent::Python]).libc, Some(Libc::Glibc));
    assert_eq!(runtime.contents_for(&[Agent::Java]).libc, Some(Libc::Musl));
    assert_eq!(libc(&Tree::new().file("nix/store/x", "")), None);
    let entry = Tree::new().program("app", elf(MUSL)).argv(&["/app"]);
    assert_eq!(libc(&entry), Some(Libc::Musl));
    assert_eq!(libc(&Tree::new().program("app", elf(None)).argv(&["/app"])), Some(Libc::None));
    let hostile = Tree::new().program("bin/sh", &elf(GLIBC)[..70]).program("app", b"\x7fELF\x02\x01");
    assert_eq!(libc(&hostile.argv(&["/app"])), Some(Libc::None));
}

#[test]
fn reads_programs_of_every_class() {
    let tree = Tree::new();
    let write = |bytes: &[u8]| fs::write(tree.root.path().join("x"), bytes).expect("write");
    let disk = Disk::below(tree.root.path().to_str().expect("text"));
    let files = Files::of(&disk);
    // 32 bits, big endian: the program header table at 52 with one entry of 32 bytes, which is PT_INTERP.
    let mut bytes = vec![0; 52 + 32];
    bytes[..6].copy_from_slice(b"\x7fELF\x01\x02");
    bytes[0x1f] = 52;
    bytes[0x2b] = 32;
    bytes[0x2d] = 1;
    bytes[52 + 3] = 3;
    bytes[52 + 7] = 84;
    bytes.extend(b"/lib/ld.so.1\0");
    write(&bytes);
    assert_eq!(elf::libc(&files, "/x"), Some(Libc::Glibc));
    write(&elf(Some("/nix/store/x-glibc/lib/ld-linux-x86-64.so.2")));
    assert_eq!(elf::libc(&files, "/x"), Some(Libc::Glibc));
    write(&elf(Some("/system/bin/linker64")));
    assert_eq!(elf::libc(&files, "/x"), None);
    write(b"#!/bin/sh\n");
    assert_eq!(elf::libc(&files, "/x"), None);
}

#[test]
fn gives_up_after_a_while() {
    let tree = Tree::new().file("x", "");
    let disk = Disk::below(tree.root.path().to_str().expect("text"));
    let files = Files::of(&disk);
    assert!((0..5000).any(|_| !files.is_file("/x")));
    assert!(files.is_exhausted());
    assert_eq!(files.text("/x", 9), None);
}

#[test]
fn opens_regular_files_only() {
    let disk = Disk::below("/");
    let files = Files::of(&disk);
    assert_eq!(files.bytes("/dev/zero", 0, 9), None);
    assert_eq!(files.bytes("/proc", 0, 9), None);
}
