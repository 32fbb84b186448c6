//! From what programs moved at sockets to what the interfaces moved.

use portolan_bus::{NetworkLayer, NetworkLine};

use super::harmless;
use crate::show::{amount::grouped, statement::Statement, wrap::wrap};

/// What is added up under one name.
struct Line {
    of: String,
    tx_bytes: i64,
    rx_bytes: i64,
    estimate: bool,
}

/// The lines add up to the last but one. `all` shows each of the daemon's lines, also those that are 0.
pub(crate) fn network(network: &NetworkLayer, all: bool, terminal_width: Option<usize>) -> String {
    if let Some(problem) = &network.problem {
        let problem = format!("Network: cannot be compared: {}", harmless(problem));
        return wrap(&problem, terminal_width, 2) + "\n";
    }
    let mut page = wrap(
        "Network: from those sockets to this machine's interfaces (~ is an estimate)",
        terminal_width,
        2,
    );
    page.push('\n');
    let lines = if all { every(network) } else { sums(network) };
    if lines.is_empty() {
        page.push_str("  Nothing has moved yet.\n");
        return page;
    }
    let mut statement = Statement::default();
    statement.say(["out", "in"].map(str::to_owned), "");
    for line in lines {
        let amount = |bytes: i64| format!("{}{}", if line.estimate { "~ " } else { "" }, grouped(bytes));
        statement.say([amount(line.tx_bytes), amount(line.rx_bytes)], line.of);
    }
    page.push_str(&statement.render(terminal_width));
    if !network.lines.is_empty() && !network.lines.iter().any(|line| line.name == "other-namespaces") {
        let note = "  The daemon cannot tell containers from the machine itself here (/proc/1/ns/net cannot be read): what \
                    containers moved is among the sockets, and, with a minus, in what is not explained.";
        page.push_str(&(wrap(note, terminal_width, 2) + "\n"));
    }
    page
}

fn every(network: &NetworkLayer) -> Vec<Line> {
    network.lines.iter().map(|line| one(line, meaning(line))).collect()
}

/// Lines of one kind together, without those that are 0.
fn sums(network: &NetworkLayer) -> Vec<Line> {
    let mut sums: Vec<Line> = Vec::new();
    for line in &network.lines {
        let Some(of) = kind(line) else { continue };
        match sums.iter_mut().find(|sum| sum.of == of) {
            Some(sum) => {
                sum.tx_bytes = sum.tx_bytes.saturating_add(line.tx_bytes);
                sum.rx_bytes = sum.rx_bytes.saturating_add(line.rx_bytes);
                sum.estimate |= line.estimate;
            }
            None => sums.push(one(line, of)),
        }
    }
    sums.retain(|sum| sum.tx_bytes != 0 || sum.rx_bytes != 0);
    sums
}

fn one(line: &NetworkLine, of: String) -> Line {
    Line { of, tx_bytes: line.tx_bytes, rx_bytes: line.rx_bytes, estimate: line.estimate }
}

/// What the line is added up under; `None` for a sum within the sum.
fn kind(line: &NetworkLine) -> Option<String> {
    let kind = match line.name.as_str() {
        "sockets" => "moved at sockets",
        "other-namespaces" => "of that in containers",
        "tcp-headers" | "udp-headers" => "headers and acknowledgements",
        "retransmissions" => "sent again",
        "echo-replies" | "icmp" => "ICMP, such as pings",
        "forwarded" => "passed on for others",
        "rest" => "not explained: on the way, dropped, or wrongly estimated",
        "ip" => return None,
        "frames" => "frames around packets",
        "interfaces" => "= all interfaces",
        "loopback" => "of that over loopback",
        other => return Some(harmless(other)),
    };
    Some(kind.to_owned())
}

fn meaning(line: &NetworkLine) -> String {
    match line.name.as_str() {
        "sockets" => "moved by programs at sockets",
        "other-namespaces" => "of that, in other network namespaces (containers)",
        "tcp-headers" => "headers of TCP segments, acknowledgements included",
        "udp-headers" => "headers of datagrams",
        "retransmissions" => "TCP segments sent again",
        "echo-replies" => "the kernel's answers to pings",
        "icmp" => "other ICMP, mostly the kernel's own",
        "forwarded" => "passed on for others",
        "rest" => "not explained: not sent or not read yet, dropped, raw and packet sockets, errors of the estimates",
        "ip" => "= packets of IPv4 and IPv6",
        "frames" => "headers of frames, what is not IP, and what cards split or join",
        "interfaces" => "= all interfaces",
        "loopback" => "of that over loopback, where one machine sends and receives each byte",
        other => return harmless(other),
    }
    .to_owned()
}
