//! Processes and names that make it hard.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use portolan_core::{
    ForeignCodeKind::{Library, Preload},
    Provenance, Untrusted,
};

use crate::{
    bed::{Bed, CAT, Process, sha256, told, unowned},
    fuse::{Mount, OPEN, READ},
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

#[test]
#[ignore = "needs root, a C compiler and FUSE"]
fn a_server_is_not_asked_for_the_library_that_it_serves() {
    let mut bed = Bed::start();
    let library = bed.library("to-be-served.so");
    let this = std::env::current_exe().unwrap();
    let asked = Arc::new(AtomicBool::new(false));
    let asking = Arc::clone(&asked);
    let mount = Mount::of(bed.folder.path(), &library, move |request| {
        let is_this = request.program().is_some_and(|program| program == this);
        asking.fetch_or(is_this && [OPEN, READ].contains(&request.operation()), Ordering::Relaxed);
        !is_this
    });
    let mut python = Process::python();
    python.tell(format!("ctypes.CDLL('{}')", mount.file().display()));
    let found = bed.look(&python);
    assert_eq!(told(&found), [(Library, mount.file().to_str().unwrap().to_owned(), None, false)]);
    let why = "it is behind a server, which may never answer";
    assert_eq!(found[0].provenance, Some(Provenance::Unknown(why.to_owned())));
    assert!(!asked.load(Ordering::Relaxed));
    let cat = Process::cat("LD_PRELOAD", mount.file());
    assert_eq!(bed.look(&cat)[0].kind, Preload);
    drop((python, cat));
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_process_that_ends_while_it_is_looked_at_is_told_of_once() {
    let mut bed = Bed::start();
    let library = bed.library("preloaded.so");
    for _ in 0..100 {
        let cat = Process::cat("LD_PRELOAD", &library);
        let asked = request(cat.0.id()).unwrap();
        let ending = std::thread::spawn(move || drop(cat));
        assert_eq!(told(&bed.look_as(asked.clone())), unowned(Preload, &library));
        ending.join().unwrap();
        assert_eq!(bed.look_as(asked), []);
    }
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_process_that_executes_another_program_while_it_is_looked_at_is_not_told_of_as_the_first() {
    let mut bed = Bed::start();
    let actor = bed.actor("app/actor");
    let own = bed.library("app/own.so");
    for _ in 0..100 {
        // To the actor it belongs; to cat it does not.
        let mut process = Process::start(Command::new(&actor).env("LD_PRELOAD", &own));
        process.tell("nothing");
        let asked = request(process.0.id()).unwrap();
        let executing = std::thread::spawn(move || {
            process.tell(format!("exec {CAT}"));
            process
        });
        assert_eq!(bed.look_as(asked), []);
        drop(executing.join().unwrap());
    }
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_library_among_two_hundred_others_is_found() {
    let mut bed = Bed::start();
    let other = Bed::start();
    let actor = bed.actor("app/actor");
    let own = bed.library("app/own.so");
    let mut process = Process::start(&mut Command::new(&actor));
    for number in 0..200_u8 {
        let copy = own.with_file_name(format!("{number}.so"));
        fs::write(&copy, [&fs::read(&own).unwrap()[..], &[number]].concat()).unwrap();
        process.tell(format!("dlopen {}", copy.display()));
    }
    let library = other.library("hidden.so");
    process.tell(format!("dlopen {}", library.display()));
    assert_eq!(told(&bed.look(&process)), unowned(Library, &library), "more than are held open at a time");
}
