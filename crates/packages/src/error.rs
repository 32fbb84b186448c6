use std::{io, path::PathBuf, sync::Arc};

use crate::Manager;

/// Why it is not known who owns a file. Each is a sentence that can stand after "unknown, because".
#[derive(Debug, Clone, thiserror::Error)]
pub enum PackagesError {
    /// The path asked for cannot be one that a database lists.
    #[error("{path} is not an absolute path without \"..\", so no package can list it")]
    NotAPath {
        /// What was asked for.
        path: PathBuf,
    },
    /// There is nothing to ask.
    #[error("there is no package database under {root} that Portolan reads (dpkg, rpm, pacman)")]
    NoDatabase {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot read {path} of the package database: {source}")]
    Read {
        /// The file or folder, below the root.
        path: PathBuf,
        /// Why; shared, because one failure can be the answer for many paths.
        source: Arc<io::Error>,
    },
    /// What stands there is not what the package manager writes.
    #[error("{path} of the package database is broken: {fault}")]
    Broken {
        /// The file, below the root.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A database that no machine has, or a hostile one: reading on would take too long.
    #[error("the package database is too large to search: {path} exceeds {limit}")]
    TooLarge {
        /// Where the limit was reached, below the root.
        path: PathBuf,
        /// The limit, with its unit.
        limit: &'static str,
    },
    /// An rpm database that is neither SQLite nor readable here.
    #[error("{path} is an rpm database in the format {format}, which Portolan does not read")]
    Format {
        /// The file, below the root.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
    },
    /// It changed while it was read, again and again: ask later.
    #[error("the {manager} database is being changed; ask again when the package manager has ended")]
    BeingChanged {
        /// Whose database.
        manager: Manager,
    },
    /// The package's files are partly of the old and partly of the new version.
    #[error("package {package} is half installed, so its files are neither of one version nor of another")]
    HalfInstalled {
        /// The package.
        package: String,
    },
    /// Several packages list the file, and not all with the same content.
    #[error("packages {first} and {second} both list it, with different content")]
    Disagree {
        /// One of them.
        first: String,
        /// Another one.
        second: String,
    },
    /// So many packages list it that it is a folder.
    #[error("more than {limit} packages list it, as only folders are")]
    Folder {
        /// How many may.
        limit: usize,
    },
}

impl PackagesError {
    pub(crate) fn read(path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Read { path: path.into(), source: Arc::new(source.into()) }
    }

    pub(crate) fn broken(path: impl Into<PathBuf>, fault: impl Into<String>) -> Self {
        Self::Broken { path: path.into(), fault: fault.into() }
    }
}
