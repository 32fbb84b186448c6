use std::{fs, io::Write, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use portolan_core::ChangeKind;
use portolan_testbed::Program;

use super::bed::{Bed, hash, run};
use crate::changes::Verdict;

#[test]
#[ignore = "needs root"]
fn what_is_written_in_place_is_told_with_who_wrote() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let pid = run("printf two > \"$1\"", &[&path]);
    let changed = bed.assert_change(&path, ChangeKind::Written, Some("two"), pid);
    assert_eq!(changed.before, hash(b"one"));
    let pid = run("printf x >> \"$1\"", &[&path]);
    let changed = bed.assert_change(&path, ChangeKind::Written, Some("twox"), pid);
    assert_eq!(changed.before, hash(b"two"));
}

#[test]
#[ignore = "needs root"]
fn what_is_written_through_a_mapping_without_a_trace_is_told_when_that_ends() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let code = "import mmap, sys; file = open(sys.argv[1], 'r+b'); memory = mmap.mmap(file.fileno(), 0); \
                file.close(); memory[:] = memory[:]; print('mapped', flush=True); \
                sys.stdin.read(); memory[:] = b'two'; memory.close()";
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", code]).arg(&path);
    let mut writer = Program::start_with_stdin("python3", command).unwrap();
    let patience = Duration::from_secs(20);
    writer.wait_for_line("its mapping", patience, |line| (line == "mapped").then_some(())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    bed.settle();
    assert_eq!(bed.told.iter().filter(|told| !matches!(told, Verdict::Harmless(_))).count(), 0);
    bed.told.clear();
    let pid = writer.pid();
    writer.close_stdin();
    assert!(writer.ended(patience).unwrap().success());
    bed.assert_change(&path, ChangeKind::Written, Some("two"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_is_renamed_over_it_is_told_with_a_mover_that_lived_a_millisecond() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    for content in ["two", "three"] {
        fs::write(bed.at("new"), content).unwrap();
        let pid = run("exec mv \"$1\" \"$2\"", &[&bed.at("new"), &path]);
        bed.assert_change(&path, ChangeKind::Replaced, Some(content), pid);
    }
}

#[test]
#[ignore = "needs root"]
fn what_is_written_to_the_new_file_of_a_name_is_told_too() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    fs::write(bed.at("new"), "two").unwrap();
    fs::rename(bed.at("new"), &path).unwrap();
    bed.assert_change(&path, ChangeKind::Replaced, Some("two"), std::process::id());
    let pid = run("printf three > \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Written, Some("three"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_comes_back_as_it_was_is_not_told() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let away = bed.at("away");
    fs::rename(&path, &away).unwrap();
    fs::rename(&away, &path).unwrap();
    assert_eq!(bed.take_told(), []);
    fs::rename(&path, &away).unwrap();
    bed.see_absence();
    fs::rename(&away, &path).unwrap();
    assert_eq!(bed.take_told(), []);
    let pid = run("touch \"$1\"; ln \"$1\" \"$2\"; exec rm \"$2\"", &[&path, &away]);
    assert_eq!(bed.take_told(), [], "{pid} changed nothing");
    let pid = run("printf two > \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Written, Some("two"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_is_removed_is_told_and_so_is_what_takes_its_place_later() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let pid = run("exec rm \"$1\"", &[&path]);
    let changed = bed.assert_change(&path, ChangeKind::Removed, None, pid);
    assert_eq!(changed.change.provenance, None);
    assert_eq!(bed.take_told(), []);
    let pid = run("printf two > \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Replaced, Some("two"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_is_removed_and_made_again_is_one_replacement() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    run("exec rm \"$1\"", &[&path]);
    bed.see_absence();
    let pid = run("printf two > \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Replaced, Some("two"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_is_made_again_before_its_absence_is_seen_is_told_with_who_removed_it() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let pid = run("exec rm \"$1\"", &[&path]);
    fs::write(&path, "two").unwrap();
    bed.assert_change(&path, ChangeKind::Replaced, Some("two"), pid);
}

#[test]
#[ignore = "needs root"]
fn what_runs_is_removed_by_who_removed_it_and_not_by_who_ended() {
    let mut bed = Bed::new();
    let path = bed.at("sleep");
    fs::copy("/bin/sleep", &path).unwrap();
    let mut running = std::process::Command::new(&path).arg("1000").spawn().unwrap();
    bed.watch(&path);
    bed.settle();
    let pid = run("exec rm \"$1\"", &[&path]);
    running.kill().unwrap();
    running.wait().unwrap();
    bed.assert_change(&path, ChangeKind::Removed, None, pid);
}

#[test]
#[ignore = "needs root"]
fn a_mode_is_loud_when_it_gives_rights() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let told = bed.take_told();
    assert!(matches!(&told[..], [Verdict::Harmless(_)]), "{told:?}");
    let pid = run("exec chmod u+s \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Attributes, Some("one"), pid);
    let pid = run("exec chown 65534 \"$1\"", &[&path]);
    bed.assert_change(&path, ChangeKind::Attributes, Some("one"), pid);
}

#[test]
#[ignore = "needs root"]
fn who_keeps_it_open_for_writing_is_not_waited_for_for_ever() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(b"two").unwrap();
    bed.assert_change(&path, ChangeKind::Written, Some("two"), std::process::id());
    drop(file);
    assert_eq!(bed.take_told(), []);
}

#[test]
#[ignore = "needs root"]
fn something_that_is_no_file_takes_its_place() {
    let mut bed = Bed::new();
    let path = bed.watch_new("program", "one");
    run("exec rm \"$1\"", &[&path]);
    bed.see_absence();
    let pid = run("exec mkfifo \"$1\"", &[&path]);
    let changed = bed.unexplained();
    assert_eq!((changed.change.kind, changed.change.sha256), (ChangeKind::Replaced, None));
    assert_eq!(changed.change.by[0].pid.0, pid);
    assert_eq!(bed.take_told(), []);
}
