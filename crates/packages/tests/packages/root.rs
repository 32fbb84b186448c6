//! A root for a test, with databases that it puts there.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use portolan_packages::{OwnedFile, Ownership, Packages, PackagesError};

/// A root with the databases that a test puts there.
pub(crate) struct Root(tempfile::TempDir);

impl Root {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    pub(crate) fn packages(&self) -> Packages {
        Packages::of(self.path()).unwrap()
    }

    pub(crate) fn ask(&self, path: &str) -> Result<Ownership, PackagesError> {
        self.packages().owner_of(Path::new(path))
    }

    #[track_caller]
    pub(crate) fn owner(&self, path: &str) -> OwnedFile {
        match self.ask(path) {
            Ok(Ownership::Owned(owner)) => owner,
            other => panic!("{path}: {other:?}"),
        }
    }

    /// "package version architecture".
    #[track_caller]
    pub(crate) fn owner_text(&self, path: &str) -> String {
        let owner = self.owner(path);
        format!("{} {} {}", owner.package, owner.version, owner.architecture)
    }

    #[track_caller]
    pub(crate) fn is_unowned(&self, path: &str) {
        let answer = self.ask(path);
        assert!(matches!(answer, Ok(Ownership::Unowned)), "{path}: {answer:?}");
    }

    /// The sentence that says why the owner is unknown.
    #[track_caller]
    pub(crate) fn trouble(&self, path: &str) -> String {
        match self.ask(path) {
            Err(error) => error.to_string(),
            Ok(answer) => panic!("{path}: {answer:?}"),
        }
    }
}

/// A root with a database of dpkg that consists of these packages: name or "name:arch", files.
pub(crate) fn dpkg(packages: &[(&str, &[&str])]) -> Root {
    let root = Root::new();
    let mut status = String::new();
    for (stem, files) in packages {
        let (name, architecture) = stem.split_once(':').unwrap_or((stem, "amd64"));
        status += &format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: 1.0-1\n\
             Description: a package\n of a test\n\n"
        );
        let list: String = files.iter().map(|file| format!("{file}\n")).collect();
        root.write(&format!("var/lib/dpkg/info/{stem}.list"), format!("/.\n{list}"));
    }
    root.write("var/lib/dpkg/status", status);
    root
}

/// What a command prints; `None` when there is no such program.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(arguments).env("LC_ALL", "C").output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{program}: {error}"),
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command, which has to succeed.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
