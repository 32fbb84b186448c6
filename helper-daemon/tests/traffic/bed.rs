//! A daemon on a bus of its own, programs to move bytes with, and questions to ask.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portolan_bus::{Daemon1Proxy, History1Proxy, QueryRequest, QueryResult, QueryRow};
use portolan_testbed::{Daemon, DaemonOptions, Folder, Polkit, PrivateBus, Program, built};
use rustix::process::{Pid, Signal, kill_process};
use zbus::connection;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Bed {
    pub(crate) daemon: Daemon,
    pub(crate) bus: PrivateBus,
    pub(crate) programs: Programs,
}

impl Bed {
    pub(crate) fn start() -> Self {
        Self::start_with(&DaemonOptions::default())
    }

    pub(crate) fn start_with(options: &DaemonOptions) -> Self {
        let bus = PrivateBus::start(&Polkit::default()).unwrap();
        let daemon = Daemon::start_with(&bus, options).unwrap();
        Self { daemon, bus, programs: Programs::new() }
    }

    /// Waits for a daemon that was started again.
    pub(crate) fn wait_until_ready(&mut self) {
        self.bus.wait_for_name(portolan_bus::BUS_NAME, self.daemon.program(), PATIENCE).unwrap();
    }

    pub(crate) async fn proxy(&self) -> Daemon1Proxy<'static> {
        proxy(self.bus.address()).await
    }

    /// All rows of the history by these dimensions.
    pub(crate) async fn query(&self, by: &[&str]) -> Vec<QueryRow> {
        query(&self.proxy().await, by).await
    }

    /// What one program moved, by these dimensions.
    pub(crate) async fn query_program(&self, path: &Path, by: &[&str]) -> Vec<QueryRow> {
        answer_of(&self.proxy().await, &format!("exe:{path:?}"), by).await.groups.rows()
    }

    /// What one program moved, in all: sent, received, flows.
    pub(crate) async fn moved(&self, path: &Path) -> (u64, u64, u64) {
        let rows = self.query(&["executable"]).await;
        let rows = rows.iter().filter(|row| row.keys.get("path").is_some_and(|key| Path::new(key) == path));
        rows.fold((0, 0, 0), |sum, row| (sum.0 + row.tx_bytes, sum.1 + row.rx_bytes, sum.2 + row.flows))
    }
}

pub(crate) async fn proxy(address: &str) -> Daemon1Proxy<'static> {
    let connection = connection::Builder::address(address).unwrap().build().await.unwrap();
    Daemon1Proxy::new(&connection).await.unwrap()
}

pub(crate) async fn query(proxy: &Daemon1Proxy<'_>, by: &[&str]) -> Vec<QueryRow> {
    answer(proxy, by).await.groups.rows()
}

/// The whole answer, over the same connection.
pub(crate) async fn answer(proxy: &Daemon1Proxy<'_>, by: &[&str]) -> QueryResult {
    answer_of(proxy, "", by).await
}

/// The same, of what a query means.
pub(crate) async fn answer_of(proxy: &Daemon1Proxy<'_>, query: &str, by: &[&str]) -> QueryResult {
    let by = by.iter().map(|word| (*word).to_owned()).collect();
    let history = History1Proxy::new(proxy.inner().connection()).await.unwrap();
    history.query(&QueryRequest { query: query.to_owned(), by, ..QueryRequest::default() }).await.unwrap()
}

/// Copies of `portolan-traffic` under names of their own, each another executable.
pub(crate) struct Programs {
    folder: Folder,
}

impl Programs {
    pub(crate) fn new() -> Self {
        Self { folder: Folder::for_everybody().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::copy(built("portolan-traffic").unwrap(), &path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        // Who has asked for the file's ctime gets another one with the next change: a program that ends within a tick of
        // being written can be told from a changed one.
        fs::metadata(&path).unwrap();
        path
    }

    /// The same name with another content: what follows the end of an ELF file changes nothing but its hash.
    pub(crate) fn change(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut content = fs::read(&path).unwrap();
        content.push(0);
        let next = path.with_extension("next");
        fs::write(&next, content).unwrap();
        fs::set_permissions(&next, Permissions::from_mode(0o755)).unwrap();
        fs::rename(next, &path).unwrap();
        path
    }

    /// A copy of the daemon's program, changed.
    pub(crate) fn version(&self, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
        let path = self.folder.path().join("portoland");
        let mut program = fs::read(built("portoland").unwrap()).unwrap();
        change(&mut program);
        fs::write(&path, program).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn server(&self) -> Server {
        let mut command = Command::new(self.copy("server"));
        command.arg("serve");
        let mut program = Program::start_with_stdin("server", command).unwrap();
        let (tcp, udp) = program
            .wait_for_line("its ports", PATIENCE, |line| {
                let (tcp, udp) = line.strip_prefix("tcp=")?.split_once(" udp=")?;
                Some((tcp.parse().ok()?, udp.parse().ok()?))
            })
            .unwrap();
        Server { tcp, udp, _program: program }
    }
}

/// A server on every address of this machine.
pub(crate) struct Server {
    pub(crate) tcp: u16,
    pub(crate) udp: u16,
    _program: Program,
}

impl Server {
    pub(crate) fn tcp_v4(&self) -> String {
        format!("127.0.0.1:{}", self.tcp)
    }

    pub(crate) fn tcp_v6(&self) -> String {
        format!("[::1]:{}", self.tcp)
    }
}

/// A daemon that does nothing until this is dropped.
pub(crate) struct Stopped(Pid);

impl Stopped {
    pub(crate) fn new(bed: &Bed) -> Self {
        let pid = Pid::from_raw(bed.daemon.pid().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        kill_process(self.0, Signal::CONT).unwrap();
    }
}

/// Runs a program to its end.
pub(crate) fn run(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until a start can be told from the last change of a file, which has the stamp of the tick before it (at most 10 ms).
pub(crate) fn settle(path: &Path) {
    let changed = fs::metadata(path).unwrap();
    let changed =
        Duration::new(changed.ctime().try_into().unwrap(), changed.ctime_nsec().try_into().unwrap());
    while SystemTime::now().duration_since(UNIX_EPOCH).unwrap() < changed + Duration::from_millis(22) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The SHA-256 that coreutils computes.
pub(crate) fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}
