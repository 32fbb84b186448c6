//! What the dynamic linker was told.

use std::{fs, process::Command};

use portolan_core::ForeignCodeKind::{Audit, LibraryPath, Preload};

use crate::{
    bed::{Bed, CAT, Process, compile, settle, sha256, told, unowned},
    request::request,
};

#[test]
#[ignore = "needs root and a C compiler"]
fn a_library_that_is_preloaded_into_a_package_is_told_once() {
    let mut bed = Bed::start();
    let library = bed.library("preloaded.so");
    let cat = Process::cat("LD_PRELOAD", &library);
    let asked = request(cat.0.id()).unwrap();
    let found = bed.look_as(asked.clone());
    assert_eq!(told(&found), unowned(Preload, &library));
    assert_eq!(found[0].since, asked.executed.wall);
    assert_eq!(bed.look(&cat), [], "it was told");
    let another = Process::cat("LD_PRELOAD", &library);
    assert_eq!(told(&bed.look(&another)), unowned(Preload, &library), "in another process");
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_preloaded_library_is_known_by_what_a_link_leads_to() {
    let mut bed = Bed::start();
    let library = bed.library("real.so");
    let link = bed.folder.path().join("link.so");
    std::os::unix::fs::symlink(&library, &link).unwrap();
    let cat = Process::cat("LD_PRELOAD", format!("/nothing.so:{}", link.display()));
    assert_eq!(told(&bed.look(&cat)), unowned(Preload, &library));
}

#[test]
#[ignore = "needs root and a C compiler"]
fn an_auditing_library_is_told() {
    let mut bed = Bed::start();
    let library = bed.library("audit.so");
    assert_eq!(told(&bed.look(&Process::cat("LD_AUDIT", &library))), unowned(Audit, &library));
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_library_in_the_place_of_the_machines_own_is_told() {
    let mut bed = Bed::start();
    let folder = bed.folder.path().join("lib");
    fs::create_dir(&folder).unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc =
        maps.lines().find_map(|line| line.split_once("/usr/").filter(|_| line.ends_with("/libc.so.6")));
    let shadow = folder.join("libc.so.6");
    fs::copy(format!("/usr/{}", libc.unwrap().1), &shadow).unwrap();
    let link = bed.folder.path().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    for place in [folder, link] {
        let cat = Process::cat("LD_LIBRARY_PATH", &place);
        assert_eq!(told(&bed.look(&cat)), unowned(LibraryPath, &shadow), "by {}", place.display());
    }
}

#[test]
#[ignore = "needs root and a C compiler"]
fn what_a_package_has_is_not_foreign_however_it_is_loaded() {
    let mut bed = Bed::start();
    let cat = Process::cat("LD_PRELOAD", "libz.so.1");
    assert!(fs::read_to_string(format!("/proc/{}/maps", cat.0.id())).unwrap().contains("libz.so"));
    assert_eq!(bed.look(&cat), []);
}

#[test]
#[ignore = "needs root and a C compiler"]
fn an_application_without_a_package_brings_its_own_libraries() {
    let mut bed = Bed::start();
    let actor = bed.actor("app/bin/actor");
    let own = bed.library("app/lib/own.so");
    // The folder of the test is the application's: all of /tmp is not.
    let other = Bed::start();
    let foreign = other.library("foreign.so");
    let preloads = format!("{}:{}", own.display(), foreign.display());
    let mut process = Process::start(Command::new(actor).env("LD_PRELOAD", preloads));
    process.tell("nothing");
    assert_eq!(told(&bed.look(&process)), unowned(Preload, &foreign));
}

#[test]
#[ignore = "needs root and a C compiler"]
fn of_a_process_that_has_ended_the_linkers_orders_are_known() {
    let mut bed = Bed::start();
    let library = bed.library("preloaded.so");
    let cat = Process::cat("LD_PRELOAD", format!("{} /nothing.so", library.display()));
    let asked = request(cat.0.id()).unwrap();
    drop(cat);
    assert_eq!(told(&bed.look_as(asked.clone())), unowned(Preload, &library));
    let mut later = asked;
    later.process.exec_generation += 1;
    let was = sha256(&library);
    fs::write(&library, "another content").unwrap();
    let found = bed.look_as(later);
    assert_eq!(found[0].sha256, None, "that it was {was} is not known");
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_linker_that_did_not_do_as_told_was_told_all_the_same() {
    let mut bed = Bed::start();
    let no_library = bed.folder.path().join("preloaded.so");
    fs::write(&no_library, "no library").unwrap();
    settle(&no_library);
    assert_eq!(told(&bed.look(&Process::cat("LD_PRELOAD", &no_library))), unowned(Preload, &no_library));
    assert_eq!(bed.look(&Process::cat("LD_PRELOAD", "/nothing.so")), [], "there is no such file");
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_program_without_a_linker_is_told_nothing() {
    let mut bed = Bed::start();
    let other = Bed::start();
    let library = other.library("preloaded.so");
    let program = bed.folder.path().join("static");
    let text = "#include <stdio.h>\nint main(void) { getchar(); puts(\"done\"); fflush(stdout); return getchar() + getchar(); }";
    compile(text, &program, &["-static"]);
    let mut process = Process::start(Command::new(&program).env("LD_PRELOAD", &library));
    process.tell("");
    assert_eq!(bed.look(&process), []);
    let process = Process::cat("LD_PRELOAD", &library);
    assert_eq!(bed.look(&process).len(), 1, "{CAT} has one");
}
