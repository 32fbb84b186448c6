use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
};

use portolan_core::ChangeKind;

use super::bed::{Bed, run};

#[test]
#[ignore = "needs root"]
fn a_folder_that_is_renamed_away_and_replaced_changes_what_is_in_it() {
    let mut bed = Bed::new();
    let path = bed.watch_new("opt/app/bin/program", "one");
    let [app, old, new] = ["opt/app", "opt/app.old", "opt/app.new"].map(|name| bed.at(name));
    fs::create_dir_all(new.join("bin")).unwrap();
    fs::write(new.join("bin/program"), "two").unwrap();
    run("exec mv \"$1\" \"$2\"", &[&app, &old]);
    bed.see_absence();
    let pid = run("exec mv \"$1\" \"$2\"", &[&new, &app]);
    bed.assert_change(&path, ChangeKind::Replaced, Some("two"), pid);
    let pid = run("exec mv \"$1\" \"$2\"", &[&app, &new]);
    bed.assert_change(&path, ChangeKind::Removed, None, pid);
    // The last folder that is there tells of the first that comes back, and so on.
    run("mkdir -p \"$1/bin\"", &[&app]);
    bed.settle();
    let pid = run("printf three > \"$1/bin/program\"", &[&app]);
    bed.assert_change(&path, ChangeKind::Replaced, Some("three"), pid);
}

#[test]
#[ignore = "needs root"]
fn a_folder_that_becomes_a_link_and_is_switched_changes_what_is_behind_it() {
    let mut bed = Bed::new();
    let path = bed.watch_new("app/program", "one");
    for version in ["2", "3"] {
        let folder = bed.at(&format!("app-{version}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("program"), version).unwrap();
    }
    let [app, old, link] = ["app", "app-1", "link"].map(|name| bed.at(name));
    run("exec mv \"$1\" \"$2\"", &[&app, &old]);
    bed.see_absence();
    let pid = run("exec ln -s app-2 \"$1\"", &[&app]);
    bed.assert_change(&path, ChangeKind::Replaced, Some("2"), pid);
    symlink("app-3", &link).unwrap();
    let pid = run("exec mv -T \"$1\" \"$2\"", &[&link, &app]);
    bed.assert_change(&path, ChangeKind::Replaced, Some("3"), pid);
    let pid = run("printf 4 > \"$1\"", &[&bed.at("app-3/program")]);
    bed.assert_change(&path, ChangeKind::Written, Some("4"), pid);
}

#[test]
#[ignore = "needs root"]
fn a_write_through_another_name_of_many_is_a_change() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    for name in 0..1000 {
        fs::hard_link(&path, bed.at(&format!("name{name}"))).unwrap();
    }
    assert_eq!(bed.take_told(), []);
    let pid = run("printf two > \"$1\"", &[&bed.at("name500")]);
    bed.assert_change(&path, ChangeKind::Written, Some("two"), pid);
}

#[test]
#[ignore = "needs root"]
fn names_that_are_no_text_are_watched_like_others() {
    let mut bed = Bed::new();
    let long = [b'n'; 255];
    for name in [&b"new\nline"[..], b"not \xff\xfe UTF-8", b"\\xff", b" (deleted)", &long] {
        let path = bed.folder.path().join(OsStr::from_bytes(name));
        fs::write(&path, "one").unwrap();
        bed.watch(&path);
        bed.settle();
        let pid = run("printf two > \"$1\"", &[&path]);
        bed.assert_change(&path, ChangeKind::Written, Some("two"), pid);
    }
    assert_eq!((bed.changes.counts().watched, bed.changes.counts().not_watched), (5, 0));
}

#[test]
#[ignore = "needs root"]
fn a_file_is_watched_once_however_often_it_is_executed_and_replaced() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "0");
    for version in 1..6 {
        fs::write(bed.at("new"), version.to_string()).unwrap();
        fs::rename(bed.at("new"), &path).unwrap();
        bed.watch(&path);
        assert_eq!(bed.take_told().len(), 1);
    }
    assert_eq!((bed.changes.counts().watched, bed.changes.counts().not_watched), (1, 0));
}
