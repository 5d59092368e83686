use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn all(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    decompressed(bytes)?.read_to_end(&mut text)?;
    Ok(text)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("write");
    encoder.finish().expect("finish")
}

/// A frame with one raw block: <https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1>.
fn zstd(text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, length];
    let header = u32::from(length) << 3 | 1;
    frame.extend(&header.to_le_bytes()[..3]);
    frame.extend(text);
    frame
}

const SKIPPED: &[u8] = b"\x50\x2a\x4d\x18\x03\0\0\0abc";

#[test]
fn reads_what_is_compressed_in_pieces() {
    assert_eq!(all(b"plain").expect("plain"), b"plain");
    assert_eq!(all(b"").expect("nothing"), b"");
    assert_eq!(all(&[gzip(b"one "), gzip(b"two")].concat()).expect("gzip"), b"one two");
    let frames = [SKIPPED, &zstd(b"one "), SKIPPED, &zstd(b"two"), SKIPPED].concat();
    assert_eq!(all(&frames).expect("zstd"), b"one two");
}

#[test]
fn what_ends_early_is_an_error() {
    let gzip = gzip(&[7; 1000]);
    assert!(all(&gzip[..gzip.len() / 2]).is_err());
    let zstd = zstd(b"some text");
    assert!(all(&zstd[..zstd.len() - 2]).is_err());
    assert!(all(&SKIPPED[..SKIPPED.len() - 1]).is_err());
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let bomb = gzip(&vec![0; 1 << 20]);
    assert!(bomb.len() < 10_000);
    let mut left = 100_000;
    let reader = decompressed(bomb.as_slice()).expect("gzip");
    let error =
        io::copy(&mut Limited::new(reader, &mut left, "100 kB"), &mut io::sink()).expect_err("too much");
    assert_eq!(error.to_string(), "more than 100 kB");
    assert!(read_short(&[0; 11][..], 10).is_err() && read_short(&[0; 10][..], 10).is_ok());
}

#[test]
fn a_digest_shows_what_was_changed() {
    let digest = format!("sha256:{:x}", Sha256::digest(b"text"));
    let finish = |text: &[u8], length| Hashing::like(&digest, text).expect("known").finish(&digest, length);
    assert!(finish(b"text", Some(4)).is_ok() && finish(b"text", None).is_ok());
    assert!(finish(b"texT", None).is_err());
    let cut = finish(b"tex", Some(4)).expect_err("cut").to_string();
    assert_eq!(cut, "it has 3 bytes in place of 4");
    assert!(Hashing::like("md5:0", &b""[..]).is_none() && Hashing::like("", &b""[..]).is_none());
}
