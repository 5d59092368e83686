//! Apache httpd and nginx, laid out as in their official images.

use std::fs;
use std::path::Path;

use super::{busybox, cached, debian};
use crate::tools::content_key;
use crate::{Cache, Image, Progress, Recipe};

/// Apache httpd 2.4 on port 8080, configured in `/usr/local/apache2/conf`.
pub const HTTPD: &str = "ingraft.dev/httpd:2.4";

/// nginx 1.22 on port 8080, configured in `/etc/nginx`.
pub const NGINX: &str = "ingraft.dev/nginx:1.22";

/// The same with nothing beside it: neither a shell nor any command.
pub const NGINX_WITHOUT_SHELL: &str = "ingraft.dev/nginx-without-shell:1.22";

const HTTPD_PACKAGES: &[&str] = &[
    "apache2-bin",
    "libapr1",
    "libaprutil1",
    "libc6",
    "libcrypt1",
    "libexpat1",
    // Loaded when a thread ends.
    "libgcc-s1",
    "libpcre2-8-0",
    "libuuid1",
    "media-types",
];
const HTTPD_MODULES: &[&str] = &["authz_core", "dir", "headers", "mime", "mpm_event"];
const HTTPD_CONFIGURATION: &str = include_str!("../../apps/httpd/httpd.conf");
const HTTPD_EXTRA: &str = include_str!("../../apps/httpd/extra.conf");

const NGINX_PACKAGES: &[&str] =
    &["libc6", "libcrypt1", "libpcre2-8-0", "libssl3", "nginx", "nginx-common", "zlib1g"];
const NGINX_CONFIGURATION: &str = include_str!("../../apps/nginx/nginx.conf");
const NGINX_SERVER: &str = include_str!("../../apps/nginx/default.conf");

/// The user of the image, which is not the one that payload containers have where nobody chooses.
const USER: &str = "101";
const USERS: &str = "root:x:0:0::/root:/bin/sh\nwww-data:x:101:101::/tmp:/bin/sh\n";
const GROUPS: &str = "root:x:0:\nwww-data:x:101:\n";

/// Part of every key: raise it when the steps below change what they make.
const STEPS: &str = "2";

/// Debian's Apache httpd.
///
/// # Errors
/// When packages cannot be had.
pub fn httpd(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let lists = HTTPD_PACKAGES.iter().chain(HTTPD_MODULES).chain(busybox::COMMANDS).copied();
    let key = content_key(lists.chain([HTTPD_CONFIGURATION, HTTPD_EXTRA, STEPS]));
    cached(cache, progress, "httpd", &key, &[HTTPD], |archive| {
        let work = tempfile::tempdir()?;
        let debian = work.path().join("debian");
        debian::unpack(HTTPD_PACKAGES, &debian)?;
        let mut recipe = Recipe::new();
        libraries(&mut recipe, &debian)?;
        let top = "/usr/local/apache2";
        recipe.file(&format!("{top}/bin/httpd"), &debian.join("usr/sbin/apache2"), Some(0o755))?;
        for module in HTTPD_MODULES {
            let file = format!("mod_{module}.so");
            let host = debian.join("usr/lib/apache2/modules").join(&file);
            recipe.file(&format!("{top}/modules/{file}"), &host, Some(0o644))?;
        }
        recipe.file(&format!("{top}/conf/mime.types"), &debian.join("etc/mime.types"), Some(0o644))?;
        busybox::add(&mut recipe, work.path())?;
        recipe
            .text(&format!("{top}/conf/httpd.conf"), HTTPD_CONFIGURATION)
            .text(&format!("{top}/conf/extra/own.conf"), HTTPD_EXTRA)
            .text(&format!("{top}/htdocs/index.html"), "hello\n")
            .variables(&[&format!("PATH={top}/bin:/usr/bin:/bin")])
            .working_directory(top)
            // Debian's program has other defaults for both paths.
            .command(&["httpd", "-d", top, "-f", "conf/httpd.conf", "-DFOREGROUND"]);
        users(&mut recipe);
        recipe.write(archive, &[HTTPD]).map(drop)
    })
}

/// Debian's nginx.
///
/// # Errors
/// When packages cannot be had.
pub fn nginx(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    with_nginx(cache, progress, "nginx", NGINX, true)
}

/// Debian's nginx alone.
///
/// # Errors
/// When packages cannot be had.
pub fn nginx_without_shell(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    with_nginx(cache, progress, "nginx-without-shell", NGINX_WITHOUT_SHELL, false)
}

fn with_nginx(
    cache: &Cache,
    progress: Progress,
    label: &str,
    name: &str,
    has_shell: bool,
) -> anyhow::Result<Image> {
    let commands = if has_shell { busybox::COMMANDS } else { &[] };
    let lists = NGINX_PACKAGES.iter().chain(commands).copied();
    let key = content_key(lists.chain([NGINX_CONFIGURATION, NGINX_SERVER, STEPS]));
    cached(cache, progress, label, &key, &[name], |archive| {
        let work = tempfile::tempdir()?;
        let debian = work.path().join("debian");
        debian::unpack(NGINX_PACKAGES, &debian)?;
        let mut recipe = Recipe::new();
        libraries(&mut recipe, &debian)?;
        recipe.file("/usr/sbin/nginx", &debian.join("usr/sbin/nginx"), Some(0o755))?;
        recipe.file("/etc/nginx/mime.types", &debian.join("etc/nginx/mime.types"), Some(0o644))?;
        if has_shell {
            busybox::add(&mut recipe, work.path())?;
        }
        recipe
            .text("/etc/nginx/nginx.conf", NGINX_CONFIGURATION)
            .text("/etc/nginx/conf.d/default.conf", NGINX_SERVER)
            .variables(&["PATH=/usr/sbin:/usr/bin:/bin"])
            .command(&["nginx", "-g", "daemon off;"]);
        users(&mut recipe);
        recipe.write(archive, &[name]).map(drop)
    })
}

/// The shared libraries of the unpacked packages, and the loader.
fn libraries(recipe: &mut Recipe, debian: &Path) -> anyhow::Result<()> {
    for folder in ["lib", "lib64", "usr/lib"] {
        for path in [folder.to_owned(), format!("{folder}/{}-linux-gnu", std::env::consts::ARCH)] {
            for entry in fs::read_dir(debian.join(&path)).into_iter().flatten() {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if !name.contains(".so") {
                    continue;
                }
                if entry.file_type()?.is_symlink() {
                    let target = fs::read_link(entry.path())?;
                    recipe.link(&format!("/{path}/{name}"), &target.to_string_lossy());
                } else {
                    recipe.file(&format!("/{path}/{name}"), &entry.path(), None)?;
                }
            }
        }
    }
    Ok(())
}

fn users(recipe: &mut Recipe) {
    recipe.text("/etc/passwd", USERS).text("/etc/group", GROUPS).folder("/tmp", 0o1777).user(USER);
}
