use std::{fs, path::Path, process::Command};

use portolan_core::{ChangeKind, Pid};

use super::bed::{Bed, run};

/// Unmounts it at the end of the test.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-q", "-l", "--"]).arg(self.0).status();
    }
}

#[test]
#[ignore = "needs root"]
fn what_is_mounted_over_it_is_told_and_so_is_what_is_mounted_over_a_folder_on_the_way() {
    let mut bed = Bed::new();
    let path = bed.watch_new("app/program", "one");
    let other = bed.at("other/program");
    fs::create_dir(bed.at("other")).unwrap();
    fs::write(&other, "two").unwrap();
    let place = path.clone();
    let _mounted = Mounted(&place);
    run("mount --bind \"$1\" \"$2\"", &[&other, &path]);
    bed.watched.mounts_changed();
    let changed = bed.unexplained();
    assert_eq!(changed.change.kind, ChangeKind::Replaced);
    assert!(changed.change.by.is_empty(), "fanotify does not tell of mounts");
    let pid = run("printf three > \"$1\"", &[&other]);
    bed.assert_change(&path, ChangeKind::Written, Some("three"), pid);
    run("umount \"$1\"", &[&place]);
    bed.watched.mounts_changed();
    assert_eq!(bed.unexplained().change.kind, ChangeKind::Replaced);
    let app = bed.at("app");
    let _mounted = Mounted(&app);
    run("mount -t tmpfs test \"$1\"", &[&app]);
    bed.watched.mounts_changed();
    assert_eq!(bed.unexplained().change.kind, ChangeKind::Removed);
}

/// Writes, replaces and removes a file of a filesystem, and sees each.
fn assert_watched(bed: &mut Bed, path: &Path) {
    bed.watch(path);
    bed.settle();
    assert_eq!((bed.changes.counts().watched, bed.changes.counts().not_watched), (1, 0));
    let pid = run("printf two > \"$1\"", &[path]);
    bed.assert_change(path, ChangeKind::Written, Some("two"), pid);
    let new = path.with_file_name("new");
    fs::write(&new, "three").unwrap();
    let pid = run("exec mv \"$1\" \"$2\"", &[&new, path]);
    bed.assert_change(path, ChangeKind::Replaced, Some("three"), pid);
    let pid = run("exec rm \"$1\"", &[path]);
    bed.assert_change(path, ChangeKind::Removed, None, pid);
}

#[test]
#[ignore = "needs root"]
fn a_file_below_an_overlay_is_watched_also_when_its_first_write_copies_it_up() {
    let mut bed = Bed::new();
    run("mount -t tmpfs test \"$1\"", &[bed.folder.path()]);
    let base = bed.folder.path().to_owned();
    let _base = Mounted(&base);
    for folder in ["lower", "upper", "work", "merged"] {
        fs::create_dir(bed.at(folder)).unwrap();
    }
    fs::write(bed.at("lower/program"), "one").unwrap();
    let merged = bed.at("merged");
    let _mounted = Mounted(&merged);
    run(
        "cd \"$1\"; mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work test merged",
        &[bed.folder.path()],
    );
    assert_watched(&mut bed, &merged.join("program"));
}

#[test]
#[ignore = "needs root and btrfs"]
fn a_file_in_a_subvolume_of_btrfs_is_watched() {
    let mut bed = Bed::new();
    let disk = bed.at("disk");
    fs::create_dir(&disk).unwrap();
    fs::File::create(bed.at("image")).unwrap().set_len(128 << 20).unwrap();
    run("mkfs.btrfs -q \"$1\" > /dev/null 2>&1; mount -o loop \"$1\" \"$2\"", &[&bed.at("image"), &disk]);
    let _mounted = Mounted(&disk);
    run("btrfs -q subvolume create \"$1\"", &[&disk.join("volume")]);
    let path = disk.join("volume/program");
    fs::write(&path, "one").unwrap();
    assert_watched(&mut bed, &path);
}

#[test]
#[ignore = "needs root"]
fn a_file_in_a_container_is_watched_there_and_not_on_this_machine() {
    let mut bed = Bed::new();
    let path = bed.at("box/program");
    fs::create_dir(bed.at("box")).unwrap();
    fs::write(&path, "of the machine").unwrap();
    let script = "mount -t tmpfs test \"$1\"; printf one > \"$1/program\"; echo ready; read line; printf two > \"$1/program\"; read line";
    let mut contained = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec", script, "test"])
        .arg(bed.at("box"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut output = std::io::BufReader::new(contained.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut ready).unwrap();
    let inside = Path::new("/proc").join(contained.id().to_string()).join("root");
    let inside = inside.join(path.strip_prefix("/").unwrap());
    bed.watch_in(&path, &inside, Pid(contained.id()));
    bed.settle();
    assert_eq!((bed.changes.counts().watched, bed.changes.counts().not_watched), (1, 0));
    fs::write(&path, "something else").unwrap();
    assert_eq!(bed.take_told(), [], "that is another file of the same path");
    std::io::Write::write_all(contained.stdin.as_mut().unwrap(), b"\n").unwrap();
    bed.until("it is told", |bed| !bed.told.is_empty());
    bed.assert_change(&path, ChangeKind::Written, Some("two"), contained.id());
    drop(contained.stdin.take());
    contained.wait().unwrap();
}
