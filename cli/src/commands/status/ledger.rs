//! The ledger, exact, and what the network moved for it.

use portolan_bus::{LedgerState, NetworkLayer, NetworkLine, Status};

use super::{entry, harmless};

/// Truth, parts and difference, a line each. Every digit: it is about single bytes.
pub(crate) fn ledger(status: &Status) -> Vec<String> {
    let (ledger, owned) = (&status.ledger, &status.attribution);
    let state = match ledger.state {
        LedgerState::Balanced => "balanced: every byte counted at a socket has an owner, or a reason",
        LedgerState::InFlight => "balanced but for bytes in flight, which the next readings bring",
        LedgerState::Unbalanced => "NOT BALANCED: a fault of the daemon",
    };
    let mut lines = vec![entry("Ledger", state)];
    let mut line = |count: &str, of: &str| lines.push(entry("", format!("{count:>20}  {of}").trim_end()));
    let protocols: Vec<String> = ledger
        .protocols
        .iter()
        .map(|moved| format!("{} {} out, {} in", harmless(&moved.protocol), moved.tx_bytes, moved.rx_bytes))
        .collect();
    line(&ledger.truth.to_string(), &format!("counted at sockets ({})", protocols.join("; ")));
    line(&format!("- {}", owned.attributed), "executables");
    line(&format!("- {}", owned.kernel), "kernel");
    for (reason, count) in owned.unattributed.iter().filter(|(_, count)| **count > 0) {
        line(&format!("- {count}"), &format!("unattributed: {}", harmless(reason)));
    }
    line(&format!("- {}", owned.pending), "being identified");
    line(&format!("- {}", ledger.self_test), "self-tests of the daemon");
    line(&format!("= {}", ledger.difference), "difference");
    lines
}

/// From the sockets to the interfaces.
pub(crate) fn network(network: &NetworkLayer) -> Vec<String> {
    if let Some(problem) = &network.problem {
        return vec![entry("Network", &format!("cannot be compared: {}", harmless(problem)))];
    }
    let title = "of the machine's own network namespace, since the start; ~ is an estimate";
    let mut lines = vec![entry("Network", title), entry("", &format!("{:>20} {:>20}", "out", "in"))];
    lines.extend(network.lines.iter().map(|line| {
        let amount = |bytes: i64| if line.estimate { format!("~ {bytes}") } else { bytes.to_string() };
        let (out, into) = (amount(line.tx_bytes), amount(line.rx_bytes));
        entry("", &format!("{out:>20} {into:>20}  {}", meaning(line)))
    }));
    lines
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
