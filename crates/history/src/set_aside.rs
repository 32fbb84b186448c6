use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use portolan_core::UnixMillis;

use crate::SetAsideError;

/// The files of a history beside the main one. They go first: SQLite deletes a log that it finds
/// beside a new, empty file.
const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];

/// Renames the history at `path`, with its side files.
pub(crate) fn move_to(path: &Path, to: &Path) -> Result<(), SetAsideError> {
    let failed = |source| SetAsideError { from: path.into(), to: to.into(), source };
    for suffix in SIDE_FILES {
        let (from, to) = (with_suffix(path, suffix), with_suffix(to, suffix));
        // What lies there since a move that did not come to its end belongs to no file, and the next one must not be taken for its own.
        let is_moved = to.symlink_metadata().is_ok();
        match if is_moved { fs::remove_file(from) } else { fs::rename(from, to) } {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(path, to).map_err(failed)?;
    if let Some(dir) = path.parent().filter(|dir| *dir != Path::new("")) {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    }
    Ok(())
}

/// `history.sqlite.damaged-<ms>`, with the next millisecond that is still free, so that nothing is overwritten.
pub(crate) fn free_name(path: &Path, now: UnixMillis) -> PathBuf {
    let mut at_ms = now.0;
    loop {
        let name = with_suffix(path, &format!(".damaged-{at_ms}"));
        let taken =
            ["", "-wal", "-shm"].iter().any(|suffix| with_suffix(&name, suffix).symlink_metadata().is_ok());
        if !taken {
            return name;
        }
        at_ms = at_ms.wrapping_add(1);
    }
}

/// The path with `suffix` at its end; [`Path::with_extension`] would replace what is there.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
