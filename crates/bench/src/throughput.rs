//! Bytes a second of iperf3, and requests of wrk against nginx, both over loopback.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use portolan_testbed::{Folder, Program, find_program};
use serde_json::Value;

use crate::{
    Effort,
    bed::Bed,
    cores::{Cores, on_core},
    figures::{Rounds, growth, percent},
    say,
    table::Table,
};

/// How long a server may take to listen, and a client to end after its time.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let rounds = effort.choose(9, 1);
    let seconds = effort.choose(3, 1);
    let (bed, cores) = (Bed::start()?, Cores::find()?);
    let nginx = Nginx::start(&effort.tools, cores)?;
    let (mut bits, mut requests) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    for round in 1..=rounds {
        say(&format!("round {round} of {rounds}"));
        let turns = if round % 2 == 0 { [1, 0] } else { [0, 1] };
        for turn in turns {
            let daemon = if turn == 1 { Some(bed.daemon()?) } else { None };
            if let (Some(bits), Some(requests)) = (bits.get_mut(turn), requests.get_mut(turn)) {
                bits.push(iperf(cores, seconds)?);
                requests.push(nginx.requests(cores, seconds)?);
            }
            drop(daemon);
        }
    }
    let mut table = Table::new(&["", "without", "with", "difference", "target"]);
    let [without, with] = bits.map(Rounds::from_iter);
    table.row(&[
        "iperf3, one TCP stream, Gbit/s".to_owned(),
        without.show(|bits| format!("{:.2}", bits / 1e9)),
        with.show(|bits| format!("{:.2}", bits / 1e9)),
        with.over(&without).show(percent),
        "≥ 99 %".to_owned(),
    ]);
    let [without, with] = requests.map(Rounds::from_iter);
    table.row(&[
        "wrk, 32 connections, 4 KiB from nginx, requests/s".to_owned(),
        without.show(|requests| format!("{requests:.0}")),
        with.show(|requests| format!("{requests:.0}")),
        // Of the time that a request takes.
        without.over(&with).show(growth),
        "≤ +2.0 %".to_owned(),
    ]);
    table.note(format!("Medians of {rounds} rounds of {seconds} s, least and most in brackets."));
    table.note("iperf3: the rate that is left. wrk: the growth of the time of a request.");
    Ok(vec![table])
}

/// One stream, from one core to the other; bits a second as received.
fn iperf(cores: Cores, seconds: u64) -> anyhow::Result<f64> {
    let port = free_port()?.to_string();
    let mut server = Command::new("iperf3");
    server.args(["--server", "--one-off", "--forceflush", "--bind", "127.0.0.1", "--port", &port]);
    let mut server = on_core(cores.server, || Ok(Program::start("iperf3", server)?))?;
    server.wait_for_line("the start of iperf3", PATIENCE, |line| line.contains("listening").then_some(()))?;
    let mut client = Command::new("iperf3");
    client.args(["--client", "127.0.0.1", "--port", &port, "--time", &seconds.to_string(), "--json"]);
    let output = on_core(cores.client, || to_the_end("iperf3", client, seconds))?;
    let answer: Value = serde_json::from_str(&output).context("iperf3 does not print JSON")?;
    let bits = answer.pointer("/end/sum_received/bits_per_second").and_then(Value::as_f64);
    bits.with_context(|| format!("iperf3 does not say what it received: {output}"))
}

/// A server with a configuration of its own, in the foreground.
struct Nginx {
    _program: Program,
    _folder: Folder,
    port: u16,
}

impl Nginx {
    fn start(tools: &Path, cores: Cores) -> anyhow::Result<Self> {
        let folder = Folder::for_everybody()?;
        let port = free_port()?;
        folder.write("page", &"portolan\n".repeat(4096 / 9))?;
        let dir = folder.path().display();
        let config = folder.write(
            "nginx.conf",
            &format!(
                "daemon off;\nuser root;\nworker_processes 1;\npid {dir}/pid;\nerror_log stderr;\n\
                 events {{ worker_connections 256; }}\n\
                 http {{\n  access_log off;\n  sendfile on;\n  keepalive_requests 1000000;\n\
                 client_body_temp_path {dir}/body;\n  proxy_temp_path {dir}/proxy;\n  fastcgi_temp_path {dir}/fastcgi;\n\
                 uwsgi_temp_path {dir}/uwsgi;\n  scgi_temp_path {dir}/scgi;\n\
                 server {{ listen 127.0.0.1:{port}; root {dir}; }}\n}}\n"
            ),
        )?;
        let mut command = Command::new(nginx(tools)?);
        command.arg("-e").arg("stderr").arg("-p").arg(folder.path()).arg("-c").arg(config);
        let mut program = on_core(cores.server, || Ok(Program::start("nginx", command)?))?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if program.try_status()?.is_some() || Instant::now() > deadline {
                bail!("nginx does not listen. It printed:\n{}", program.output());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { _program: program, _folder: folder, port })
    }

    /// Requests a second, as wrk counts them.
    fn requests(&self, cores: Cores, seconds: u64) -> anyhow::Result<f64> {
        let mut command = Command::new("wrk");
        command.args(["--threads", "1", "--connections", "32", "--duration", &format!("{seconds}s")]);
        command.arg(format!("http://127.0.0.1:{}/page", self.port));
        let output = on_core(cores.client, || to_the_end("wrk", command, seconds))?;
        if let Some(errors) =
            output.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
        {
            bail!("wrk had errors: {}", errors.trim());
        }
        let rate =
            output.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")?.trim().parse().ok());
        rate.with_context(|| format!("wrk does not say how many requests there were:\n{output}"))
    }
}

/// The program: installed, or unpacked where `cargo xtask bench` puts it.
fn nginx(tools: &Path) -> anyhow::Result<PathBuf> {
    let unpacked = fs::canonicalize(tools.join("debian/usr/sbin/nginx")).ok();
    unpacked.or_else(|| find_program("nginx")).context("nginx is not there; let `cargo xtask bench` get it")
}

fn to_the_end(name: &str, command: Command, seconds: u64) -> anyhow::Result<String> {
    let mut program = Program::start(name, command)?;
    let status = program.ended(Duration::from_secs(seconds) + PATIENCE)?;
    if !status.success() {
        bail!("{name} failed ({status}). It printed:\n{}", program.output());
    }
    Ok(program.output())
}

/// A port that nobody has at this moment.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
