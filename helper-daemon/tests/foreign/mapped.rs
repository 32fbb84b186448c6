//! What is mapped, however it came there.

use std::{fs, process::Command};

use portolan_core::{ForeignCodeKind, ForeignCodeKind::Library, Provenance};

use crate::bed::{Bed, CAT, Process, sha256, told, unowned};

#[test]
#[ignore = "needs root and a C compiler"]
fn a_library_that_is_loaded_later_is_told_then() {
    let mut bed = Bed::start();
    let library = bed.library("late.so");
    let mut python = Process::python();
    python.tell("pass");
    assert_eq!(bed.look(&python), [], "python is a package's");
    python.tell(format!("ctypes.CDLL('{}')", library.display()));
    assert_eq!(told(&bed.look(&python)), unowned(Library, &library));
    assert_eq!(bed.look(&python), []);
}

#[test]
#[ignore = "needs root, a C compiler and gdb"]
fn a_library_that_a_debugger_loads_is_told() {
    let mut bed = Bed::start();
    let library = bed.library("injected.so");
    let mut cat = Process::start(&mut Command::new(CAT));
    cat.tell("done");
    assert_eq!(bed.look(&cat), []);
    let call = format!("call ((void*(*)(const char*, int))dlopen)(\"{}\", 2)", library.display());
    let pid = cat.0.id().to_string();
    let gdb = Command::new("gdb").args(["-nx", "-batch", "-p", &pid, "-ex", &call]).output().unwrap();
    assert!(gdb.status.success(), "{}", String::from_utf8_lossy(&gdb.stderr));
    assert_eq!(told(&bed.look(&cat)), unowned(Library, &library));
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_library_that_was_removed_is_told_with_its_hash() {
    let mut bed = Bed::start();
    let library = bed.library("removed.so");
    let mut python = Process::python();
    python.tell(format!("ctypes.CDLL('{}')", library.display()));
    let expected = unowned(Library, &library);
    fs::remove_file(&library).unwrap();
    assert_eq!(told(&bed.look(&python)), expected);
    // Another file in its place is not what is mapped.
    fs::write(&library, "another").unwrap();
    let mut again = crate::request::request(python.0.id()).unwrap();
    again.process.exec_generation = 1;
    assert_eq!(told(&bed.look_as(again)), expected);
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_library_in_memory_is_told_with_its_hash() {
    let mut bed = Bed::start();
    let library = bed.library("app/in-memory.so");
    let mut actor = Process::start(&mut Command::new(bed.actor("app/actor")));
    actor.tell(format!("memfd {}", library.display()));
    let found = bed.look(&actor);
    assert_eq!(told(&found), [(Library, "memfd:hidden".to_owned(), Some(sha256(&library)), false)]);
    assert!(matches!(&found[0].provenance, Some(Provenance::Unknown(why)) if why == "it is in memory only"));
    assert_eq!(bed.look(&actor), []);
}

#[test]
#[ignore = "needs root and a C compiler"]
fn memory_that_a_program_normally_does_not_have_is_told() {
    let mut bed = Bed::start();
    let actor = bed.actor("actor");
    let mut process = Process::start(&mut Command::new(&actor));
    process.tell("nothing");
    for _ in 0..5 {
        assert_eq!(bed.look(&process), []);
    }
    process.tell("anonymous");
    let found = bed.look(&process);
    assert_eq!(told(&found), [(ForeignCodeKind::Anonymous, String::new(), None, false)]);
    assert_eq!(bed.look(&process), []);
}

#[test]
#[ignore = "needs root and a C compiler"]
fn memory_that_a_program_has_from_the_start_is_its_own() {
    let mut bed = Bed::start();
    let mut process = Process::start(&mut Command::new(bed.actor("actor")));
    process.tell("anonymous");
    for _ in 0..7 {
        assert_eq!(bed.look(&process), []);
    }
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_file_over_a_packages_file_that_only_its_process_sees_is_told() {
    let mut bed = Bed::start();
    let target = fs::canonicalize("/usr/lib/x86_64-linux-gnu/libz.so.1").unwrap();
    let other = bed.folder.path().join("libz.so");
    fs::copy(&target, &other).unwrap();
    let script = format!("mount --bind {} {} && exec {CAT}", other.display(), target.display());
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script]).env("LD_PRELOAD", &target);
    let mut cat = Process::start(&mut command);
    cat.tell("done");
    let found = bed.look(&cat);
    let path = target.to_str().unwrap().to_owned();
    assert_eq!(told(&found), [(ForeignCodeKind::Preload, path, Some(sha256(&other)), false)]);
}

#[test]
#[ignore = "needs root and a C compiler"]
fn of_a_container_the_machines_databases_say_nothing() {
    let mut bed = Bed::start();
    let library = bed.library("root/x.so");
    let root = library.parent().unwrap();
    let copies = format!("cp -L --parents {CAT} $(ldd {CAT} | grep -o '/[^ ]*') {}", root.display());
    assert!(Command::new("sh").args(["-c", &copies]).status().unwrap().success());
    fs::create_dir(root.join("old")).unwrap();
    let script = format!("mount --bind {0} {0} && cd {0} && pivot_root . old && exec {CAT}", root.display());
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script]).env("LD_PRELOAD", "/x.so");
    let mut cat = Process::start(&mut command);
    cat.tell("done");
    let maps = fs::read_to_string(format!("/proc/{}/maps", cat.0.id())).unwrap();
    assert!(maps.contains(" /x.so\n"), "{maps}");
    assert_eq!(bed.look(&cat), []);
    fs::remove_file(root.join(CAT.trim_start_matches('/'))).unwrap();
    assert_eq!(bed.look(&cat), [], "what was removed there was not the machine's");
}
