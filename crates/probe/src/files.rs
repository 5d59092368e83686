//! Writing files.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Result, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

/// Puts a whole file in place of another: readers see either of them.
///
/// A volume in memory is a folder as `/tmp` is, with the sticky bit: what another user has made there can be written over
/// but not replaced. Nobody reads the file before this program has ended.
pub(crate) fn replace(path: &str, mode: u32, content: &[u8]) -> Result<()> {
    let temporary = format!("{path}.new");
    // A leftover of a run that was killed.
    let _ = fs::remove_file(&temporary);
    let written = create(&temporary, mode, content).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    match written {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => fill(path, content),
        written => written,
    }
}

/// Writes over a file that exists. One that is not written whole is emptied.
fn fill(path: &str, content: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let written = file.write_all(content).and_then(|()| file.set_len(content.len() as u64));
    if written.is_err() {
        file.set_len(0)?;
    }
    written
}

fn create(path: &str, mode: u32, content: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The mode above is cut by the umask.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)
}

/// Writes over a file that exists.
pub(crate) fn overwrite(path: &str, content: &[u8]) -> Result<()> {
    OpenOptions::new().write(true).truncate(true).open(path)?.write_all(content)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn replaces_whole_files_or_nothing() {
        let folder = TempDir::new().expect("folder");
        let path = folder.path().join("app.env");
        let text = path.to_str().expect("text");
        fs::write(text, "old").expect("write");
        fs::write(format!("{text}.new"), "leftover").expect("write");
        replace(text, 0o666, b"new").expect("replace");
        assert_eq!(fs::read_to_string(text).expect("read"), "new");
        assert_eq!(fs::metadata(text).expect("metadata").permissions().mode() & 0o777, 0o666);
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
        let below = replace(&format!("{text}/below"), 0o666, b"").expect_err("not a folder");
        assert_eq!(below.kind(), ErrorKind::NotADirectory);
        let missing = overwrite(&format!("{text}.missing"), b"").expect_err("missing");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
