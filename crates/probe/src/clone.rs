//! Copies a folder of the application's image, as it is.
//!
//! A server starts with the copy in place of the folder, as the same user. What that user cannot read is left out, since
//! the server does not read it either; everything else is copied, or this fails and is tried again: half of a
//! configuration may be worse than none. A folder that may be entered but not read is such a failure: a server may open
//! what it knows the name of.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ingraft_probe_contract::{Cloning, MESSAGE};

use crate::End;
use crate::files::overwrite;
use crate::wait::ends_within;

/// The longest that a program may take to say its version.
const VERSION_TIME: Duration = Duration::from_secs(5);

/// Something could not be copied.
type Failure = (PathBuf, io::Error);

pub(crate) fn run(Cloning { from, to, version_of, writable }: &Cloning) -> End {
    let (from, to) = (Path::new(from), Path::new(to));
    // A server whose configuration is elsewhere loses nothing.
    if !from.is_dir() {
        return End { status: 0, complaint: format!("there is no folder {}", from.display()) };
    }
    let mut left_out = Vec::new();
    if let Err((path, error)) = copy_content(from, to, &mut left_out) {
        return said(1, format!("failed to copy {}: {error}", path.display()));
    }
    // Without these, the module is not attached, and the server starts as it is.
    let version = version_of.as_deref().and_then(version);
    let noted = version.map_or(Ok(()), |version| fs::write(to.join("version.txt"), version));
    let made = writable.as_ref().map_or(Ok(()), |file| make_writable(&to.join(file)));
    let failed = [noted, made].into_iter().filter_map(|done| Some(done.err()?.to_string()));
    let left_out =
        left_out.iter().map(|path| format!("left out, since it cannot be read: {}", path.display()));
    said(0, failed.chain(left_out).collect::<Vec<_>>().join("; "))
}

/// Tells people too, where they look first; the status decides.
fn said(status: u8, complaint: String) -> End {
    let _ = overwrite(MESSAGE, complaint.as_bytes());
    End { status, complaint }
}

/// Copies all entries of a folder into another.
fn copy_content(from: &Path, to: &Path, left_out: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| (from.to_owned(), error);
    let may_be_entered = || fs::metadata(from.join(".")).is_ok();
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied && !may_be_entered() => {
            left_out.push(from.to_owned());
            return Ok(());
        }
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        copy(&entry.path(), &to.join(entry.file_name()), left_out)?;
    }
    Ok(())
}

/// Copies whatever is at a path. What is no file, folder or link has no content that could be copied.
fn copy(from: &Path, to: &Path, left_out: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| (from.to_owned(), error);
    let Some(found) = unless_absent(fs::symlink_metadata(from), from, left_out)? else { return Ok(()) };
    if found.is_symlink() {
        let Some(target) = unless_absent(fs::read_link(from), from, left_out)? else { return Ok(()) };
        remove(to).and_then(|()| symlink(target, to)).map_err(failed)?;
        let _ = lchown(to, Some(found.uid()), Some(found.gid()));
    } else if found.is_dir() {
        make_folder(to).map_err(failed)?;
        copy_content(from, to, left_out)?;
        give(to, &found).map_err(failed)?;
    } else if found.is_file() {
        let Some(source) = unless_absent(File::open(from), from, left_out)? else { return Ok(()) };
        copy_file(source, to).and_then(|()| give(to, &found)).map_err(failed)?;
    }
    Ok(())
}

/// What was found, unless the user may not see it, or it has gone since its folder was read.
fn unless_absent<T>(
    found: io::Result<T>,
    path: &Path,
    left_out: &mut Vec<PathBuf>,
) -> Result<Option<T>, Failure> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            left_out.push(path.to_owned());
            Ok(None)
        }
        Err(error) => Err((path.to_owned(), error)),
    }
}

fn copy_file(mut source: File, to: &Path) -> io::Result<()> {
    remove(to)?;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut file).map(drop)
}

/// An earlier run may have left one, and given it away.
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if let Ok(process) = fs::metadata("/proc/self") {
                let _ = chown(path, Some(process.uid()), None);
            }
            fs::set_permissions(path, Permissions::from_mode(0o700))
        }
        made => made,
    }
}

/// An empty file for another user to fill.
fn make_writable(path: &Path) -> io::Result<()> {
    if !path.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    remove(path)?;
    File::create_new(path)?.set_permissions(Permissions::from_mode(0o666))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a copy the mode of its original, and the owner, where that is allowed: otherwise the original is the user's, or
/// others may read it.
fn give(path: &Path, original: &Metadata) -> io::Result<()> {
    fs::set_permissions(path, original.permissions())?;
    let _ = chown(path, Some(original.uid()), Some(original.gid()));
    Ok(())
}

/// What a program says its version is: `nginx version: nginx/1.29.1 (Ubuntu)`.
fn version(program: &str) -> Option<String> {
    let mut command = Command::new(program);
    let mut child =
        command.arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
    if !ends_within(&mut child, VERSION_TIME) {
        return None;
    }
    let mut said = String::new();
    child.stderr?.take(1024).read_to_string(&mut said).ok()?;
    let (_, version) = said.split_once('/')?;
    Some(version.split_whitespace().next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn folders() -> (TempDir, String, String) {
        let place = TempDir::new().expect("folder");
        let [from, to] = ["from", "to"].map(|name| {
            fs::create_dir(place.path().join(name)).expect("folder");
            place.path().join(name).to_str().expect("text").to_owned()
        });
        (place, from, to)
    }

    fn cloned(from: &str, to: &str, version_of: Option<&str>) -> End {
        let version_of = version_of.map(str::to_owned);
        run(&Cloning { from: from.to_owned(), to: to.to_owned(), version_of, writable: None })
    }

    #[test]
    fn copies_files_folders_and_links_as_they_are() {
        let (_place, from, to) = folders();
        let at = |path: &str| format!("{from}/{path}");
        fs::create_dir(at("conf.d")).expect("folder");
        fs::write(at("conf.d/.hidden"), "a").expect("write");
        fs::write(at("main.conf"), vec![b'x'; 100_000]).expect("write");
        fs::set_permissions(at("main.conf"), Permissions::from_mode(0o440)).expect("mode");
        fs::set_permissions(at("conf.d"), Permissions::from_mode(0o555)).expect("mode");
        symlink("../elsewhere", at("link")).expect("link");
        assert!(Command::new("mkfifo").arg(at("fifo")).status().expect("run").success());
        // A second run finds what the first has left.
        for _ in 0..2 {
            let end = cloned(&from, &to, None);
            assert_eq!((end.status, end.complaint.as_str()), (0, ""));
        }
        let mode = |path: &str| fs::metadata(format!("{to}/{path}")).expect("metadata").mode() & 0o777;
        assert_eq!(fs::read_to_string(format!("{to}/conf.d/.hidden")).expect("read"), "a");
        assert_eq!(fs::read(format!("{to}/main.conf")).expect("read").len(), 100_000);
        assert_eq!((mode("main.conf"), mode("conf.d")), (0o440, 0o555));
        assert_eq!(fs::read_link(format!("{to}/link")).expect("link"), Path::new("../elsewhere"));
        assert!(!Path::new(&format!("{to}/fifo")).exists());
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_fault() {
        let (_place, from, to) = folders();
        let end = cloned(&format!("{from}/missing"), &to, None);
        assert_eq!(end.status, 0);
        assert!(end.complaint.contains("there is no folder"), "{}", end.complaint);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let (_place, from, to) = folders();
        fs::write(format!("{from}/a"), "a").expect("write");
        let end = cloned(&from, &format!("{to}/missing"), None);
        assert_eq!(end.status, 1);
        assert!(end.complaint.contains("failed to copy"), "{}", end.complaint);
    }

    #[test]
    fn notes_the_version_that_a_program_says() {
        let (place, from, to) = folders();
        let program = place.path().join("nginx");
        fs::write(&program, "#!/bin/sh\necho 'nginx version: nginx/1.29.1 (Ubuntu)' >&2\n").expect("write");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("mode");
        assert_eq!(cloned(&from, &to, program.to_str()).status, 0);
        assert_eq!(fs::read_to_string(format!("{to}/version.txt")).expect("read"), "1.29.1");
        fs::remove_file(&program).expect("remove");
        assert_eq!(cloned(&from, &to, program.to_str()).status, 0);
    }
}
