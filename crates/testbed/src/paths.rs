use std::{
    env,
    path::{Path, PathBuf},
};

use crate::Error;

/// The folder of packages that are unpacked and not installed, in cargo's target folder.
const UNPACKED: &str = "bench-peers/debian";
/// A web server.
pub const NGINX: &[&str] = &["usr/sbin/nginx"];
/// A resolver that is asked by more than DNS; below /usr since Debian 13.
pub const RESOLVED: &[&str] = &["usr/lib/systemd/systemd-resolved", "lib/systemd/systemd-resolved"];

/// A file of the checkout that this was built from, by its path from the top.
#[must_use]
pub fn source_path(path: &str) -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    top.join(path)
}

/// A program in a package that `cargo xtask test` unpacks where it is not installed, because it would be started then, or change the
/// machine: the first of these paths, without their first slash, that is there.
#[must_use]
pub fn packaged(paths: &[&str]) -> Option<PathBuf> {
    let own = env::current_exe().unwrap_or_default();
    let unpacked = own.ancestors().skip(1).take(3).map(|dir| dir.join(UNPACKED));
    let places: Vec<PathBuf> = std::iter::once("/".into()).chain(unpacked).collect();
    places.iter().flat_map(|dir| paths.iter().map(|path| dir.join(path))).find(|path| path.is_file())
}

/// A program that cargo built for the same profile as the running test or `xtask`.
///
/// # Errors
/// It is not there; the error says how to build it.
pub fn built(program: &str) -> Result<PathBuf, Error> {
    let own = env::current_exe().map_err(|source| Error::File {
        action: "find",
        path: "/proc/self/exe".into(),
        source,
    })?;
    // target/debug/xtask, or target/debug/deps/test-0123456789abcdef.
    own.ancestors().skip(1).take(2).map(|dir| dir.join(program)).find(|path| path.is_file()).ok_or_else(
        || {
            Error::Missing(format!(
                "{program} was not built beside {}; run `cargo build --workspace --bins` first",
                own.display()
            ))
        },
    )
}
