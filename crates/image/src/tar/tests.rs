use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_size(size);
    header
}

/// What another program writes.
fn archive() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    let long = format!("usr/{}/file", "x".repeat(300));
    archive.append_data(&mut header(EntryType::Directory, 0), "usr/", io::empty()).expect("folder");
    archive.append_data(&mut header(EntryType::Regular, 5), &long, &b"hello"[..]).expect("file");
    archive.append_link(&mut header(EntryType::Symlink, 0), "usr/link", &long).expect("link");
    archive.append_link(&mut header(EntryType::Link, 0), "usr/hard", "usr/a").expect("link");
    archive.append_data(&mut header(EntryType::Fifo, 0), "usr/pipe", io::empty()).expect("pipe");
    archive.into_inner().expect("finish")
}

/// Its type, path, link and content.
type Found = (Type, String, String, Vec<u8>);

fn entries(bytes: &[u8]) -> io::Result<Vec<Found>> {
    let mut archive = Archive::new(bytes);
    let mut entries = Vec::new();
    while let Some(entry) = archive.next()? {
        let mut content = Vec::new();
        archive.read_to_end(&mut content)?;
        entries.push((entry.kind, entry.path, entry.link, content));
    }
    Ok(entries)
}

#[test]
fn reads_what_others_write() {
    let long = format!("usr/{}/file", "x".repeat(300));
    let text = str::to_owned;
    let expected = [
        (Type::Folder, text("usr/"), text(""), vec![]),
        (Type::File, long.clone(), text(""), b"hello".to_vec()),
        (Type::Link, text("usr/link"), long, vec![]),
        (Type::HardLink, text("usr/hard"), text("usr/a"), vec![]),
        (Type::Other, text("usr/pipe"), text(""), vec![]),
    ];
    assert_eq!(entries(&archive()).expect("entries"), expected);
}

#[test]
fn reads_records_of_pax() {
    let mut archive = Builder::new(Vec::new());
    let record = |text: &str| format!("{} {text}\n", text.len() + 4);
    let records = ["comment=two\nlines", "path=ä/file", "mtime=1.2345"].map(record).concat();
    let records = records.as_bytes();
    archive
        .append_data(&mut header(EntryType::XHeader, records.len() as u64), "pax", records)
        .expect("records");
    archive.append_data(&mut header(EntryType::Regular, 3), "short", &b"abc"[..]).expect("file");
    let bytes = archive.into_inner().expect("finish");
    let entries = entries(&bytes).expect("entries");
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].1.as_str(), entries[0].3.as_slice()), ("ä/file", &b"abc"[..]));
}

#[test]
fn what_is_cut_or_no_archive_is_an_error() {
    let whole = archive();
    // Within a head, a name, and a content.
    for length in [100, 512 + 100, 512 + 600, 4 * 512 + 2] {
        assert!(entries(&whole[..length]).is_err(), "{length}");
    }
    assert!(entries(b"{\"not\": \"a tar\"}").is_err());
    assert!(entries(&[b'x'; 2048]).is_err());
    assert_eq!(entries(b"").expect("empty"), []);
}

#[test]
fn a_name_without_end_is_refused() {
    let mut head = header(EntryType::GNULongName, u64::from(u32::MAX));
    head.set_cksum();
    let endless = io::Read::chain(head.as_bytes().as_slice(), io::repeat(b'x'));
    let error = Archive::new(endless).next().expect_err("too long");
    assert!(error.to_string().contains("in the head of a file"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(damage in proptest::collection::vec((0..4096_usize, any::<u8>()), 0..20), length in 0..8192_usize) {
        let mut bytes = archive();
        for (place, byte) in damage {
            if let Some(place) = bytes.get_mut(place) {
                *place = byte;
            }
        }
        bytes.truncate(length);
        let _ = entries(&bytes);
    }
}
