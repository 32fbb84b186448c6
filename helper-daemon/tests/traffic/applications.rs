//! Real programs, as the rules of docs/identity.md name them.

use std::{fs, path::Path, process::Command};

use portolan_bus::QueryRow;

use crate::bed::{Bed, sha256};

/// What an application moved.
fn of<'a>(rows: &'a [QueryRow], application: &str) -> Option<&'a QueryRow> {
    rows.iter().find(|row| row.keys.get("application").is_some_and(|key| key == application))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A program in Python that sends so many bytes.
fn python(address: &str, bytes: u64) -> String {
    let (host, port) = address.rsplit_once(':').unwrap();
    format!(
        "import socket\ns = socket.create_connection(('{host}', {port}))\ns.sendall(b'x' * {bytes})\ns.close()\n"
    )
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_script_is_named_with_its_interpreter_however_it_is_started() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let script = bed.programs.path("talk er.py");
    let text = format!("#!/usr/bin/python3\n{}", python(&server.tcp_v4(), 500));
    fs::write(&script, &text).unwrap();
    run(Command::new("chmod").arg("+x").arg(&script));
    // By its name, by the interpreter, relative to a folder, through options.
    run(&mut Command::new(&script));
    run(Command::new("/usr/bin/python3").arg(&script));
    run(Command::new("/usr/bin/python3")
        .args(["-B", "-u", "talk er.py", "argument"])
        .current_dir(script.parent().unwrap()));
    run(Command::new("/usr/bin/python3").args(["-c", &python(&server.tcp_v4(), 11)]));
    let rows = bed.query(&["application", "executable"]).await;
    let row = of(&rows, &format!("script:/usr/bin/python3:{}", script.display()))
        .unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!((row.tx_bytes, row.flows), (1500, 3), "{rows:?}");
    let row = of(&rows, "script:/usr/bin/python3:-c").unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(row.tx_bytes, 11);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_packaged_program_is_its_package_s_and_a_copy_is_not() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let (host, port) =
        server.tcp_v4().rsplit_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).unwrap();
    let perl = fs::canonicalize("/usr/bin/perl").unwrap();
    let copy = bed.programs.path("perl-copy");
    fs::copy(&perl, &copy).unwrap();
    let script = bed.programs.path("talk.pl");
    let text = format!(
        "use IO::Socket::INET; my $s = IO::Socket::INET->new('{host}:{port}') or die; print $s 'x' x 700; close $s;"
    );
    fs::write(&script, text).unwrap();
    run(Command::new(&perl).arg(&script));
    run(Command::new(&copy).arg(&script));
    let rows = bed.query(&["application", "executable"]).await;
    let row = of(&rows, &format!("script:/usr/bin/perl:{}", script.display()))
        .unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(
        (row.tx_bytes, row.keys["sha256"].as_str()),
        (700, sha256(Path::new("/usr/bin/perl")).as_str())
    );
    let row = of(&rows, &format!("path:{}", copy.display())).unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(row.tx_bytes, 700);
}
