//! What the daemon itself uses: idle, with many connections, and with many open sockets.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use portolan_testbed::Daemon;
use rustix::{
    net::sockopt::set_socket_linger,
    process::{Resource, Rlimit, setrlimit},
};

use crate::{
    Effort,
    bed::Bed,
    connections::{MESSAGE, connect, connections_at, loopback},
    cores::Cores,
    figures::figure,
    process::{cpu_time, pss},
    say,
    table::Table,
};

/// The daemon reads the counters so often, unless it is configured otherwise.
const TICK: Duration = Duration::from_secs(1);
const MIB: f64 = 1_048_576.0;

/// What the daemon used during a time.
struct Used {
    cpu: Duration,
    elapsed: Duration,
    pss: u64,
}

impl Used {
    /// Measures the daemon while `work` runs.
    fn during<T>(daemon: &Daemon, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(Self, T)> {
        let (before, began) = (cpu_time(daemon.pid())?, Instant::now());
        let done = work()?;
        let cpu = cpu_time(daemon.pid())?.saturating_sub(before);
        Ok((Self { cpu, elapsed: began.elapsed(), pss: pss(daemon.pid())? }, done))
    }

    /// Measures it while nothing is done.
    fn resting(daemon: &Daemon, seconds: u64) -> anyhow::Result<Self> {
        let (used, ()) = Self::during(daemon, || {
            rest(seconds);
            Ok(())
        })?;
        Ok(used)
    }

    /// Share of a core.
    fn share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    fn cells(&self) -> [String; 3] {
        let ticks = self.elapsed.as_secs_f64() / TICK.as_secs_f64();
        [
            format!("{:.2} %", self.share() * 100.0),
            format!("{:.2}", self.cpu.as_secs_f64() * 1e3 / ticks),
            format!("{:.1}", figure(self.pss) / MIB),
        ]
    }
}

pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let bed = Bed::start()?;
    let mut table = Table::new(&["the daemon", "CPU, of a core", "CPU of a tick, ms", "PSS, MiB", "target"]);
    let mut row = |name: String, used: &Used, target: &str| {
        let [share, tick, pss] = used.cells();
        table.row(&[name, share, tick, pss, target.to_owned()]);
    };

    let daemon = bed.daemon()?;
    rest(effort.choose(20, 2));
    say("idle");
    let idle = Used::resting(&daemon, effort.choose(60, 5))?;
    row("idle".to_owned(), &idle, "≤ 0.1 %, ≤ 15 MB");

    say("1,000 connections a second");
    let time = Duration::from_secs(effort.choose(30, 3));
    let pace = Duration::from_millis(1);
    let (busy, paced) = Used::during(&daemon, || connections_at(Cores::find()?, time, pace))?;
    row(format!("{:.0} connections a second", paced.per_second()), &busy, "–");
    drop(daemon);

    for (count, target) in [(10_000, "a tick ≤ 5 ms"), (effort.choose(100_000, 20_000), "–")] {
        say(&format!("{count} open sockets"));
        let daemon = bed.daemon()?;
        let sockets = Sockets::open(count)?;
        // What was opened is taken in, and written into the history.
        rest(effort.choose(25, 12));
        let open = Used::resting(&daemon, effort.choose(20, 5))?;
        row(format!("{count} open sockets"), &open, target);
        if count == 10_000 {
            let (moving, ()) = Used::during(&daemon, || sockets.move_each_second(effort.choose(20, 5)))?;
            row(format!("{count} open sockets, each with a message a second"), &moving, "–");
        }
        drop(sockets);
        rest(effort.choose(5, 1));
    }
    table.note(
        "CPU time of the whole process, as the kernel counts it in nanoseconds; a tick is its share of one second, so it \
         holds what is done between the ticks as well.",
    );
    table.note("Half of the sockets is each side of TCP connections over loopback. PSS is that at the end.");
    Ok(vec![table])
}

fn rest(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}

/// Connections of this process with itself, each of which has moved a message both ways.
struct Sockets {
    pairs: Vec<(TcpStream, TcpStream)>,
}

impl Sockets {
    /// Two sockets a connection.
    fn open(count: usize) -> anyhow::Result<Self> {
        allow_descriptors(count + 1000)?;
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let port = listener.local_addr()?.port();
        let mut pairs = Vec::new();
        for number in 0..u32::try_from(count / 2)? {
            // To another address now and then, because the ports of one are few.
            let client = connect(SocketAddr::from((loopback(number / 8192), port)))?;
            let (server, _) = listener.accept()?;
            // Closed without a minute of waiting, in which the kernel would keep them.
            set_socket_linger(&client, Some(Duration::ZERO))?;
            pairs.push((client, server));
        }
        let sockets = Self { pairs };
        sockets.move_once()?;
        Ok(sockets)
    }

    fn move_once(&self) -> anyhow::Result<()> {
        for (mut client, mut server) in self.pairs.iter().map(|(client, server)| (client, server)) {
            client.write_all(&MESSAGE)?;
            server.read_exact(&mut [0; MESSAGE.len()])?;
            server.write_all(&MESSAGE)?;
            client.read_exact(&mut [0; MESSAGE.len()])?;
        }
        Ok(())
    }

    fn move_each_second(&self, seconds: u32) -> anyhow::Result<()> {
        let began = Instant::now();
        for second in 1..=seconds {
            self.move_once()?;
            thread::sleep((TICK * second).saturating_sub(began.elapsed()));
        }
        Ok(())
    }
}

/// A limit of this process alone.
fn allow_descriptors(count: usize) -> anyhow::Result<()> {
    let count = u64::try_from(count)?;
    let limit = Rlimit { current: Some(count), maximum: Some(count) };
    setrlimit(Resource::Nofile, limit).with_context(|| format!("this may not open {count} descriptors"))
}
