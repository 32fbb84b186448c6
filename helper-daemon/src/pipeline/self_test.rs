//! Known bytes through loopback, compared with what the kernel programs counted, protocol by protocol.
//!
//! The daemon itself opens no internet socket: a short-lived child does, which is this program again.

use std::{
    io::Write,
    process::{Child, Command, ExitStatus, Stdio},
};

use portolan_bus::{SelfTest, SelfTestPart, SelfTestState};
use portolan_core::{Bytes, Flow, MonotonicNs, Pid, UnixMillis};
use tokio::sync::oneshot;

use crate::clock::Now;

mod kin;
mod traffic;

use kin::Kin;
pub use kin::SelfTestChild;

pub use traffic::move_known_bytes;
use traffic::{GO, PARTS, WITHOUT_IPV6, part_of};

/// After the child's end, how long its last bytes may take to be read.
const PATIENCE_NS: u64 = 3_000_000_000;
/// How long the child may run.
const LIMIT_NS: u64 = 20_000_000_000;
/// Between the end of one and the beginning of the next, whoever asks.
const PAUSE_NS: u64 = 2_000_000_000;

/// The self-test that runs, how the last one ended, and who waits for the next.
#[derive(Debug, Default)]
pub(super) struct SelfTests {
    running: Option<Running>,
    last: Option<SelfTest>,
    /// When the last one ended.
    ended: Option<MonotonicNs>,
    /// All children of which bytes may still come.
    kin: Kin,
    waiting: Vec<oneshot::Sender<SelfTest>>,
}

#[derive(Debug)]
struct Running {
    child: Option<Child>,
    key: SelfTestChild,
    has_ipv6: bool,
    counted: [Bytes; PARTS.len()],
    /// Bytes of the child over no protocol that it moved any over.
    astray: Bytes,
    deadline: MonotonicNs,
}

impl SelfTests {
    /// None yet; `before` are children of a daemon before this one.
    pub(super) fn new(before: Vec<SelfTestChild>) -> Self {
        let mut tests = Self::default();
        before.into_iter().for_each(|child| tests.kin.add(child));
        tests
    }

    /// A child that waits for [`Self::release`].
    pub(super) fn waiting_child(&self) -> Option<SelfTestChild> {
        let running = self.running.as_ref()?;
        running.child.as_ref()?.stdin.as_ref().map(|_| running.key)
    }

    /// Lets it move its bytes. Whoever is killed before leaves a child that moves none.
    pub(super) fn release(&mut self) {
        let child = self.running.as_mut().and_then(|running| running.child.as_mut());
        if let Some(mut stdin) = child.and_then(|child| child.stdin.take())
            && let Err(error) = stdin.write_all(GO)
        {
            tracing::debug!("the self-test's child has ended early: {error}");
        }
    }

    /// All children of which bytes may still come.
    pub(super) fn kin(&self) -> impl Iterator<Item = SelfTestChild> {
        self.kin.iter()
    }

    /// Somebody wants to know how one ends: the one that runs, else the next, which begins as soon as it may.
    pub(super) fn ask(&mut self, now: MonotonicNs, answer: oneshot::Sender<SelfTest>) {
        self.waiting.push(answer);
        self.begin_when_due(now);
    }

    /// Takes in bytes; `true` when they were a self-test's own, which are nobody's traffic.
    pub(super) fn takes(&mut self, flow: &Flow, bytes: Bytes) -> bool {
        let running = self.running.as_mut().filter(|running| running.key.is(&flow.owner));
        let Some(running) = running else { return self.kin.has(&flow.owner) };
        match part_of(flow) {
            Some(part) => running.counted[part] += bytes,
            None => running.astray += bytes,
        }
        true
    }

    /// Decides when there is something to decide. Returns the sentence of a failure, once.
    pub(super) fn check(&mut self, now: MonotonicNs, wall: UnixMillis) -> Option<String> {
        if let Some(running) = &mut self.running
            && let Some(mut outcome) = running.outcome(now)
        {
            outcome.checked_unix_ms = Some(wall.0);
            self.end(outcome, now);
            let ended = self.last.as_ref().filter(|ended| ended.state == SelfTestState::Failed);
            return ended.map(|ended| ended.detail.clone());
        }
        self.begin_when_due(now);
        None
    }

    pub(super) fn to_wire(&self) -> SelfTest {
        match (&self.running, &self.last) {
            (None, Some(last)) => last.clone(),
            _ => SelfTest {
                state: SelfTestState::Running,
                detail: "known bytes are moving through loopback".to_owned(),
                checked_unix_ms: None,
                parts: Vec::new(),
            },
        }
    }

    fn begin_when_due(&mut self, now: MonotonicNs) {
        let is_due = self.ended.is_none_or(|ended| ended.0.saturating_add(PAUSE_NS) <= now.0);
        if self.running.is_none() && !self.waiting.is_empty() && is_due {
            self.begin(now);
        }
    }

    pub(super) fn begin(&mut self, now: MonotonicNs) {
        let since = Now::read().monotonic;
        let spawned = Command::new("/proc/self/exe")
            .arg("--self-test-traffic")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env_clear()
            .spawn();
        match spawned {
            Ok(child) => {
                let key = SelfTestChild { pid: Pid(child.id()), since, until: Now::read().monotonic };
                self.kin.add(key);
                self.running = Some(Running::new(child, key, now));
            }
            Err(error) => {
                let detail = format!("the child that moves known bytes cannot be started: {error}");
                self.end(impossible(detail), now);
            }
        }
    }

    fn end(&mut self, outcome: SelfTest, now: MonotonicNs) {
        self.running = None;
        for waiting in self.waiting.drain(..) {
            // Who asked may have gone away in the meantime.
            drop(waiting.send(outcome.clone()));
        }
        self.last = Some(outcome);
        self.ended = Some(now);
    }
}

impl Running {
    fn new(child: Child, key: SelfTestChild, now: MonotonicNs) -> Self {
        Self {
            key,
            child: Some(child),
            has_ipv6: true,
            counted: [Bytes::default(); PARTS.len()],
            astray: Bytes::default(),
            deadline: MonotonicNs(now.0.saturating_add(LIMIT_NS)),
        }
    }

    /// `None` while it is open.
    fn outcome(&mut self, now: MonotonicNs) -> Option<SelfTest> {
        if let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) if now < self.deadline => return None,
                Ok(None) => {
                    return Some(impossible("the child that moves known bytes did not end".to_owned()));
                }
                Ok(Some(status)) if status.success() || is_without_ipv6(status) => {
                    self.has_ipv6 = status.success();
                    self.child = None;
                    self.deadline = MonotonicNs(now.0.saturating_add(PATIENCE_NS));
                }
                Ok(Some(status)) => {
                    return Some(impossible(format!("the child that moves known bytes failed ({status})")));
                }
                Err(error) => {
                    let detail = format!("the child that moves known bytes cannot be waited for: {error}");
                    return Some(impossible(detail));
                }
            }
        }
        let parts: Vec<SelfTestPart> = (0..PARTS.len()).map(|index| self.part(index)).collect();
        let failed = parts.iter().any(|part| part.state == SelfTestState::Failed) || !self.astray.is_zero();
        if failed && now < self.deadline {
            return None;
        }
        let mut sentences: Vec<String> = parts.iter().map(sentence).collect();
        if !self.astray.is_zero() {
            sentences.push(format!("{} bytes over none of these were counted", self.astray.total()));
        }
        let state = if failed { SelfTestState::Failed } else { SelfTestState::Passed };
        let detail = format!("known bytes through loopback: {}", sentences.join("; "));
        Some(SelfTest { state, detail, checked_unix_ms: None, parts })
    }

    fn part(&self, index: usize) -> SelfTestPart {
        let (part, counted) = (&PARTS[index], self.counted[index]);
        let is_possible = self.has_ipv6 || !part.ipv6;
        let moved = if is_possible { part.bytes() } else { 0 };
        let state = if counted != (Bytes { tx: moved, rx: moved }) {
            SelfTestState::Failed
        } else if is_possible {
            SelfTestState::Passed
        } else {
            SelfTestState::Impossible
        };
        SelfTestPart {
            name: part.name.to_owned(),
            state,
            moved_bytes: moved,
            counted_tx_bytes: counted.tx,
            counted_rx_bytes: counted.rx,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself in between; then both calls have nothing to do.
            if let Err(error) = child.kill().and_then(|()| child.wait().map(|_| ())) {
                tracing::debug!("the self-test's child cannot be ended: {error}");
            }
        }
    }
}

fn is_without_ipv6(status: ExitStatus) -> bool {
    status.code() == Some(i32::from(WITHOUT_IPV6))
}

fn impossible(detail: String) -> SelfTest {
    SelfTest { state: SelfTestState::Impossible, detail, checked_unix_ms: None, parts: Vec::new() }
}

fn sentence(part: &SelfTestPart) -> String {
    let SelfTestPart { name, moved_bytes: moved, counted_tx_bytes: tx, counted_rx_bytes: rx, .. } = part;
    match part.state {
        SelfTestState::Impossible => format!("{name} is not possible on this machine"),
        SelfTestState::Passed => format!("{name} {moved}"),
        _ => format!("{name} moved {moved}, counted {tx} sent and {rx} received"),
    }
}

#[cfg(test)]
#[path = "self_test_tests.rs"]
mod tests;
