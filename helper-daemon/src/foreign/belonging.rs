//! Which files are an application's own, where no package says so.

use std::path::{Component, Path, PathBuf};

/// Folders of many applications: what is below one of their folders is one application's. `*` stands for any name.
const SHARED: [&str; 27] = [
    "/",
    "/opt",
    "/srv",
    "/usr",
    "/usr/*",
    "/usr/local/*",
    "/var",
    "/var/lib",
    "/var/opt",
    "/var/tmp",
    "/tmp",
    "/dev",
    "/dev/shm",
    "/run",
    "/run/user",
    "/run/user/*",
    "/home",
    "/home/*",
    "/root",
    "/mnt",
    "/media",
    "/media/*",
    "/media/*/*",
    "/snap",
    "/run/media",
    "/run/media/*",
    "/run/media/*/*",
];
/// The same below a home folder.
const SHARED_AT_HOME: [&str; 8] =
    [".local", ".local/share", ".local/lib", ".local/bin", ".config", ".cache", "snap", ".var/app"];
/// Where each folder is one version of one library, which only root can put there.
const STORES: [&str; 2] = ["/nix/store", "/gnu/store"];
/// Where an administrator puts what no package has.
const ADMINISTRATORS: [&str; 2] = ["/usr/local", "/opt"];
/// Programs that run others: the beginnings of their names.
const INTERPRETERS: [&str; 16] = [
    "python", "pypy", "perl", "ruby", "node", "java", "php", "lua", "guile", "julia", "mono", "dotnet",
    "wine", "gjs", "R", "tclsh",
];
/// Folders in which interpreters keep native modules.
const MODULES: [&str; 9] = [
    "site-packages",
    "dist-packages",
    "node_modules",
    "gems",
    "perl5",
    "site_perl",
    "vendor_perl",
    "site-library",
    "vendor_ruby",
];

/// Who runs what.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// What an interpreter runs.
    pub(super) script: Option<PathBuf>,
    pub(super) uid: u32,
    /// Whether a package lists it.
    pub(super) is_packaged: bool,
}

/// A file that no package lists.
#[derive(Debug)]
pub(super) struct Unlisted<'a> {
    pub(super) path: &'a Path,
    pub(super) uid: u32,
    pub(super) mode: u32,
}

impl Program {
    /// Whether a file that no package lists is of the same application.
    pub(super) fn owns(&self, file: &Unlisted<'_>) -> bool {
        let of_script = self.script.as_deref().is_some_and(|script| {
            file.path == script || tree_of(script).is_some_and(|tree| file.path.starts_with(tree))
        });
        of_script || self.owns_as_module(file) || (!self.is_packaged && self.owns_by_place(file))
    }

    /// A native module of an interpreter, where those are installed, by who may decide about this process anyway.
    fn owns_as_module(&self, file: &Unlisted<'_>) -> bool {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let runs_others =
            self.script.is_some() || INTERPRETERS.iter().any(|interpreter| is_version_of(name, interpreter));
        let is_installed = file.path.components().any(
            |part| matches!(part, Component::Normal(name) if MODULES.iter().any(|modules| name == *modules)),
        );
        let is_shared = ["/tmp", "/var/tmp", "/dev/shm"].iter().any(|place| file.path.starts_with(place));
        let is_its_users = file.uid == 0 || file.uid == self.uid;
        runs_others && is_installed && is_its_users && file.mode & 0o002 == 0 && !is_shared
    }

    fn owns_by_place(&self, file: &Unlisted<'_>) -> bool {
        let is_administrators = file.uid == 0
            && file.mode & 0o022 == 0
            && ADMINISTRATORS.iter().any(|place| file.path.starts_with(place));
        let is_of_store =
            STORES.iter().any(|store| file.path.starts_with(store) && self.path.starts_with(store));
        is_administrators
            || is_of_store
            || tree_of(&self.path).is_some_and(|tree| file.path.starts_with(tree))
    }
}

/// `python3.11` of `python`: the name, or the name and a version.
fn is_version_of(name: &str, interpreter: &str) -> bool {
    name.strip_prefix(interpreter).is_some_and(|rest| {
        rest.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-') || ["64", "js"].contains(&rest)
    })
}

/// The folder of the application that a file is of: the uppermost that is not shared. `None` where the file lies in a shared one.
fn tree_of(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    let mut folders: Vec<&Path> = parent.ancestors().collect();
    folders.reverse();
    folders.into_iter().find(|folder| !is_shared(folder)).map(Path::to_path_buf)
}

fn is_shared(folder: &Path) -> bool {
    let home = ["/root", "/home/*"];
    SHARED.iter().any(|pattern| fits(folder, pattern))
        || home.iter().any(|home| SHARED_AT_HOME.iter().any(|rest| fits(folder, &format!("{home}/{rest}"))))
}

fn fits(folder: &Path, pattern: &str) -> bool {
    let (mut names, mut wanted) = (folder.components(), Path::new(pattern).components());
    loop {
        match (names.next(), wanted.next()) {
            (None, None) => return true,
            (Some(name), Some(wanted)) if name == wanted || wanted.as_os_str() == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owns(program: &Program, path: &str, uid: u32, mode: u32) -> bool {
        program.owns(&Unlisted { path: Path::new(path), uid, mode })
    }

    fn program(path: &str, script: Option<&str>, is_packaged: bool) -> Program {
        Program { path: path.into(), script: script.map(PathBuf::from), uid: 1000, is_packaged }
    }

    #[test]
    fn an_application_without_a_package_owns_its_folder_and_no_shared_one() {
        for (path, library, is_own) in [
            ("/opt/app/bin/app", "/opt/app/lib/x.so", true),
            ("/opt/app/bin/app", "/opt/other/lib/x.so", false),
            ("/home/a/firefox/firefox", "/home/a/firefox/libxul.so", true),
            ("/home/a/.local/share/Steam/ubuntu12_32/steam", "/home/a/.local/share/Steam/steamrt/x.so", true),
            ("/home/a/.local/share/Steam/ubuntu12_32/steam", "/home/a/.local/share/evil/x.so", false),
            ("/home/a/app", "/home/a/x.so", false),
            ("/tmp/app", "/tmp/x.so", false),
            ("/tmp/build/app", "/tmp/build/x.so", true),
            ("/usr/local/bin/app", "/tmp/x.so", false),
            ("/nix/store/abc-app/bin/app", "/nix/store/def-lib/lib/x.so", true),
            ("/snap/app/12/bin/app", "/snap/app/12/lib/x.so", true),
        ] {
            assert_eq!(owns(&program(path, None, false), library, 1000, 0o755), is_own, "{path} {library}");
            assert!(!owns(&program(path, None, true), library, 1000, 0o755), "a package's: {path}");
        }
    }

    #[test]
    fn what_an_administrator_installed_is_of_what_an_administrator_installed() {
        let app = program("/usr/local/bin/app", None, false);
        assert!(owns(&app, "/usr/local/lib/libx.so", 0, 0o644));
        assert!(!owns(&app, "/usr/local/lib/libx.so", 1000, 0o644));
        assert!(!owns(&app, "/usr/local/lib/libx.so", 0, 0o666));
        assert!(!owns(&program("/usr/bin/curl", None, true), "/usr/local/lib/libx.so", 0, 0o644));
    }

    #[test]
    fn a_native_module_is_of_the_interpreters_application() {
        let module = "/home/a/p/venv/lib/python3.11/site-packages/x/_x.so";
        let python = program("/usr/bin/python3.11", None, true);
        assert!(owns(&python, module, 1000, 0o755));
        assert!(owns(&python, module, 0, 0o755));
        assert!(!owns(&python, module, 1001, 0o755), "another user's");
        assert!(!owns(&python, module, 1000, 0o777), "everybody's");
        assert!(!owns(&python, "/tmp/site-packages/x.so", 1000, 0o755));
        assert!(!owns(&python, "/home/a/p/x.so", 1000, 0o755));
        assert!(!owns(&program("/usr/bin/curl", None, true), module, 1000, 0o755));
        assert!(!owns(&program("/usr/bin/pythonista", None, true), module, 1000, 0o755));
        assert!(owns(
            &program("/usr/bin/java", Some("/home/a/app/x.jar"), true),
            "/home/a/app/n/x.so",
            1000,
            0o755
        ));
        assert!(!owns(&program("/usr/bin/java", Some("/home/a/x.jar"), true), "/home/a/x.so", 1000, 0o755));
        let linker = program("/usr/lib/ld-linux.so.2", Some("/tmp/program"), true);
        assert!(owns(&linker, "/tmp/program", 1000, 0o755));
        assert!(!owns(&linker, "/tmp/x.so", 1000, 0o755));
    }
}
