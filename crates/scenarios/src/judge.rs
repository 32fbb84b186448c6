use std::{
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use portolan_bus::QueryRow;
use serde::Serialize;

use crate::{Bed, Expected, Witness, trial::Sent};

/// How long a program may stay unidentified before that is a disagreement. What was counted is in the first answer; who it
/// was may have to wait for a hash.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many rows are shown when something disagrees.
const MOST_DETAILS: usize = 12;
const LOOK: Duration = Duration::from_millis(200);

/// What Portolan says of one executable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Bytes sent.
    pub tx: u64,
    /// Bytes received.
    pub rx: u64,
    /// Flows.
    pub flows: u64,
}

/// What is expected of one executable beside what is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What it moved, by its own count.
    pub expected: Expected,
    /// What Portolan says.
    pub seen: Seen,
    /// Whether Portolan knows it by path, hash and parent, and by nothing else.
    pub is_detected: bool,
    /// What disagrees, as sentences; empty when nothing does.
    pub faults: Vec<String>,
}

impl Verdict {
    /// By how many bytes Portolan is wrong, too many and too few alike.
    #[must_use]
    pub fn error_bytes(&self) -> u64 {
        self.seen.tx.abs_diff(self.expected.tx) + self.seen.rx.abs_diff(self.expected.rx)
    }
}

/// Compares what is expected of one executable, among `all` of the trial, with rows by executable, parent, and by command
/// line and user where these are expected.
#[must_use]
pub fn judge(expected: &Expected, all: &[Expected], rows: &[QueryRow]) -> Verdict {
    let key = |row: &QueryRow, key: &str| row.keys.get(key).cloned();
    let of_it: Vec<&QueryRow> = rows.iter().filter(|row| is_of(row, expected, all)).collect();
    if expected.or_unknown && of_it.is_empty() {
        // Its bytes must be among those that nobody owns.
        let unowned = rows.iter().filter(|row| row.keys.contains_key("unattributed"));
        let (tx, rx) = unowned.fold((0, 0), |sum, row| (sum.0 + row.tx_bytes, sum.1 + row.rx_bytes));
        let (tx, rx) = (tx.min(expected.tx), rx.min(expected.rx));
        let seen = Seen { tx, rx, flows: expected.flows.unwrap_or_default() };
        let faults = if (tx, rx) == (expected.tx, expected.rx) {
            Vec::new()
        } else {
            vec!["is not known, and its bytes are not among those without an owner either".to_owned()]
        };
        return Verdict { expected: expected.clone(), seen, is_detected: faults.is_empty(), faults };
    }
    let mut faults = Vec::new();
    let did_anything = expected.tx + expected.rx + expected.flows.unwrap_or_default() > 0;
    if of_it.is_empty() && did_anything {
        faults.push("is not known".to_owned());
    }
    let parent = expected.parent.as_ref().map(|parent| parent.to_string_lossy().into_owned());
    for row in &of_it {
        let sha256 = key(row, "sha256");
        if sha256.as_ref() != Some(&expected.sha256) {
            faults.push(format!(
                "is known by the SHA-256 {} (tx {}, rx {}), it is {}",
                sha256.as_deref().unwrap_or("nobody knows"),
                row.tx_bytes,
                row.rx_bytes,
                expected.sha256
            ));
        }
        let said = key(row, "parent_path");
        if let Some(parent) = parent.as_ref().filter(|parent| said.as_ref() != Some(parent)) {
            faults.push(format!(
                "is said to be started by {} (tx {}, rx {}), it was by {parent}",
                said.as_deref().unwrap_or("nobody knows whom"),
                row.tx_bytes,
                row.rx_bytes
            ));
        }
    }
    for (row, user) in of_it.iter().filter_map(|row| Some((row, expected.user?))) {
        let said = key(row, "user");
        if said.as_ref() != Some(&user.to_string()) {
            let said = said.as_deref().unwrap_or("nobody knows");
            faults.push(format!("is said to be run by user {said}, it was by {user}"));
        }
    }
    let is_detected = faults.is_empty();
    let seen = of_it.iter().fold(Seen::default(), |sum, row| Seen {
        tx: sum.tx + row.tx_bytes,
        rx: sum.rx + row.rx_bytes,
        flows: sum.flows + row.flows,
    });
    for (what, seen, wanted) in [
        ("tx", seen.tx, Some(expected.tx)),
        ("rx", seen.rx, Some(expected.rx)),
        ("flows", seen.flows, expected.flows),
    ] {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != seen) {
            faults.push(format!("{what} {seen}, it was {wanted}"));
        }
    }
    Verdict { expected: expected.clone(), seen, is_detected, faults }
}

/// Whether a row is about this executable: it has the path, belongs to nobody else that has the path, and has the command line.
fn is_of(row: &QueryRow, expected: &Expected, all: &[Expected]) -> bool {
    let value = |key: &str| row.keys.get(key).map(String::as_str).unwrap_or_default();
    let another = all.iter().any(|other| {
        other.path == expected.path && other.sha256 != expected.sha256 && other.sha256 == value("sha256")
    });
    let is_command = expected.command.as_ref().is_none_or(|command| value("command").contains(command));
    Path::new(value("path")) == expected.path && !another && is_command
}

/// Asks until everything agrees or the patience is over; the last verdicts, and how long it took to get them.
pub(crate) fn until_agreed(
    expected: &[Expected],
    bed: &Bed,
    began: SystemTime,
) -> anyhow::Result<(Vec<Verdict>, Duration)> {
    let moved = Instant::now();
    let mut by = vec!["executable", "parent"];
    by.extend(expected.iter().any(|expected| expected.command.is_some()).then_some("command"));
    let asks_users = expected.iter().any(|expected| expected.user.is_some());
    loop {
        let mut rows = bed.rows_since(&by, Some(began))?;
        if asks_users {
            add_users(&mut rows, &bed.rows_since(&["executable", "command", "user"], Some(began))?);
        }
        let verdicts: Vec<Verdict> = expected.iter().map(|one| judge(one, expected, &rows)).collect();
        let is_agreed = verdicts.iter().all(|verdict| verdict.faults.is_empty());
        if is_agreed || moved.elapsed() > PATIENCE {
            return Ok((verdicts, moved.elapsed()));
        }
        thread::sleep(LOOK);
    }
}

/// An answer has three dimensions at most: the user comes from another one, where it is one user's alone.
fn add_users(rows: &mut [QueryRow], users: &[QueryRow]) {
    for row in rows {
        let is_same = |user: &&QueryRow| {
            let keys = ["path", "sha256", "command"].iter();
            keys.filter(|key| row.keys.contains_key(**key))
                .all(|key| row.keys.get(*key) == user.keys.get(*key))
        };
        let mut found = users.iter().filter(is_same).map(|user| user.keys.get("user"));
        let first = found.next().flatten();
        if let Some(user) = first.filter(|_| found.all(|other| other == first)) {
            row.keys.insert("user".to_owned(), user.clone());
        }
    }
}

/// What Portolan knows of executables that it disagrees about, row by row, for who looks for the reason.
pub(crate) fn details(verdicts: &[Verdict], bed: &Bed, began: SystemTime) -> anyhow::Result<Vec<String>> {
    let wrong = |path: &str| {
        let of_it = |verdict: &&Verdict| verdict.expected.path == Path::new(path);
        verdicts.iter().find(of_it).is_some_and(|verdict| !verdict.faults.is_empty())
    };
    if verdicts.iter().all(|verdict| verdict.faults.is_empty()) {
        return Ok(Vec::new());
    }
    // Since the daemon started, so of the trials before as well.
    let status = bed.status()?;
    let mut lines: Vec<String> = status
        .losses
        .iter()
        .chain(&status.attribution.unattributed)
        .filter(|(_, count)| **count > 0)
        .map(|(what, count)| format!("{what}: {count}"))
        .collect();
    let by = ["executable", "remote", "port"];
    let mut rows = match bed.rows_since(&by, Some(began)) {
        Ok(rows) => rows,
        Err(error) => {
            lines.push(format!("no rows: {error:#}"));
            return Ok(lines);
        }
    };
    // What has no executable is nobody's, and so may be anybody's.
    rows.retain(|row| row.keys.get("path").is_none_or(|path| wrong(path)));
    let line = |row: &QueryRow| {
        let keys = row.keys.iter().filter(|(key, _)| !["executable", "sha256"].contains(&key.as_str()));
        let keys: Vec<String> = keys.map(|(key, value)| format!("{key}={value}")).collect();
        format!("{} tx={} rx={} flows={}", keys.join(" "), row.tx_bytes, row.rx_bytes, row.flows)
    };
    lines.extend(rows.iter().take(MOST_DETAILS).map(line));
    Ok(lines)
}

/// What cannot be between bytes that programs sent and bytes that passed: the network carries at least the payload.
pub(crate) fn witness_fault(sent: &Sent, witness: &Witness) -> Option<String> {
    let ways = if sent.is_local {
        [("over loopback", sent.by_host, witness.loopback), ("down", 0, witness.down)]
    } else {
        [("up", sent.by_host, witness.up), ("down", sent.by_peer, witness.down)]
    };
    let fault = |(way, sent, counter): (&str, u64, crate::witness::Counter)| {
        (counter.bytes < sent || (sent > 0 && counter.packets == 0)).then(|| {
            format!(
                "programs sent {sent} bytes {way}, the witness saw {} in {} frames",
                counter.bytes, counter.packets
            )
        })
    };
    ways.into_iter().find_map(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::witness::Counter;

    fn row(keys: &[(&str, &str)], tx_bytes: u64, rx_bytes: u64) -> QueryRow {
        QueryRow {
            keys: keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            tx_bytes,
            rx_bytes,
            flows: 1,
            first_unix_ms: 0,
            last_unix_ms: 0,
        }
    }

    fn expected() -> Expected {
        Expected {
            sha256: "ab".into(),
            parent: Some("/p".into()),
            tx: 30,
            rx: 3,
            flows: Some(2),
            ..Expected::of(Path::new("/x"))
        }
    }

    #[test]
    fn rows_that_say_the_same_agree() {
        let keys = [("path", "/x"), ("sha256", "ab"), ("parent_path", "/p")];
        let other = [("path", "/y"), ("sha256", "ab"), ("parent_path", "/p")];
        let verdict = judge(&expected(), &[], &[row(&keys, 10, 3), row(&other, 5, 5), row(&keys, 20, 0)]);
        assert_eq!(verdict.faults, [""; 0]);
        assert!(verdict.is_detected);
        assert_eq!(verdict.error_bytes(), 0);
    }

    #[test]
    fn rows_of_another_file_with_the_same_path_and_of_other_commands_are_not_of_it() {
        let keys = |sha256, command| {
            [("path", "/x"), ("sha256", sha256), ("parent_path", "/p"), ("command", command)]
        };
        let rows = [row(&keys("ab", "/x it"), 30, 3), row(&keys("cd", "/x it"), 5, 5)];
        let other = Expected { sha256: "cd".into(), ..expected() };
        assert_eq!(judge(&expected(), &[expected(), other], &rows).error_bytes(), 0);
        assert!(!judge(&expected(), &[], &rows).is_detected);
        let of_command = Expected { command: Some("it".into()), ..expected() };
        let rows = [row(&keys("ab", "/x it"), 30, 3), row(&keys("ab", "/x that"), 5, 5)];
        assert_eq!(judge(&of_command, &[], &rows).error_bytes(), 0);
        assert_eq!(judge(&expected(), &[], &rows).error_bytes(), 10);
    }

    #[test]
    fn what_cannot_be_proven_may_be_unknown_but_not_wrong() {
        let unprovable = Expected { or_unknown: true, ..expected() };
        let unowned = row(&[("unattributed", "file-changed")], 30, 3);
        assert_eq!(judge(&unprovable, &[], std::slice::from_ref(&unowned)).faults, [""; 0]);
        assert!(!judge(&unprovable, &[], &[]).is_detected, "its bytes are nowhere");
        let keys = [("path", "/x"), ("sha256", "cd"), ("parent_path", "/p")];
        assert!(!judge(&unprovable, &[], &[row(&keys, 30, 3)]).is_detected);
    }

    #[test]
    fn every_difference_is_said() {
        let keys = [("path", "/x"), ("parent_path", "/q")];
        let verdict = judge(&expected(), &[], &[row(&keys, 31, 1)]);
        assert!(!verdict.is_detected);
        assert_eq!((verdict.error_bytes(), verdict.faults.len()), (3, 5), "{:?}", verdict.faults);
        assert_eq!(judge(&expected(), &[], &[]).faults.len(), 4);
    }

    #[test]
    fn the_network_carries_at_least_what_was_sent() {
        let sent = Sent { by_host: 100, by_peer: 0, is_local: false };
        let mut witness = Witness { up: Counter { packets: 1, bytes: 154 }, ..Witness::default() };
        assert_eq!(witness_fault(&sent, &witness), None);
        witness.up.bytes = 99;
        assert!(witness_fault(&sent, &witness).is_some());
        assert!(witness_fault(&Sent { is_local: true, ..sent }, &witness).is_some());
    }
}
