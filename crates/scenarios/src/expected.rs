use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use serde::Serialize;

/// What one executable moved, by its own count, and who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The path by which Portolan is to know it.
    pub path: PathBuf,
    /// The SHA-256 of its content, as coreutils computes it.
    pub sha256: String,
    /// The path of the executable that started it; `None` when that is not judged.
    pub parent: Option<PathBuf>,
    /// Bytes sent: the sum of what its calls returned.
    pub tx: u64,
    /// Bytes received: the sum of what its calls returned.
    pub rx: u64,
    /// Flows; `None` when they are not judged.
    pub flows: Option<u64>,
    /// Only what was done under a command line that contains this is meant: others may run the same file. `None` for all.
    pub command: Option<String>,
    /// As which user; `None` when that is not judged.
    pub user: Option<u32>,
    /// Nobody can prove what it executed: that it is not known is right as well, another name for it is not.
    pub or_unknown: bool,
}

impl Expected {
    /// That an executable with this path moves nothing; the hash is still to be said.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            sha256: String::new(),
            parent: None,
            tx: 0,
            rx: 0,
            flows: None,
            command: None,
            user: None,
            or_unknown: false,
        }
    }
}

/// The SHA-256 of a file, from coreutils and not from us.
///
/// # Errors
/// It cannot be read.
pub fn sha256(path: &Path) -> anyhow::Result<String> {
    let output = Command::new("sha256sum").arg(path).output().context("sha256sum could not be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.split(' ').next() {
        // A name with strange characters makes it begin the line with a backslash.
        Some(digest) if output.status.success() => Ok(digest.trim_start_matches('\\').to_owned()),
        _ => bail!("sha256sum failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// What the lines `moved path=PATH tx=N rx=N` of a program say, added up by path.
pub(crate) fn moved(output: &str) -> anyhow::Result<HashMap<PathBuf, (u64, u64)>> {
    let mut sums: HashMap<PathBuf, (u64, u64)> = HashMap::new();
    for line in output.lines().filter(|line| line.starts_with("moved ")) {
        let read = || {
            let (rest, rx) = line.rsplit_once(" rx=")?;
            let (rest, tx) = rest.rsplit_once(" tx=")?;
            Some((rest.strip_prefix("moved path=")?, tx.parse::<u64>().ok()?, rx.parse::<u64>().ok()?))
        };
        let (path, tx, rx) = read().with_context(|| format!("cannot read what was moved from “{line}”"))?;
        let sum = sums.entry(path.into()).or_default();
        *sum = (sum.0 + tx, sum.1 + rx);
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_is_added_up_by_path() {
        let sums =
            moved("ready\nmoved path=/a b tx=1 rx=2\nmoved path=/a b tx=10 rx=0\nmoved path=/c tx=0 rx=0\n")
                .unwrap();
        assert_eq!(sums[Path::new("/a b")], (11, 2));
        assert_eq!(sums[Path::new("/c")], (0, 0));
        assert!(moved("moved path=/a tx=x rx=2").is_err());
    }
}
