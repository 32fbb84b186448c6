use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use portolan_testbed::built;

use crate::bed::{Bed, sha256};

/// Versions of a package, and the real apt with lists, caches and logs of its own. The database of dpkg is the machine's, which the
/// daemon reads: what is installed is purged when this goes away.
pub(super) struct Archive<'a> {
    bed: &'a Bed,
    pub(super) package: String,
    index: String,
}

impl<'a> Archive<'a> {
    pub(super) fn new(bed: &'a Bed, name: &str) -> Self {
        let package = format!("portolan-test-{name}-{}", std::process::id());
        let archive = Self { bed, package, index: String::new() };
        let folders = ["etc/apt.conf.d", "etc/preferences.d", "debs", "log"];
        for folder in folders.into_iter().chain(["state/lists/partial", "cache/archives/partial"]) {
            fs::create_dir_all(archive.at(folder)).unwrap();
        }
        let source = format!("deb [trusted=yes] file:{} ./\n", archive.at("debs").display());
        fs::write(archive.at("etc/sources.list"), source).unwrap();
        let config = format!(
            "Dir::State \"{0}state\"; Dir::State::status \"/var/lib/dpkg/status\"; Dir::Cache \"{0}cache\";\n\
             Dir::Etc \"{0}etc\"; Dir::Log \"{0}log\"; DPkg::Options {{ \"--log=/dev/null\"; }};\n\
             DPkg::Lock::Timeout \"120\"; APT::Sandbox::User \"root\";\n",
            archive.at("").display()
        );
        fs::write(archive.at("apt.conf"), config).unwrap();
        archive
    }

    fn at(&self, name: &str) -> PathBuf {
        self.bed.programs.path("apt").join(name)
    }

    /// Where the package puts its files.
    pub(super) fn folder(&self) -> PathBuf {
        Path::new("/usr/lib").join(&self.package)
    }

    /// Its program.
    pub(super) fn program(&self) -> PathBuf {
        self.folder().join("talker")
    }

    /// Adds a version with a program of its own, and these files; those in `/DEBIAN` are what dpkg runs.
    pub(super) fn add(&mut self, version: &str, files: &[(&Path, &str)]) {
        let tree = self.at(&format!("tree-{version}"));
        let control = format!(
            "Package: {}\nVersion: {version}\nArchitecture: all\nMaintainer: A Test <test@example.org>\n\
             Description: a package of a test\n",
            self.package
        );
        let put = |path: &Path, content: &[u8], mode| {
            let path = tree.join(path.strip_prefix("/").unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        };
        put(Path::new("/DEBIAN/control"), control.as_bytes(), 0o644);
        let program = fs::read(built("portolan-traffic").unwrap()).unwrap();
        put(&self.program(), &[&program, version.as_bytes()].concat(), 0o755);
        for (path, content) in files {
            put(path, content.as_bytes(), 0o755);
        }
        let deb = self.at(&format!("debs/{version}.deb"));
        succeed(
            Command::new("dpkg-deb").args(["--root-owner-group", "-Znone", "--build"]).arg(&tree).arg(&deb),
        );
        let size = fs::metadata(&deb).unwrap().len();
        self.index +=
            &format!("{control}Filename: ./{version}.deb\nSize: {size}\nSHA256: {}\n\n", sha256(&deb));
        fs::write(self.at("debs/Packages"), &self.index).unwrap();
        self.get(&["update"]);
    }

    /// The hash of the program in a version.
    pub(super) fn sha256(&self, version: &str) -> String {
        let program = self.program();
        sha256(&self.at(&format!("tree-{version}")).join(program.strip_prefix("/").unwrap()))
    }

    /// Installs, upgrades or downgrades to a version.
    pub(super) fn install(&self, version: &str) {
        self.get(&["install", &format!("{}={version}", self.package)]);
    }

    /// Runs apt-get.
    pub(super) fn get(&self, words: &[&str]) {
        let mut command = Command::new("apt-get");
        command.env("APT_CONFIG", self.at("apt.conf")).env("DEBIAN_FRONTEND", "noninteractive");
        succeed(command.args(["--yes", "--allow-downgrades"]).args(words));
    }
}

impl Drop for Archive<'_> {
    fn drop(&mut self) {
        succeed(Command::new("dpkg").args(["--log=/dev/null", "--purge", &self.package]));
    }
}

pub(super) fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
