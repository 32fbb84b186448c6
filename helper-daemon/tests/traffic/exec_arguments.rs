//! What the kernel programs note of an exec: the arguments, and the names of the files.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::exec_facts::Watch;

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn the_name_of_a_script_is_the_one_that_exec_was_called_with() {
    let mut watch = Watch::start();
    let top = watch.folder.path().to_owned();
    let write = |name: &str, interpreter: &str| {
        let path = top.join(name);
        fs::write(&path, format!("#!{interpreter}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let inner = write("inner", "/bin/true inner");
    let outer = write("outer", &inner);
    let mut run = |name: &str, arguments: &[&str]| {
        assert!(Command::new(name).current_dir(&top).status().unwrap().success());
        let event = watch.exec_of(format!("{}\0", arguments.join("\0")).as_bytes());
        (event.name, event.script_name)
    };
    let by = |name: &str| (b"/bin/true".to_vec(), Some(name.as_bytes().to_vec()));
    assert_eq!(run(&inner, &["/bin/true", "inner", &inner]), by(&inner));
    assert_eq!(run("./inner", &["/bin/true", "inner", "./inner"]), by("./inner"));
    assert_eq!(run(&outer, &["/bin/true", "inner", &inner, &outer]), by(&outer));
    assert_eq!(run("/bin/true", &["/bin/true"]), (b"/bin/true".to_vec(), None));
    let long = format!("{}/inner", "/.".repeat(512));
    let long = format!("{}{long}", top.to_str().unwrap());
    assert_eq!(run(&long, &["/bin/true", "inner", &long]), by(""), "too long to be told");
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn long_arguments_come_whole_with_a_burst_of_execs() {
    let mut watch = Watch::start();
    // Nobody reads meanwhile.
    let script = "a=$(printf %08150d 0); i=100; while [ $i -lt 200 ]; do /bin/true $i $a; i=$((i+1)); done";
    assert!(Command::new("sh").args(["-c", script]).status().unwrap().success());
    for index in 100..200 {
        let event = watch.exec_of(format!("/bin/true\0{index}\0{}\0", "0".repeat(8150)).as_bytes());
        assert!(!event.arguments_truncated);
    }
    for (length, is_cut) in [(8192, false), (8193, true)] {
        let arguments = format!("/bin/true\0{}\0", "x".repeat(length - 11));
        assert_eq!(arguments.len(), length);
        let word = arguments.split('\0').nth(1).unwrap();
        assert!(Command::new("/bin/true").arg(word).status().unwrap().success());
        let event = watch.exec_of(&arguments.as_bytes()[..8192]);
        assert_eq!(event.arguments_truncated, is_cut, "{length}");
    }
}
