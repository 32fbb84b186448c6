//! Against the real dpkg, where there is one: a root that it installs packages into, and this machine's own
//! database.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::root::{Root, output, run};
use portolan_packages::{Checksum, Manager, Ownership, Packages};

fn has_dpkg() -> bool {
    let has = output("dpkg", &["--version"]).is_some();
    if !has {
        eprintln!("not tested: there is no dpkg here");
    }
    has
}

/// Makes a package of `files` and installs it into `root`.
fn install(root: &Root, package: &str, architecture: &str, version: &str, files: &[(&str, &str)]) {
    let made = Root::new();
    let is_library = if package.starts_with("lib") { "Multi-Arch: same\n" } else { "" };
    made.write(
        "DEBIAN/control",
        format!(
            "Package: {package}\nVersion: {version}\nArchitecture: {architecture}\n{is_library}\
             Maintainer: A Test <test@example.org>\nDescription: a package of a test\n"
        ),
    );
    let configuration: String = files
        .iter()
        .filter(|(path, _)| path.starts_with("/etc/"))
        .map(|(path, _)| format!("{path}\n"))
        .collect();
    if !configuration.is_empty() {
        made.write("DEBIAN/conffiles", configuration);
    }
    for (path, content) in files {
        made.write(path, content);
    }
    for folder in [made.path().to_owned(), made.at("DEBIAN")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let deb = root.at(&format!("{package}_{architecture}.deb"));
    let deb = deb.to_str().unwrap();
    run("dpkg-deb", &["--build", "--root-owner-group", made.path().to_str().unwrap(), deb]);
    let into = format!("--root={}", root.path().display());
    run(
        "dpkg",
        &[
            &into,
            "--force-not-root",
            "--force-bad-path",
            "--force-architecture",
            "--log=/dev/null",
            "-i",
            deb,
        ],
    );
}

fn md5(path: &Path) -> Checksum {
    let printed = output("md5sum", &["--", path.to_str().unwrap()]).unwrap();
    let digest = printed.trim_start_matches('\\').split(' ').next().unwrap();
    let bytes: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&digest[2 * at..2 * at + 2], 16).unwrap()).collect();
    Checksum::Md5(bytes.try_into().unwrap())
}

#[test]
fn what_dpkg_installs_is_found_with_its_content() {
    if !has_dpkg() {
        return;
    }
    let root = Root::new();
    for file in ["status", "available", "info/format", "updates/.keep", "triggers/File"] {
        root.write(&format!("var/lib/dpkg/{file}"), if file == "info/format" { "1\n" } else { "" });
    }
    fs::remove_file(root.at("var/lib/dpkg/updates/.keep")).unwrap();
    let admin = format!("--admindir={}", root.at("var/lib/dpkg").display());
    let instdir = format!("--instdir={}", root.path().display());
    run("dpkg", &[&admin, "--add-architecture", "i386"]);
    install(
        &root,
        "tool",
        "all",
        "1:2.0~rc1-3",
        &[("/usr/bin/tool", "first"), ("/etc/tool.conf", "shipped")],
    );
    let owner = root.owner("/usr/bin/tool");
    assert_eq!(root.owner_text("/usr/bin/tool"), "tool 1:2.0~rc1-3 all");
    assert_eq!(owner.checksum, Some(md5(&root.at("/usr/bin/tool"))));
    let configuration = root.owner("/etc/tool.conf");
    assert!(configuration.is_configuration);
    assert_eq!(configuration.checksum, Some(md5(&root.at("/etc/tool.conf"))));

    // An upgrade changes the stamp and the answer.
    let before = root.packages().stamp().unwrap();
    install(&root, "tool", "all", "1:2.1", &[("/usr/bin/tool", "second"), ("/etc/tool.conf", "shipped")]);
    assert_ne!(root.packages().stamp().unwrap(), before);
    assert_eq!(root.owner_text("/usr/bin/tool"), "tool 1:2.1 all");
    assert_eq!(root.owner("/usr/bin/tool").checksum, Some(md5(&root.at("/usr/bin/tool"))));

    // The same for two architectures.
    install(&root, "libtool", "amd64", "1", &[("/usr/lib/a/l.so", "64"), ("/usr/share/lib/data", "both")]);
    install(&root, "libtool", "i386", "1", &[("/usr/lib/i/l.so", "32"), ("/usr/share/lib/data", "both")]);
    assert_eq!(root.owner_text("/usr/lib/i/l.so"), "libtool 1 i386");
    assert_eq!(root.owner("/usr/lib/i/l.so").checksum, Some(md5(&root.at("/usr/lib/i/l.so"))));
    assert_eq!(root.owner_text("/usr/share/lib/data"), "libtool 1 amd64");

    // Diverted by another package.
    run(
        "dpkg-divert",
        &[
            &admin,
            &instdir,
            "--package",
            "wrap",
            "--divert",
            "/usr/bin/tool.real",
            "--rename",
            "--add",
            "/usr/bin/tool",
        ],
    );
    root.is_unowned("/usr/bin/tool");
    install(&root, "wrap", "all", "7", &[("/usr/bin/tool", "wrapper")]);
    for (path, package) in [("/usr/bin/tool", "wrap"), ("/usr/bin/tool.real", "tool")] {
        let owner = root.owner(path);
        assert_eq!((owner.package.as_str(), owner.checksum), (package, Some(md5(&root.at(path)))), "{path}");
    }

    // Removed: its configuration stays, and is its own.
    run(
        "dpkg",
        &[
            &format!("--root={}", root.path().display()),
            "--force-not-root",
            "--force-bad-path",
            "--log=/dev/null",
            "-r",
            "tool",
        ],
    );
    root.is_unowned("/usr/bin/tool.real");
    assert_eq!(root.owner("/etc/tool.conf").package, "tool");
}

/// `dpkg -S`: who owns each path; it knows no merged /usr.
fn owners_by_dpkg(paths: &[PathBuf]) -> BTreeMap<PathBuf, BTreeSet<String>> {
    let mut owners: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let spellings: Vec<String> = paths
        .iter()
        .flat_map(|path| {
            let path = path.to_str().unwrap();
            [Some(path.to_owned()), path.strip_prefix("/usr").map(str::to_owned)]
        })
        .flatten()
        .collect();
    let mut arguments = vec!["-S", "--"];
    arguments.extend(spellings.iter().map(String::as_str));
    for line in output("dpkg", &arguments).unwrap().lines().filter(|line| !line.starts_with("diversion by "))
    {
        let (packages, path) = line.split_once(": /").unwrap();
        let path = if paths.contains(&format!("/{path}").into()) {
            format!("/{path}")
        } else {
            format!("/usr/{path}")
        };
        let packages = packages.split(", ").map(|name| name.split(':').next().unwrap().to_owned());
        owners.entry(path.into()).or_default().extend(packages);
    }
    owners
}

#[test]
fn this_machine_is_as_dpkg_says() {
    if !has_dpkg() || !Path::new("/var/lib/dpkg/status").exists() || !Path::new("/bin").is_symlink() {
        return;
    }
    let mut paths = Vec::new();
    for folder in [
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/local/bin",
        "/etc",
        "/usr/lib/apt/methods",
    ] {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()))
            .filter(|path| path.to_str().is_some() && fs::File::open(path).is_ok())
            .collect();
        files.sort();
        let step = (files.len() / 80).max(1);
        paths.extend(files.into_iter().step_by(step));
    }
    // dpkg -S knows a file that was diverted by the name that its package gives it.
    let diversions = output("dpkg-divert", &["--list"]).unwrap();
    paths.retain(|path| !diversions.contains(&format!(" to {} by ", path.display())));
    assert!(paths.len() > 100, "{} files", paths.len());
    let by_dpkg = owners_by_dpkg(&paths);
    let packages = Packages::of(Path::new("/")).unwrap();
    assert!(packages.managers().unwrap().contains(&Manager::Dpkg));
    let asked: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let (mut owned, mut differ) = (0, Vec::new());
    for (path, answer) in paths.iter().zip(packages.owners_of(&asked)) {
        match answer.unwrap() {
            Ownership::Unowned => assert_eq!(by_dpkg.get(path), None, "{}", path.display()),
            Ownership::Owned(owner) => {
                let expected = by_dpkg.get(path);
                assert!(
                    expected.is_some_and(|of| of.contains(&owner.package)),
                    "{}: {owner:?} {expected:?}",
                    path.display()
                );
                owned += 1;
                let differs = owner.checksum.is_some_and(|checksum| checksum != md5(path));
                differ.extend(differs.then_some((path, owner)));
            }
        }
    }
    assert!(owned > 100, "{owned} of {} are owned", paths.len());
    // Few were changed since their installation, and dpkg says so of each.
    assert!(differ.len() < owned / 10, "{differ:?}");
    for (path, owner) in differ {
        let verified = output("dpkg", &["-V", &owner.package]).unwrap();
        assert!(verified.contains(path.to_str().unwrap()), "{}: {owner:?}", path.display());
    }
}
