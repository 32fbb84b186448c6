//! Other tools that say which program moves how much: how they are started, and how to read what they print.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use portolan_testbed::{Folder, find_program};
use serde_json::Value;

/// What a tool attributes, by the word that it has for a program.
pub(super) type Seen = BTreeMap<String, u64>;

/// A tool that writes what it sees while it runs, or at its end.
pub(super) struct Tool {
    pub(super) name: &'static str,
    program: &'static str,
    pub(super) arguments: &'static [&'static str],
    /// What it prints when it has begun to watch; `None` when it prints nothing, and only time tells.
    pub(super) ready: Option<&'static str>,
    /// Whether it knows the path of a program, and not only its name.
    pub(super) knows_paths: bool,
    read: fn(&str, &str) -> Seen,
    /// What has to be said about its figures.
    pub(super) note: &'static str,
}

/// Where a tool may write beside its output.
const LOG: &str = "events.jsonl";
/// How long a tool may take to show what has happened.
pub(super) const SETTLE: Duration = Duration::from_secs(3);

pub(super) const TOOLS: [Tool; 3] = [
    Tool {
        name: "bandwhich",
        program: "bandwhich",
        arguments: &["--raw", "--no-resolve", "--processes", "--total-utilization", "--interface", "DEVICE"],
        ready: Some("Refreshing:"),
        knows_paths: false,
        read: bandwhich,
        note: "bandwhich 0.23 (`--raw --processes --total-utilization`) names programs without a path. The largest total that it shows is taken.",
    },
    Tool {
        name: "rustnet-monitor",
        program: "rustnet",
        arguments: &[
            "--headless",
            "--output",
            "json",
            "--no-resolve-dns",
            "--no-uid-drop",
            "--no-geoip",
            "--no-sandbox",
            "--interface",
            "DEVICE",
            "--json-log",
            "LOG",
        ],
        ready: None,
        knows_paths: false,
        read: rustnet,
        note: "rustnet-monitor 1.7 (`--headless --output json --json-log`) names programs without a path in its log. Closed connections are taken from the log, the others from the last snapshot. Where the kernel refuses its eBPF programs, as under lockdown, it looks into /proc.",
    },
    Tool {
        name: "nethogs",
        program: "nethogs",
        arguments: &["-t", "-C", "-v", "2", "-d", "1", "DEVICE"],
        ready: Some("Refreshing:"),
        knows_paths: true,
        read: nethogs,
        note: "nethogs 0.8 (`-t -C -v 2`) is asked for totals; the largest of each process is taken.",
    },
];

impl Tool {
    /// Where it is: built for the bench, or installed.
    pub(super) fn find(&self, tools: &Path) -> Option<PathBuf> {
        let built = fs::canonicalize(tools.join("bin").join(self.program)).ok();
        built.or_else(|| find_program(self.program)).or_else(|| {
            let of_root = Path::new("/usr/sbin").join(self.program);
            of_root.is_file().then_some(of_root)
        })
    }

    pub(super) fn arguments(&self, device: &str, folder: &Folder) -> Vec<String> {
        let log = folder.path().join(LOG).display().to_string();
        let fill = |word: &&str| match *word {
            "DEVICE" => device.to_owned(),
            "LOG" => log.clone(),
            word => word.to_owned(),
        };
        self.arguments.iter().map(fill).collect()
    }

    /// What it attributes, from all that it has printed and logged.
    pub(super) fn read(&self, output: &str, folder: &Folder) -> Seen {
        let log = fs::read_to_string(folder.path().join(LOG)).unwrap_or_default();
        (self.read)(output, &log)
    }
}

/// `process: <TIME> "NAME" up/down Bps: UP/DOWN connections: N`, cumulative, one line for each process.
fn bandwhich(output: &str, _: &str) -> Seen {
    let mut seen = Seen::new();
    for screen in output.split("Refreshing:") {
        let mut now = Seen::new();
        for line in screen.lines() {
            let read = || {
                let (name, rest) =
                    line.strip_prefix("process: <")?.split_once("> \"")?.1.split_once("\" up/down Bps: ")?;
                let (up, down) = rest.split_once(' ')?.0.split_once('/')?;
                Some((name, up.parse::<u64>().ok()? + down.parse::<u64>().ok()?))
            };
            if let Some((name, bytes)) = read() {
                *now.entry(name.to_owned()).or_default() += bytes;
            }
        }
        for (name, bytes) in now {
            let most = seen.entry(name).or_default();
            *most = bytes.max(*most);
        }
    }
    seen
}

/// `PROGRAM/PID/UID<tab>SENT<tab>RECEIVED`, cumulative for each process.
fn nethogs(output: &str, _: &str) -> Seen {
    let mut by_process: BTreeMap<&str, f64> = BTreeMap::new();
    for line in output.lines() {
        let mut fields = line.split('\t');
        let (Some(process), Some(sent), Some(received)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (Ok(sent), Ok(received)) = (sent.trim().parse::<f64>(), received.trim().parse::<f64>()) else {
            continue;
        };
        let most = by_process.entry(process).or_default();
        *most = most.max(sent + received);
    }
    let mut seen = Seen::new();
    for (process, bytes) in by_process {
        let program = process.rsplitn(3, '/').nth(2).unwrap_or(process);
        *seen.entry(program.to_owned()).or_default() += whole(bytes);
    }
    seen
}

/// Events `connection_closed`, and the connections of the last snapshot that no such event is about.
fn rustnet(output: &str, log: &str) -> Seen {
    let mut seen = Seen::new();
    let mut closed = std::collections::BTreeSet::new();
    let number = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let text = |value: &Value, path: &str| {
        value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    for event in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if text(&event, "/event") == "connection_closed" {
            closed.insert((
                text(&event, "/protocol"),
                number(&event, "/source_port"),
                text(&event, "/destination_ip"),
                number(&event, "/destination_port"),
            ));
            *seen.entry(text(&event, "/process_name")).or_default() +=
                number(&event, "/bytes_sent") + number(&event, "/bytes_received");
        }
    }
    let snapshot = output.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
    let connections = snapshot.as_ref().and_then(|snapshot| snapshot.pointer("/connections")?.as_array());
    for connection in connections.into_iter().flatten() {
        let place = (
            text(connection, "/protocol"),
            number(connection, "/local/port"),
            text(connection, "/remote/ip"),
            number(connection, "/remote/port"),
        );
        if !closed.contains(&place) {
            *seen.entry(text(connection, "/process/name")).or_default() +=
                number(connection, "/traffic/bytes_sent") + number(connection, "/traffic/bytes_received");
        }
    }
    seen
}

/// A number of bytes that a tool shows with a fraction.
fn whole(bytes: f64) -> u64 {
    format!("{:.0}", bytes.max(0.0)).parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_total_of_bandwhich_counts() {
        let output = "Refreshing:\nprocess: <1> \"a\" up/down Bps: 10/5 connections: 1\nprocess: <1> \"a\" up/down Bps: 1/0 connections: 1\n\
                      Refreshing:\nprocess: <2> \"a\" up/down Bps: 12/5 connections: 1\n<NO TRAFFIC>\n";
        assert_eq!(bandwhich(output, ""), Seen::from([("a".to_owned(), 17)]));
    }

    #[test]
    fn the_processes_of_nethogs_are_added_up() {
        let output = "Refreshing:\n/tmp/a/7/0\t10\t5\n/tmp/a/8/0\t1\t1\nunknown TCP/0/0\t0\t0\n\nRefreshing:\n/tmp/a/7/0\t20\t5\n";
        assert_eq!(nethogs(output, "").get("/tmp/a"), Some(&27));
    }

    #[test]
    fn a_connection_of_rustnet_counts_once() {
        let log = r#"{"event":"connection_closed","protocol":"TCP","source_port":1,"destination_ip":"x","destination_port":2,"process_name":"a","bytes_sent":3,"bytes_received":4}"#;
        let output = r#"{"connections":[{"protocol":"TCP","local":{"port":1},"remote":{"ip":"x","port":2},"process":{"name":"a"},"traffic":{"bytes_sent":3,"bytes_received":4}},{"protocol":"TCP","local":{"port":5},"remote":{"ip":"x","port":2},"process":{"name":"a"},"traffic":{"bytes_sent":1,"bytes_received":0}}]}"#;
        assert_eq!(rustnet(output, log), Seen::from([("a".to_owned(), 8)]));
    }
}
