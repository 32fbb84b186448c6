use std::{
    env,
    path::{Path, PathBuf},
};

use crate::Error;

/// A file of the checkout that this was built from, by its path from the top.
#[must_use]
pub fn source_path(path: &str) -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    top.join(path)
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
