//! Which C library the image has.

use ingraft_probe_contract::Libc;

use super::{Image, elf, path};

/// Folders of loaders. The last is of Alpine images with a second C library.
const FOLDERS: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/glibc-compat/lib"];
/// Where other layouts keep everything, loaders too.
const STORES: [&str; 2] = ["/nix/store", "/gnu/store"];

/// The C library of the first of these programs that tells, else of the application's own, else of the image.
pub(super) fn find<'p>(image: &Image<'_>, mut programs: impl Iterator<Item = &'p str>) -> Option<Libc> {
    let linked = |path: &str| elf::libc(image.files, path);
    let dynamic = |path: &str| linked(path).filter(|libc| *libc != Libc::None);
    programs
        .find_map(linked)
        .or_else(|| image.entry().and_then(|entry| dynamic(&entry)))
        .or_else(|| dynamic("/bin/sh"))
        .or_else(|| installed(image))
}

/// By the loaders that are installed. None at all is certain; two tell nothing.
fn installed(image: &Image<'_>) -> Option<Libc> {
    let has = |names: &[&str]| {
        FOLDERS.iter().any(|folder| names.iter().any(|name| image.files.is_file(&path::join(folder, name))))
    };
    let [musl, glibc] = loaders(image.architecture)?;
    match (has(&[musl]), has(&[glibc])) {
        (true, false) => Some(Libc::Musl),
        (false, true) => Some(Libc::Glibc),
        (true, true) => None,
        (false, false) => {
            let may_hide = STORES.iter().any(|store| image.files.is_folder(store));
            (!may_hide && !image.files.is_exhausted()).then_some(Libc::None)
        }
    }
}

/// The names of both libraries' loaders.
/// <https://sourceware.org/glibc/wiki/ABIList>, <https://wiki.musl-libc.org/guidelines-for-distributions.html>
pub(super) fn loaders(architecture: &str) -> Option<[&'static str; 2]> {
    Some(match architecture {
        "x86_64" => ["ld-musl-x86_64.so.1", "ld-linux-x86-64.so.2"],
        "aarch64" => ["ld-musl-aarch64.so.1", "ld-linux-aarch64.so.1"],
        "arm" => ["ld-musl-armhf.so.1", "ld-linux-armhf.so.3"],
        "s390x" => ["ld-musl-s390x.so.1", "ld64.so.1"],
        "powerpc64" => ["ld-musl-powerpc64le.so.1", "ld64.so.2"],
        "riscv64" => ["ld-musl-riscv64.so.1", "ld-linux-riscv64-lp64d.so.1"],
        _ => return None,
    })
}
