//! What is asked of the operating system.

use alloc::{format, string::String, vec::Vec};
use core::time::Duration;

use rustix::{
    fd::{AsRawFd, OwnedFd},
    fs::{self, Dir, FileType, Mode, OFlags},
    io::{self, Errno},
    time::{ClockId, clock_gettime},
};

/// What the system answered.
pub(crate) type Result<T> = core::result::Result<T, Errno>;

/// At once, from files.
const PART: usize = 64 * 1024;

/// The words that people know for an error.
pub(crate) fn describe(error: Errno) -> String {
    let known = match error {
        Errno::NOENT => "no such file or folder",
        Errno::ACCESS | Errno::PERM => "permission denied",
        Errno::NOSPC | Errno::DQUOT => "no space left",
        Errno::ROFS => "read-only file system",
        _ => return format!("error {}", error.raw_os_error()),
    };
    known.into()
}

/// What a path leads to: its type, and its permissions.
pub(crate) fn look_at(path: &str) -> Result<(FileType, Mode)> {
    let found = fs::stat(path)?;
    Ok((FileType::from_raw_mode(found.st_mode), Mode::from_raw_mode(found.st_mode)))
}

/// Whether there is a regular file.
pub(crate) fn is_regular(path: &str) -> bool {
    look_at(path).is_ok_and(|(kind, _)| kind == FileType::RegularFile)
}

/// The path without links.
pub(crate) fn real(path: &str) -> Option<String> {
    let file = fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::readlink(own, Vec::new()).ok()?.into_string().ok()
}

/// Some names in a folder, in no order. Those that are no UTF-8 are passed over.
pub(crate) fn names(folder: &str, most: usize) -> Result<Vec<String>> {
    let folder = fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let entries = Dir::read_from(&folder)?;
    let names =
        entries.take(most).filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(String::from));
    Ok(names.filter(|name| name != "." && name != "..").collect())
}

/// Some bytes of a file, from a place in it.
pub(crate) fn read(path: &str, start: u64, most: usize) -> Result<Vec<u8>> {
    let file = fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    let mut bytes = Vec::new();
    let mut part = alloc::vec![0; PART.min(most)];
    while bytes.len() < most {
        let wanted = part.len().min(most - bytes.len());
        let place = start.saturating_add(bytes.len() as u64);
        let count =
            io::retry_on_intr(|| io::pread(&file, part.get_mut(..wanted).unwrap_or_default(), place))?;
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
    }
    Ok(bytes)
}

/// Puts a whole file in place of another: readers see either of them.
pub(crate) fn replace(path: &str, mode: u32, content: &[u8]) -> Result<()> {
    let temporary = format!("{path}.new");
    // A leftover of a run that was killed.
    let _ = fs::unlink(&temporary);
    let written =
        create(&temporary, Mode::from_raw_mode(mode), content).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::unlink(&temporary);
    }
    written
}

fn create(path: &str, mode: Mode, content: &[u8]) -> Result<()> {
    let file = fs::open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC, mode)?;
    // The mode above is cut by the umask.
    fs::fchmod(&file, mode)?;
    write(&file, content)
}

/// Writes over a file that exists.
pub(crate) fn overwrite(path: &str, content: &[u8]) -> Result<()> {
    let file = fs::open(path, OFlags::WRONLY | OFlags::TRUNC | OFlags::CLOEXEC, Mode::empty())?;
    write(&file, content)
}

fn write(file: &OwnedFd, mut content: &[u8]) -> Result<()> {
    while !content.is_empty() {
        let count = io::retry_on_intr(|| io::write(file, content))?;
        content = content.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// The working directory.
pub(crate) fn current_folder() -> Option<String> {
    rustix::process::getcwd(Vec::new()).ok()?.into_string().ok()
}

/// Time since some moment.
pub fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The processor's family, as compilers name it.
pub(crate) const ARCHITECTURE: &str = if cfg!(target_arch = "x86_64") {
    "x86_64"
} else if cfg!(target_arch = "aarch64") {
    "aarch64"
} else if cfg!(target_arch = "arm") {
    "arm"
} else if cfg!(target_arch = "s390x") {
    "s390x"
} else if cfg!(target_arch = "powerpc64") {
    "powerpc64"
} else if cfg!(target_arch = "riscv64") {
    "riscv64"
} else {
    ""
};

#[cfg(test)]
mod tests;
