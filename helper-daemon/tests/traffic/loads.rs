//! What makes an interpreter load other code, as it reaches the application's key.

use std::{
    fs,
    io::Write,
    net::TcpStream,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
};

use portolan_bus::QueryRow;

use crate::bed::{Bed, Programs};

/// In Debian's python3-minimal, as python3 itself.
const SCRIPT: &str = "/usr/bin/py3compile";

/// Has the packaged script write its version into a connection, however it is started.
fn run(command: &mut Command, address: &str) {
    let connection = TcpStream::connect(address).unwrap();
    let status = command.arg("--version").stdout(OwnedFd::from(connection)).status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// The applications that a program of this name belongs to.
fn applications(rows: &[QueryRow]) -> Vec<&str> {
    let python = rows
        .iter()
        .filter(|row| row.keys.get("path").is_some_and(|path| path.starts_with("/usr/bin/python3")));
    python.filter(|row| row.tx_bytes > 0).map(|row| row.keys["application"].as_str()).collect()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_packaged_script_is_its_package_s_only_while_nothing_makes_it_load_other_code() {
    if !Path::new(SCRIPT).exists() {
        return;
    }
    let bed = Bed::start();
    let server = bed.programs.server();
    let address = server.tcp_v4();
    run(Command::new(SCRIPT).env("PYTHONPATH", ""), &address);
    let rows = bed.query(&["application", "executable"]).await;
    assert_eq!(applications(&rows), [format!("deb:python3-minimal:{SCRIPT}")]);

    run(Command::new(SCRIPT).env("PYTHONPATH", "/nowhere"), &address);
    run(Command::new("/usr/bin/python3").arg(SCRIPT).env("PYTHONPATH", "/no".repeat(100)), &address);
    let many = (0..2000).map(|number| (format!("V{number}"), "x"));
    run(Command::new(SCRIPT).envs(many), &address);
    let rows = bed.query(&["application", "executable"]).await;
    let mut found = applications(&rows);
    found.sort_unstable();
    let expected = ["PYTHONPATH=/nowhere", "PYTHONPATH=?", "environment=?"]
        .map(|loads| format!("script:/usr/bin/python3:{loads} {SCRIPT}"));
    assert_eq!(found[0], format!("deb:python3-minimal:{SCRIPT}"));
    assert_eq!(found[1..], expected);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_the_kernel_cut_off_is_not_asked_of_the_program() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let address = server.tcp_v4();
    let (host, port) = address.rsplit_once(':').unwrap();
    let text = format!(
        "import socket\ns = socket.create_connection(('{host}', {port}))\ns.sendall(b'x' * 500)\ns.close()\n"
    );
    let script = bed.programs.path("x.py");
    fs::write(&script, text).unwrap();
    for options in [1000, 1400] {
        let mut command = Command::new("/usr/bin/python3");
        let status = command.args(vec!["-BBBBB"; options]).arg(&script).status().unwrap();
        assert!(status.success());
    }
    let rows = bed.query(&["application", "executable"]).await;
    let mut found = applications(&rows);
    found.sort_unstable();
    let expected = [script.to_str().unwrap(), "?"].map(|what| format!("script:/usr/bin/python3:{what}"));
    assert_eq!(found, expected);
}

/// A script that connects to the address that it is told on standard input, and sends.
fn waiting(programs: &Programs, name: &str, set: impl FnOnce(&mut Command)) -> Child {
    let script = programs.path(name);
    let text = "import socket\nhost, port = input().split(':')\n\
                s = socket.create_connection((host, int(port)))\ns.sendall(b'x' * 500)\ns.close()\n";
    fs::write(&script, text).unwrap();
    let mut command = Command::new("/usr/bin/python3");
    set(command.arg(script).stdin(Stdio::piped()));
    command.spawn().unwrap()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn of_a_program_that_was_there_before_the_daemon_the_same_is_found_out() {
    let programs = Programs::new();
    let long = "x".repeat(20_000);
    let mut children = [
        waiting(&programs, "a.py", |command| {
            command.env("PYTHONPATH", "/nowhere");
        }),
        waiting(&programs, "b.py", |command| {
            command.env_clear();
        }),
        waiting(&programs, "c.py", |command| {
            command.arg(&long);
        }),
    ];
    let bed = Bed::start();
    let server = bed.programs.server();
    for child in &mut children {
        child.stdin.take().unwrap().write_all(server.tcp_v4().as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
    let rows = bed.query(&["application", "executable"]).await;
    let mut found = applications(&rows);
    found.sort_unstable();
    let path = |name: &str| programs.path(name).to_str().unwrap().to_owned();
    let expected = [path("b.py"), path("c.py"), format!("PYTHONPATH=/nowhere {}", path("a.py"))];
    assert_eq!(found, expected.map(|what| format!("script:/usr/bin/python3:{what}")));
}
