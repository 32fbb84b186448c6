//! 30: who is it, really?
//!
//! The executable is what the kernel executed: the dynamic linker, the interpreter, busybox. Which program or script that
//! was told to run stands in its command line.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use portolan_testbed::{Program, find_program};

use crate::{Expected, Pace, Place, Scenario, Trial, address::PEER_V4, cannot_run, sha256};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 30,
    name: "ld.so, scripts, busybox, setuid",
    special: "started through another program: who is it really",
    pace: Pace::Quick,
    run,
}];

const PATIENCE: Duration = Duration::from_secs(30);

/// Each says what comes and what it wants, sends `up` bytes and reads `down` bytes, as `tcp` does; each counts by itself.
const SCRIPTS: [(&str, &str); 3] = [
    (
        "python3",
        r#"import os, socket, sys
host, port, up, down = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
s = socket.create_connection((host, port))
data = up.to_bytes(8, "big") + down.to_bytes(8, "big") + b"p" * up
tx = rx = 0
while tx < len(data):
    tx += s.send(data[tx:])
s.shutdown(socket.SHUT_WR)
while True:
    part = s.recv(65536)
    if not part:
        break
    rx += len(part)
print(f"script tx={tx} rx={rx}")
"#,
    ),
    (
        "perl",
        r#"use IO::Socket::INET;
my ($host, $port, $up, $down) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => "tcp") or die "connect: $!";
my $data = pack("NNNN", 0, $up, 0, $down) . ("p" x $up);
my ($tx, $rx) = (0, 0);
while ($tx < length $data) { my $n = syswrite($s, $data, length($data) - $tx, $tx) or die "send: $!"; $tx += $n; }
shutdown($s, 1);
while (my $n = sysread($s, my $part, 65536)) { $rx += $n; }
print "script tx=$tx rx=$rx\n";
"#,
    ),
    // dash has no sockets: the script is the parent, and its program is found through the folder that the script is in.
    (
        "dash",
        "printf 'script tx=0 rx=0\\n'; \"$(dirname \"$0\")/of-dash\" tcp to=\"$1:$2\" up=\"$3\" down=\"$4\"\n",
    ),
];

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let port = peer.port("tcp");
    through_linker(trial, port)?;
    for (interpreter, text) in SCRIPTS {
        script(trial, interpreter, text, port)?;
    }
    busybox(trial, port)?;
    setuid(trial, port)?;
    trial.end(peer)
}

fn through_linker(trial: &mut Trial<'_>, port: u16) -> anyhow::Result<()> {
    let program = trial.copy("linked")?;
    let listing = Command::new("ldd").arg(&program).output().context("ldd could not be started")?;
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    let linker = listing.split_whitespace().find(|word| word.starts_with('/') && word.contains("ld-linux"));
    let linker = resolved(Path::new(linker.context("ldd names no dynamic linker")?))?;
    let (up, down) = (trial.random(1..=500_000), trial.random(0..=500_000));
    let words = [
        program.display().to_string(),
        "tcp".to_owned(),
        format!("to={PEER_V4}:{port}"),
        format!("up={up}"),
        format!("down={down}"),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // Its own line names the program, but the file that runs is the linker's.
    end(trial.start(Place::Host, &linker, &words)?)?;
    by_command(trial, &linker, &program, 16 + up, down)
}

fn script(trial: &mut Trial<'_>, name: &str, text: &str, port: u16) -> anyhow::Result<()> {
    let interpreter = resolved(&interpreter(name)?)?;
    let path = trial.folder().join(format!("script-of-{name}"));
    fs::write(&path, format!("#!{}\n{text}", interpreter.display())).context("cannot write a script")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).context("cannot write a script")?;
    let (up, down) = (trial.random(1..=500_000), trial.random(0..=500_000));
    let words = [PEER_V4.to_owned(), port.to_string(), up.to_string(), down.to_string()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if name == "dash" {
        let child = trial.copy("of-dash")?;
        let program = trial.start(Place::Host, &path, &words)?;
        trial.finish(program)?;
        trial.expected(&child)?.parent = Some(interpreter);
        return Ok(());
    }
    let output = end(trial.start(Place::Host, &path, &words)?)?;
    ensure!(
        output.contains(&format!("script tx={} rx={down}", up + 16)),
        "the {name} script moved something else: {output}"
    );
    by_command(trial, &interpreter, &path, 16 + up, down)
}

/// busybox under the name of one of its applets, which is a link to it.
fn busybox(trial: &mut Trial<'_>, port: u16) -> anyhow::Result<()> {
    let installed = find_program("busybox").ok_or_else(|| cannot_run("busybox is not installed"))?;
    let (own, applet) = (trial.folder().join("own-busybox"), trial.folder().join("nc"));
    fs::copy(installed, &own).context("cannot copy busybox")?;
    symlink(&own, &applet).context("cannot make the link of an applet")?;
    let (up, down) = (trial.random(1..=200_000), trial.random(0..=200_000));
    let input = trial.folder().join("nc-input");
    let request = [&up.to_be_bytes()[..], &down.to_be_bytes()[..], &vec![30; usize::try_from(up)?]].concat();
    fs::write(&input, request).context("cannot write what nc sends")?;
    let mut command = Command::new(&applet);
    command.args([PEER_V4, &port.to_string()]);
    let input = fs::File::open(input).context("cannot read what nc sends")?;
    // nc goes on until the peer closes, which it does when it has sent what was asked for and this end is closed.
    let output = trial.world.enter(Place::Host, || command.stdin(input).output())?;
    let output = output.context("busybox could not be started")?;
    ensure!(output.status.success(), "nc failed: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(u64::try_from(output.stdout.len())? == down, "nc received {} bytes", output.stdout.len());
    let parent = Some(std::env::current_exe().context("cannot find out my own path")?);
    let sha256 = sha256(&own)?;
    trial.expect(Expected { sha256, parent, tx: 16 + up, rx: down, ..Expected::of(&own) });
    Ok(())
}

/// A setuid program of root that nobody started: it is nobody's.
fn setuid(trial: &mut Trial<'_>, port: u16) -> anyhow::Result<()> {
    const NOBODY: u32 = 65_534;
    let path = trial.copy("setuid")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).context("cannot make a setuid program")?;
    let words = [
        format!("to={PEER_V4}:{port}"),
        format!("up={}", trial.random(1..=500_000)),
        format!("down={}", trial.random(0..=500_000)),
    ];
    let mut command = Command::new(&path);
    command.arg("tcp").args(&words);
    std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
    let program = trial.world.enter(Place::Host, || Program::start("setuid", command))??;
    trial.finish(program)?;
    trial.expected(&path)?.user = Some(NOBODY);
    Ok(())
}

/// What is expected of a file of the system that others may run as well: only what it did for `what`.
fn by_command(trial: &mut Trial<'_>, path: &Path, what: &Path, tx: u64, rx: u64) -> anyhow::Result<()> {
    let command = Some(what.display().to_string());
    let parent = Some(std::env::current_exe().context("cannot find out my own path")?);
    let sha256 = sha256(path)?;
    trial.expect(Expected { sha256, parent, command, tx, rx, ..Expected::of(path) });
    Ok(())
}

fn end(mut program: Program) -> anyhow::Result<String> {
    program.close_stdin();
    let status = program.ended(PATIENCE)?;
    ensure!(status.success(), "{} failed ({status}): {}", program.name(), program.output());
    Ok(program.output())
}

/// The distribution's own, not a wrapper that comes before it in PATH.
fn interpreter(name: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new("/usr/bin").join(name);
    if path.exists() { Ok(path) } else { Err(cannot_run(format!("{name} is not installed"))) }
}

fn resolved(path: &Path) -> anyhow::Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("cannot resolve {}", path.display()))
}
