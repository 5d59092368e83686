use tar::{Builder, EntryType, Header};

use super::*;

fn header(kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header
}

fn layer(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = header(EntryType::Regular, *mode, content.len());
        archive.append_data(&mut header, path, *content).expect("file");
    }
    archive.into_inner().expect("finish")
}

fn file(path: &str, mode: u32, content: &[u8]) -> File {
    let changes =
        read_content(layer(&[(path, mode, content)]).as_slice(), &mut Budget::default()).expect("layer");
    match changes.into_iter().next() {
        Some(Change::Put(_, Node::File(file))) => Rc::into_inner(file).expect("the only one"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keeps_what_tells_something() {
    let kept = |path: &str, mode, content: &[u8]| file(path, mode, content).start.map(|start| start.len());
    assert_eq!(kept("etc/passwd", 0o644, b"root"), None);
    assert_eq!(kept("opt/java/release", 0o644, b"JAVA_VERSION=1"), Some(14));
    assert_eq!(kept("app/package.json", 0o644, b"{}"), Some(2));
    let script = [b"#!/bin/sh\n".as_slice(), &vec![b'x'; 100_000]].concat();
    assert_eq!(kept("run", 0o755, &script), Some(SHORT));
    assert_eq!(kept("run", 0o644, &script), None);
    let program = [b"\x7fELF".as_slice(), &vec![0; 100_000]].concat();
    assert_eq!(kept("bin/x", 0o755, &program), Some(PROGRAM));
}

#[test]
fn knows_programs_that_go_has_built() {
    let program = |before: usize, mark: &[u8]| {
        let content = [b"\x7fELF".as_slice(), &vec![0xff; before], mark, &[0; 10]].concat();
        file("bin/x", 0o755, &content).is_go
    };
    // Also where the mark lies across what is read at once.
    for before in [0, 4085, 4090, 4096 + 64 * 1024 - 7, 300_000] {
        assert!(program(before, GO), "{before}");
    }
    assert!(!program(300_000, b"\xff Go build"));
    assert!(!file("x", 0o755, GO).is_go);
}

#[test]
fn takes_away_and_never_leads_out() {
    let bytes = layer(&[
        ("./a/.wh.b", 0o644, b""),
        ("a/.wh..wh..opq", 0o644, b""),
        ("a/.wh..wh.plnk", 0o644, b""),
        (".wh.top", 0o644, b""),
    ]);
    let changes = read_content(bytes.as_slice(), &mut Budget::default()).expect("layer");
    let expected = [Change::Remove("/a/b".into()), Change::Empty("/a".into()), Change::Remove("/top".into())];
    assert_eq!(changes, expected);
    for path in ["../x", "a/../../x", "/..", "", ".", "a\0b"] {
        assert_eq!(absolute(path), None, "{path:?}");
    }
    assert_eq!(absolute("./usr//bin/x/").as_deref(), Some("/usr/bin/x"));
    assert_eq!(absolute(&"x/".repeat(3000)), None);
}

#[test]
fn what_is_too_much_is_refused_or_left_out() {
    let files: Vec<(&str, u32, &[u8])> = vec![("a.sh", 0o644, b"abc"); 10];
    let read = |budget: &mut Budget| read_content(layer(&files).as_slice(), budget);
    let mut few = Budget { entries: 9, ..Budget::default() };
    assert_eq!(read(&mut few).expect_err("entries").to_string(), "more than 2,000,000 files");
    let mut short = Budget { bytes: 2000, ..Budget::default() };
    assert_eq!(read(&mut short).expect_err("bytes").to_string(), "more than 64 GiB of files");
    let mut full = Budget { room: Room { bytes: 21, is_cut: false }, ..Budget::default() };
    let changes = read(&mut full).expect("layer");
    assert_eq!(changes.len(), 3, "names and content count alike");
    let kept = changes.into_iter().filter(|change| match change {
        Change::Put(_, Node::File(file)) => file.start.is_some(),
        _ => false,
    });
    assert_eq!(kept.count(), 2);
    assert!(full.is_cut());
    let mut again = Budget { entries: 9, ..Budget::default() };
    assert!(again.count(9).is_ok() && again.count(1).is_err(), "a layer that comes twice counts twice");
    let mut enough = Budget::default();
    read(&mut enough).expect("layer");
    assert!(!enough.is_cut());
}

#[test]
fn bytes_that_hold_nothing_have_an_end_too() {
    let described = format!(r#"{{"digest": "sha256:{}"}}"#, "0".repeat(64));
    let described: Descriptor = serde_json::from_str(&described).expect("a descriptor");
    let refused = |bytes: &[u8]| {
        let mut budget = Budget { packed: 10_000, ..Budget::default() };
        read(bytes, &described, &mut budget).expect_err("too much").to_string()
    };
    let empty = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let empty = empty.finish().expect("finish");
    assert_eq!(refused(&empty.repeat(1000)), "more than 64 GiB of layers");
    // What comes after the archive is read to compare the digest.
    assert_eq!(refused(&[layer(&[]), vec![0; 20_000]].concat()), "more than 64 GiB of layers");
}
