use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use portolan_core::{ChangeKind, MonotonicNs, Provenance};

use super::bed::{Bed, hash, run};
use crate::{
    changes::Verdict,
    clock::Now,
    monitor::{FileHandle, Place, PlaceKind},
};

#[test]
#[ignore = "needs root"]
fn a_thousand_files_that_change_at_once_are_told_each() {
    let mut bed = Bed::new();
    let paths: Vec<_> = (0..1000).map(|number| bed.at(&format!("program{number}"))).collect();
    for path in &paths {
        fs::write(path, "one").unwrap();
        bed.watch(path);
    }
    bed.settle();
    assert_eq!(bed.changes.counts().watched, 1000);
    run(
        "for path in \"$@\"; do printf two > \"$path\"; done",
        &paths.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
    );
    let told = bed.take_told();
    assert_eq!(told.len(), 1000);
    let is_it = |verdict: &Verdict| {
        matches!(verdict, Verdict::Unexplained(changed)
            if changed.change.sha256 == Some(hash(b"two")) && changed.change.kind == ChangeKind::Written)
    };
    assert!(told.iter().all(is_it));
}

#[test]
#[ignore = "needs root"]
fn when_the_queue_is_full_everything_is_looked_at() {
    let mut bed = Bed::new();
    fs::create_dir(bed.at("many")).unwrap();
    let paths: Vec<_> = (0..8500).map(|number| bed.at(&format!("many/program{number}"))).collect();
    for path in &paths {
        fs::write(path, "one").unwrap();
        bed.watch(path);
    }
    let begun = Instant::now();
    let last = bed.watch_new("last", "one");
    eprintln!("8500 files are watched after {:?}", begun.elapsed());
    // Nothing is read meanwhile. What one process does to one file is one event.
    run("chmod -R a+x \"$1\"; chmod -R a-x \"$1\"", &[&bed.at("many")]);
    fs::write(&last, "two").unwrap();
    bed.settle();
    assert_eq!(bed.changes.counts().queue_overflows, 1);
    bed.told.retain(|told| !matches!(told, Verdict::Harmless(_)));
    let changed = bed.unexplained();
    assert_eq!((changed.change.sha256, changed.change.by), (Some(hash(b"two")), Vec::new()));
}

#[test]
#[ignore = "needs root"]
fn who_changes_the_mode_of_its_own_file_all_the_time_costs_next_to_nothing() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let mut looks = 0;
    let (begun, used) = (Instant::now(), crate::resources::cpu_ms());
    let mut busy = std::process::Command::new("sh")
        .args(["-c", "while :; do chmod 700 \"$1\"; chmod 755 \"$1\"; done", "test"])
        .arg(&path)
        .spawn()
        .unwrap();
    bed.until("it is seen", |bed| !bed.changes.is_idle());
    while begun.elapsed() < Duration::from_secs(3) {
        bed.step();
        looks += bed.told.drain(..).len();
        std::thread::sleep(Duration::from_millis(10));
    }
    let used_ms = crate::resources::cpu_ms() - used;
    busy.kill().unwrap();
    busy.wait().unwrap();
    assert!(looks <= 5, "{looks} looks in three seconds");
    assert!(used_ms < 300, "{used_ms} ms");
    assert!(bed.changes.counts().looked_at_later > 0);
}

#[test]
#[ignore = "needs root"]
fn who_makes_the_way_another_one_all_the_time_is_told() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let script = "while :; do printf two > \"$2\"; mv \"$2\" \"$1\"; done";
    let mut busy = std::process::Command::new("sh")
        .args(["-c", script, "test"])
        .args([&path, &bed.at("new")])
        .spawn()
        .unwrap();
    bed.until("it is told", |bed| !bed.told.is_empty());
    busy.kill().unwrap();
    busy.wait().unwrap();
    assert!(matches!(&bed.told[0], Verdict::Unexplained(_)), "{:?}", bed.told);
}

#[test]
#[ignore = "needs root"]
fn marks_that_nothing_needs_are_taken_back_and_what_is_watched_is_looked_at_again() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    for round in 0..4200 {
        let gone = bed.at(&format!("gone{round}"));
        fs::write(&gone, "").unwrap();
        let descriptor = fs::File::open(&gone).unwrap();
        let handle = FileHandle::of(&descriptor).unwrap();
        let place = Place { kind: PlaceKind::File, handle, descriptor: descriptor.into() };
        bed.watched.hold(u64::MAX, &[place]).unwrap();
    }
    assert!(bed.watched.marks() < 200);
    bed.settle();
    let pid = run("printf two > \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Written, Some("two"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_is_watched_does_not_keep_its_filesystem_from_being_unmounted() {
    let mut bed = Bed::new();
    let place = bed.at("disk");
    fs::create_dir(&place).unwrap();
    run("mount -t tmpfs test \"$1\"", &[&place]);
    bed.watch_new("disk/program", "one");
    assert_eq!(bed.changes.counts().watched, 1);
    run("umount \"$1\"", &[&place]);
    bed.watched.mounts_changed();
    let changed = bed.unexplained();
    assert_eq!((changed.change.kind, changed.change.by), (ChangeKind::Removed, Vec::new()));
}

#[test]
#[ignore = "needs root"]
fn a_wait_is_no_longer_than_the_next_thing_to_do() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    assert_eq!(bed.changes.until_due(MonotonicNs(0)), None);
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, b"two").unwrap();
    bed.until("the write is seen", |bed| bed.changes.until_due(MonotonicNs(0)).is_some());
    let left = bed.changes.until_due(Now::read().monotonic).unwrap();
    assert!((3_000_000_000..=5_000_000_000).contains(&left), "{left}");
}

#[test]
#[ignore = "needs root"]
fn what_is_gone_makes_room_first_and_then_what_was_not_executed_for_longest() {
    let mut bed = Bed::new();
    bed.changes.room = 3;
    let [one, two, three] = ["one", "two", "three"].map(|name| bed.watch_new(name, name));
    fs::remove_file(&two).unwrap();
    assert_eq!(bed.take_told().len(), 1);
    bed.watch_new("four", "four");
    assert_eq!((bed.changes.counts().watched, bed.changes.counts().not_watched), (3, 0));
    bed.watch(&one);
    bed.watch_new("five", "five");
    assert_eq!((bed.changes.counts().watched, bed.changes.counts().not_watched), (3, 1));
    fs::write(&three, "3").unwrap();
    assert_eq!(bed.take_told(), [], "it is not watched any more");
    let pid = run("printf 1 > \"$1\"", &[&one]);
    bed.assert_change(&one, ChangeKind::Written, Some("1"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_was_gone_before_is_not_told_and_what_comes_in_its_place_is() {
    let mut bed = Bed::new();
    let path = bed.at("program");
    bed.watch_known(&path, "one");
    assert_eq!(bed.take_told(), []);
    let pid = run("printf two > \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Replaced, Some("two"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_is_gone_for_long_is_forgotten() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    fs::remove_file(&path).unwrap();
    assert_eq!(bed.take_told().len(), 1);
    assert_eq!(bed.changes.counts().watched, 1, "it may come back");
    let mut later = Now::read();
    later.monotonic = MonotonicNs(later.monotonic.0 + 601_000_000_000);
    bed.changes.settle(&mut bed.watched, |question| panic!("{question:?}"), later);
    assert_eq!(bed.changes.counts().watched, 0);
}

#[test]
#[ignore = "needs root"]
fn a_question_for_which_there_was_no_room_is_asked_again_soon() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    bed.refused = 3;
    let pid = run("printf two > \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Written, Some("two"), pid);
    assert_eq!(bed.refused, 0);
}

#[test]
#[ignore = "needs root"]
fn a_change_is_told_also_where_nobody_answers_for_whom_it_is() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    bed.refused = usize::MAX;
    let pid = run("printf two > \"$1\"", &[&path]);
    bed.until("it is asked", |bed| bed.refused < usize::MAX);
    assert_eq!(bed.told, []);
    bed.ahead_ns = 61_000_000_000;
    let changed = bed.assert_change(&path, ChangeKind::Written, Some("two"), pid);
    assert!(matches!(changed.change.provenance, Some(Provenance::Unknown(_))), "{changed:?}");
}

#[test]
#[ignore = "needs root"]
fn what_is_looked_at_later_is_by_who_did_it_last() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    // Each look makes the next one wait for longer.
    for mode in [0o700, 0o711, 0o755] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        bed.settle();
    }
    bed.take_told();
    let replace = |content: &str| {
        let next = path.with_extension("next");
        fs::write(&next, content).unwrap();
        run("exec mv \"$1\" \"$2\"", &[&next, &path])
    };
    replace("two");
    bed.until("what has the name now is watched", |bed| {
        bed.changes.counts().looked_at_later > 0 && !bed.changes.is_any_to_be_walked()
    });
    let pid = replace("three");
    bed.assert_change(&path, ChangeKind::Replaced, Some("three"), pid);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    bed.settle();
    bed.take_told();
    // What wrote, and not what gave another mode to it later.
    let pid = run("printf four > \"$1\"", &[&path]);
    run("exec chmod 755 \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Written, Some("four"), pid);
}
