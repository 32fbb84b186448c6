//! Known bytes through loopback, compared with what the kernel programs counted.
//!
//! The daemon itself opens no internet socket: a short-lived child does, which is this program again.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    time::Duration,
};

use portolan_bus::{SelfTest, SelfTestState};
use portolan_core::{Bytes, MonotonicNs, Pid, ProcessKey, UnixMillis};

const TCP_BYTES: usize = 100_003;
const DATAGRAMS: usize = 10;
const DATAGRAM_BYTES: usize = 997;
const WAIT: Duration = Duration::from_secs(5);
/// After the child's end, how long its last bytes may take to be read.
const PATIENCE_NS: u64 = 3_000_000_000;
/// How long the child may run.
const LIMIT_NS: u64 = 20_000_000_000;

/// What the child moves, by TCP and UDP together: everything it sends, it receives.
fn expected() -> Bytes {
    let bytes = u64::try_from(TCP_BYTES + DATAGRAMS * DATAGRAM_BYTES).unwrap_or_default();
    Bytes { tx: bytes, rx: bytes }
}

/// The child's work.
///
/// # Errors
/// When loopback does not work.
pub fn move_known_bytes() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    server.set_read_timeout(Some(WAIT))?;
    let sender = std::thread::spawn(move || client.write_all(&vec![1; TCP_BYTES]));
    server.read_exact(&mut vec![0; TCP_BYTES])?;
    sender.join().map_err(|_| io::Error::other("the sending thread panicked"))??;

    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    receiver.set_read_timeout(Some(WAIT))?;
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    for _ in 0..DATAGRAMS {
        sender.send_to(&[2; DATAGRAM_BYTES], receiver.local_addr()?)?;
        receiver.recv_from(&mut [0; DATAGRAM_BYTES])?;
    }
    Ok(())
}

/// A self-test that runs, or how it ended.
#[derive(Debug)]
pub(super) struct Running {
    child: Option<Child>,
    pid: Option<Pid>,
    /// When the child began, once it was seen: its pid may come back.
    started: Option<MonotonicNs>,
    counted: Bytes,
    deadline: MonotonicNs,
    outcome: Option<SelfTest>,
}

impl Running {
    /// Starts the child.
    pub(super) fn start(now: MonotonicNs) -> Self {
        let spawned = Command::new("/proc/self/exe")
            .arg("--self-test-traffic")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env_clear()
            .spawn();
        let mut running = Self {
            child: None,
            pid: None,
            started: None,
            counted: Bytes::default(),
            deadline: MonotonicNs(now.0.saturating_add(LIMIT_NS)),
            outcome: None,
        };
        match spawned {
            Ok(child) => {
                running.pid = Some(Pid(child.id()));
                running.child = Some(child);
            }
            Err(error) => running.end(
                SelfTestState::Impossible,
                format!("the child that moves known bytes cannot be started: {error}"),
                None,
            ),
        }
        running
    }

    /// Takes in bytes; `true` when they were the self-test's own, which are nobody's traffic.
    pub(super) fn takes(&mut self, owner: &ProcessKey, bytes: Bytes) -> bool {
        if self.pid != Some(owner.pid) || (self.started.is_none() && self.outcome.is_some()) {
            return false;
        }
        if *self.started.get_or_insert(owner.started) != owner.started {
            return false;
        }
        if self.outcome.is_none() {
            self.counted += bytes;
        }
        true
    }

    /// Decides when there is something to decide. Returns the sentence of a failure, once.
    pub(super) fn check(&mut self, now: MonotonicNs, wall: UnixMillis) -> Option<String> {
        if self.outcome.is_some() {
            return None;
        }
        if let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) if now < self.deadline => return None,
                Ok(Some(status)) if status.success() => {
                    self.child = None;
                    self.deadline = MonotonicNs(now.0.saturating_add(PATIENCE_NS));
                }
                ended => {
                    let detail = match ended {
                        Ok(Some(status)) => format!("the child that moves known bytes failed ({status})"),
                        Ok(None) => "the child that moves known bytes did not end".to_owned(),
                        Err(error) => {
                            format!("the child that moves known bytes cannot be waited for: {error}")
                        }
                    };
                    self.reap();
                    self.end(SelfTestState::Impossible, detail, Some(wall));
                    return None;
                }
            }
        }
        let expected = expected();
        let says = format!(
            "{} bytes sent and {} received through loopback (TCP and UDP); counted {} and {}",
            expected.tx, expected.rx, self.counted.tx, self.counted.rx
        );
        if self.counted == expected {
            self.end(SelfTestState::Passed, says, Some(wall));
            return None;
        }
        if now < self.deadline {
            return None;
        }
        self.end(SelfTestState::Failed, says.clone(), Some(wall));
        Some(says)
    }

    pub(super) fn to_wire(&self) -> SelfTest {
        self.outcome.clone().unwrap_or_else(|| SelfTest {
            state: SelfTestState::Running,
            detail: "known bytes are moving through loopback".to_owned(),
            checked_unix_ms: None,
        })
    }

    fn end(&mut self, state: SelfTestState, detail: String, checked: Option<UnixMillis>) {
        self.outcome = Some(SelfTest { state, detail, checked_unix_ms: checked.map(|checked| checked.0) });
    }

    fn reap(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself in between; then both calls have nothing to do.
            if let Err(error) = child.kill().and_then(|()| child.wait().map(|_| ())) {
                tracing::debug!("the self-test's child cannot be ended: {error}");
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.reap();
    }
}
