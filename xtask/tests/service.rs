//! Root's part of `cargo xtask run`: it starts the daemon, says that it is ready, and ends with its stdin.

use std::{
    error::Error,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use portolan_bus::BUS_NAME;
use portolan_testbed::{Folder, Polkit, PrivateBus};

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn it_ends_with_its_stdin() -> Result<(), Box<dyn Error>> {
    let bus = PrivateBus::start(&Polkit::default())?;
    let folder = Folder::for_everybody()?;
    let mut service = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["service", "--uid", "0", "--name", "root", "--bus", bus.address(), "--run-dir"])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdin = service.stdin.take();
    let mut lines = BufReader::new(service.stdout.take().ok_or("no stdout")?).lines();
    // It ends with an error, and so do the lines, when the daemon does not start.
    assert!(lines.any(|line| line.is_ok_and(|line| line.starts_with("ready"))));
    assert!(bus.is_owned(BUS_NAME)?);

    drop(stdin);
    assert!(service.wait()?.success());
    assert!(!bus.is_owned(BUS_NAME)?);
    assert!(folder.path().join("state/history.sqlite").exists());
    Ok(())
}
