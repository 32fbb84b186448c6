//! With the real dpkg, in a root of its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use portolan_core::{ChangeKind, Package, PackageManager, Pid, Provenance};
use portolan_packages::{Manager, Ownership, Packages};

use super::bed::{Bed, hash, run};
use crate::changes::{Answer, Question, Verdict};

const PROGRAM: &str = "usr/bin/program";

fn package(version: &str) -> Package {
    Package { manager: PackageManager::Deb, name: "test-program".to_owned(), version: version.to_owned() }
}

/// Makes a package with one program of this content.
fn build(bed: &Bed, version: &str, content: &str) -> PathBuf {
    let tree = bed.at(&format!("tree-{version}"));
    fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    fs::create_dir_all(tree.join("usr/bin")).unwrap();
    let control = format!(
        "Package: test-program\nVersion: {version}\nArchitecture: all\nMaintainer: A Test <test@example.org>\n\
         Description: a package of a test\n"
    );
    fs::write(tree.join("DEBIAN/control"), control).unwrap();
    fs::write(tree.join(PROGRAM), content).unwrap();
    fs::set_permissions(&tree, fs::Permissions::from_mode(0o755)).unwrap();
    // dpkg makes the sums of what it unpacks itself, unless the package has them.
    let deb = bed.at(&format!("{version}.deb"));
    run("exec dpkg-deb --build --root-owner-group \"$1\" \"$2\" > /dev/null", &[&tree, &deb]);
    deb
}

/// Runs dpkg, and gives its process id.
fn dpkg(root: &Path, arguments: &[&str]) -> u32 {
    let mut child = Command::new("dpkg")
        .arg(format!("--root={}", root.display()))
        .args(["--force-not-root", "--force-bad-path", "--log=/dev/null"])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success(), "{arguments:?}");
    child.id()
}

/// What the databases below `root` say, as the daemon would find it out.
fn ask(root: &Path, question: &Question) -> Answer {
    let packages = Packages::of(root).unwrap();
    let is_being_changed = !packages.at_work().unwrap().is_empty();
    let holders = packages.holders().unwrap().into_iter().map(Pid).collect();
    let path = Path::new(question.path.as_raw());
    let below = Path::new("/").join(path.strip_prefix(root).unwrap());
    let provenance = match packages.owner_of(&below) {
        Ok(Ownership::Unowned) => Provenance::Unowned,
        Ok(Ownership::Owned(owned)) => {
            let package = Package {
                manager: match owned.manager {
                    Manager::Dpkg => PackageManager::Deb,
                    Manager::Rpm => PackageManager::Rpm,
                    Manager::Pacman => PackageManager::Pacman,
                },
                name: owned.package,
                version: owned.version,
            };
            let content = fs::read(path).unwrap_or_default();
            match owned.checksum.map(|sum| sum.to_string()) {
                None => Provenance::Unchecked(package),
                Some(sum) if question.sha256 == Some(hash(&content)) && sum == md5(path) => {
                    Provenance::Verified(package)
                }
                Some(_) => Provenance::Modified(package),
            }
        }
        Err(error) => Provenance::Unknown(error.to_string()),
    };
    Answer { number: question.number, sha256: question.sha256, provenance, is_being_changed, holders }
}

fn md5(path: &Path) -> String {
    let output = Command::new("md5sum").arg("--").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
#[ignore = "needs root and dpkg"]
fn what_dpkg_does_is_explained_and_what_is_done_by_hand_is_not() {
    let mut bed = Bed::new();
    let root = bed.at("root");
    fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
    fs::create_dir_all(root.join("var/lib/dpkg/updates")).unwrap();
    fs::create_dir_all(root.join("var/lib/dpkg/triggers")).unwrap();
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    fs::write(root.join("var/lib/dpkg/available"), "").unwrap();
    let [one, two] = [("1.0", "one"), ("2.0", "two")].map(|(version, content)| build(&bed, version, content));
    let [one, two] = [&one, &two].map(|deb| deb.to_str().unwrap());
    dpkg(&root, &["-i", one]);
    let path = root.join(PROGRAM);
    bed.watch(&path);
    bed.settle();
    let below = root.clone();
    bed.answer = Box::new(move |question| ask(&below, question));
    // An upgrade, a downgrade, and the same once more.
    for (deb, version, content) in [(two, "2.0", "two"), (one, "1.0", "one")] {
        let pid = dpkg(&root, &["-i", deb]);
        let told = bed.take_told();
        let [Verdict::Explained(changed)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(changed.change.kind, ChangeKind::Replaced);
        assert_eq!(changed.change.sha256, Some(hash(content.as_bytes())));
        assert_eq!(changed.change.provenance, Some(Provenance::Verified(package(version))));
        assert_eq!(changed.change.by[0].pid.0, pid);
    }
    dpkg(&root, &["-i", one]);
    assert_eq!(bed.take_told(), []);
    let pid = run("printf three > \"$1\"", &[&path]);
    let changed = bed.assert_change(&path, ChangeKind::Written, Some("three"), pid);
    assert_eq!(changed.change.provenance, Some(Provenance::Modified(package("1.0"))));
    dpkg(&root, &["-i", two]);
    let told = bed.take_told();
    assert!(matches!(&told[..], [Verdict::Explained(_)]), "{told:?}");
    bed.path_of_who = "/usr/bin/dpkg";
    let pid = dpkg(&root, &["-r", "test-program"]);
    let told = bed.take_told();
    let [Verdict::Explained(changed)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((changed.change.kind, changed.change.by[0].pid.0), (ChangeKind::Removed, pid));
}

#[test]
#[ignore = "needs root"]
fn who_holds_the_lock_is_waited_for_and_nobody_else() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let mut asked = 0;
    bed.answer = Box::new(move |question| {
        asked += 1;
        let provenance =
            if asked < 3 { Provenance::Modified(package("1")) } else { Provenance::Verified(package("2")) };
        Answer {
            number: question.number,
            sha256: question.sha256,
            provenance,
            is_being_changed: asked < 3,
            holders: vec![Pid(std::process::id())],
        }
    });
    fs::write(&path, "two").unwrap();
    let told = bed.take_told();
    let [Verdict::Explained(changed)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(changed.change.provenance, Some(Provenance::Verified(package("2"))));
    bed.answer = Box::new(move |question| Answer {
        number: question.number,
        sha256: question.sha256,
        provenance: Provenance::Modified(package("2")),
        is_being_changed: true,
        holders: vec![Pid(std::process::id())],
    });
    let pid = run("printf three > \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Written, Some("three"), pid);
}
