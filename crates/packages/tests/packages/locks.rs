//! Who is at work, as the locks say. The lock is held by another process: this program, started again.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, stdin},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::root::Root;
use portolan_packages::Manager;
use rustix::fs::{FlockOperation, fcntl_lock};

/// What the other process does: it locks the file that is named, says so, and waits for its input to end.
#[test]
fn hold() {
    let Some(path) = std::env::var_os("PORTOLAN_TEST_LOCK") else { return };
    let file = File::options().read(true).write(true).open(path).unwrap();
    let is_reader = std::env::var_os("PORTOLAN_TEST_READS").is_some();
    let how = if is_reader { FlockOperation::LockShared } else { FlockOperation::LockExclusive };
    fcntl_lock(&file, how).unwrap();
    println!("\nlocked");
    stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn holder(path: &Path, is_reader: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "locks::hold", "--nocapture"]).env("PORTOLAN_TEST_LOCK", path);
    if is_reader {
        command.env("PORTOLAN_TEST_READS", "1");
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "locked"));
    child
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_lock_is_seen_while_it_is_held() {
    for (path, manager) in [
        ("var/lib/dpkg/lock", Manager::Dpkg),
        ("var/lib/dpkg/lock-frontend", Manager::Dpkg),
        ("usr/lib/sysimage/rpm/.rpm.lock", Manager::Rpm),
        ("var/lib/rpm/.rpm.lock", Manager::Rpm),
    ] {
        let root = Root::new();
        root.write(path, "");
        assert_eq!(root.packages().at_work().unwrap(), [], "{path}");
        assert_eq!(root.packages().holders().unwrap(), [], "{path}");
        let reader = holder(&root.at(path), true);
        assert_eq!(root.packages().at_work().unwrap(), [], "{path}");
        end(reader);
        let writer = holder(&root.at(path), false);
        assert_eq!(root.packages().at_work().unwrap(), [manager], "{path}");
        assert_eq!(root.packages().holders().unwrap(), [writer.id()], "{path}");
        end(writer);
        assert_eq!(root.packages().at_work().unwrap(), [], "{path}");
    }
}

#[test]
fn pacman_is_at_work_while_its_file_is_there() {
    let root = Root::new();
    root.write("var/lib/pacman/local/ALPM_DB_VERSION", "9\n");
    assert_eq!(root.packages().at_work().unwrap(), []);
    root.write("var/lib/pacman/db.lck", "");
    assert_eq!(root.packages().at_work().unwrap(), [Manager::Pacman]);
}
