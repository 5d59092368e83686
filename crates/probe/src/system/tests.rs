use std::{
    fs as files,
    os::unix::fs::{PermissionsExt, symlink},
};

use tempfile::TempDir;

use super::*;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn replaces_whole_files_or_nothing() {
    let folder = TempDir::new().expect("folder");
    let path = folder.path().join("app.env");
    files::write(&path, "old").expect("write");
    files::write(folder.path().join("app.env.new"), "leftover").expect("write");
    replace(text(&path), 0o666, b"new").expect("replace");
    assert_eq!(files::read_to_string(&path).expect("read"), "new");
    assert_eq!(files::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o666);
    assert_eq!(files::read_dir(folder.path()).expect("folder").count(), 1);
    assert_eq!(replace(text(&path.join("below")), 0o666, b""), Err(Errno::NOTDIR));
    assert_eq!(overwrite(text(&folder.path().join("missing")), b""), Err(Errno::NOENT));
}

#[test]
fn reads_parts_of_files() {
    let folder = TempDir::new().expect("folder");
    let path = folder.path().join("file");
    let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    files::write(&path, &content).expect("write");
    assert!(read(text(&path), 0, usize::MAX).expect("read") == content);
    assert_eq!(read(text(&path), 99_998, 7).expect("read"), content[99_998..100_005]);
    assert!(read(text(&path), 1 << 40, 7).expect("read").is_empty());
    assert_eq!(read(text(folder.path()), 0, 7), Err(Errno::ISDIR));
}

#[test]
fn follows_links_and_lists_names() {
    let folder = TempDir::new().expect("folder");
    let real_folder = files::canonicalize(folder.path()).expect("real");
    files::write(folder.path().join("file"), "").expect("write");
    symlink("file", folder.path().join("link")).expect("link");
    assert_eq!(real(text(&folder.path().join("link"))).as_deref(), Some(text(&real_folder.join("file"))));
    assert_eq!(real(text(&folder.path().join("missing"))), None);
    let mut found = names(text(folder.path()), 10).expect("names");
    found.sort();
    assert_eq!(found, ["file", "link"]);
    // What the kernel lists of the folder itself counts too.
    assert!(names(text(folder.path()), 1).expect("names").len() <= 1);
}
