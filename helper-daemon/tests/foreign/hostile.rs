//! Processes and names that make it hard.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, process::Command};

use portolan_core::{ForeignCodeKind::Library, Untrusted};

use crate::{
    bed::{Bed, CAT, Process, sha256, told, unowned},
    request::request,
};

#[test]
#[ignore = "needs root and a C compiler"]
fn a_hostile_name_is_told_as_it_is() {
    let mut bed = Bed::start();
    for name in [
        &b"a\nb.so"[..],
        b"a\\012b.so",
        b"a b  c.so",
        b" r-xp 0 00:00 0 [vdso]",
        b"removed.so (deleted)",
        b"\xff\xfe.so",
        "\u{202e}os.so".as_bytes(),
    ] {
        let library = bed.library(OsStr::from_bytes(name));
        let mut python = Process::python();
        let bytes: Vec<String> = library.as_os_str().as_bytes().iter().map(u8::to_string).collect();
        python.tell(format!("import os; ctypes.CDLL(os.fsdecode(bytes([{}])))", bytes.join(",")));
        let path = Untrusted::from_bytes(library.as_os_str().as_bytes());
        let expected = [(Library, path.as_raw().to_owned(), Some(sha256(&library)), true)];
        assert_eq!(told(&bed.look(&python)), expected);
    }
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_library_among_five_thousand_mappings_is_found() {
    let mut bed = Bed::start();
    let other = Bed::start();
    let library = other.library("hidden.so");
    let mut actor = Process::start(&mut Command::new(bed.actor("actor")));
    actor.tell("many 5000");
    actor.tell(format!("dlopen {}", library.display()));
    let maps = fs::read_to_string(format!("/proc/{}/maps", actor.0.id())).unwrap();
    assert!(maps.lines().count() > 5000);
    assert_eq!(told(&bed.look(&actor)), unowned(Library, &library));
}

#[test]
#[ignore = "needs root and a C compiler"]
fn nothing_is_told_of_a_process_that_runs_another_program_by_now() {
    let mut bed = Bed::start();
    let library = bed.library("preloaded.so");
    let mut actor = Process::start(Command::new(bed.actor("actor")).env("LD_PRELOAD", &library));
    actor.tell("nothing");
    let asked = request(actor.0.id()).unwrap();
    actor.tell(format!("exec {CAT}"));
    actor.tell("done");
    assert_eq!(bed.look_as(asked), []);
    assert_eq!(bed.look(&actor).len(), 1, "it is told of what it runs");
}

#[test]
#[ignore = "needs root and a C compiler"]
fn nothing_is_told_of_another_process_with_the_same_number() {
    let mut bed = Bed::start();
    let library = bed.library("late.so");
    let mut python = Process::python();
    python.tell(format!("ctypes.CDLL('{}')", library.display()));
    let mut asked = request(python.0.id()).unwrap();
    asked.process.started.0 -= 10_000_000;
    assert_eq!(bed.look_as(asked), []);
    assert_eq!(bed.look(&python).len(), 1);
}
