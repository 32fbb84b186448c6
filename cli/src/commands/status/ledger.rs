//! The ledger, exact: whether every byte is accounted for, and by whom.

use portolan_bus::{Ledger, LedgerState, Status};

use super::harmless;
use crate::show::{
    amount::{grouped, percent},
    statement::Statement,
    wrap::wrap,
};

/// The answer, then the sum, of which the lines below are the parts. Every digit: it is about single bytes.
///
/// `all` shows also what is 0, and the protocols.
pub(crate) fn ledger(status: &Status, all: bool, terminal_width: Option<usize>) -> String {
    let (ledger, owned) = (&status.ledger, &status.attribution);
    let answer = wrap(&format!("All bytes accounted for: {}", answer(ledger)), terminal_width, 2);
    if ledger.truth == 0 && ledger.difference == 0 && !all {
        return format!("{answer}\n  No program has moved any yet.\n");
    }
    let explanation = "  Counted in the kernel at all sockets since the start, sent and received; what goes over loopback is \
                       both, and counted twice.";
    let mut statement = Statement::default();
    statement.say([grouped(ledger.truth), String::new()], "bytes counted, of which");
    let mut part = |count: i128, of: &str| {
        if all || count != 0 {
            let share = u64::try_from(count).ok().and_then(|count| percent(count, ledger.truth));
            statement.say([grouped(count), share.unwrap_or_default()], of);
        }
    };
    part(owned.attributed.into(), "by programs whose executable is known");
    part(owned.kernel.into(), "by the kernel itself");
    for (reason, count) in &owned.unattributed {
        part((*count).into(), &unknown(reason));
    }
    part(owned.excluded.into(), "excluded by the configuration, which are in no history");
    part(owned.pending.into(), "by programs that are being identified");
    part(ledger.self_test.into(), "by Portolan's self-tests, which are in no history");
    part(ledger.difference.into(), missing(ledger.state));
    if all {
        for moved in &ledger.protocols {
            let both = u128::from(moved.tx_bytes) + u128::from(moved.rx_bytes);
            let (out, into) = (grouped(moved.tx_bytes), grouped(moved.rx_bytes));
            let of = format!("of all, over {}: {out} out, {into} in", harmless(&moved.protocol));
            statement.say([i128::try_from(both).map(grouped).unwrap_or_default(), String::new()], of);
        }
    }
    format!("{answer}\n{}\n{}", wrap(explanation, terminal_width, 2), statement.render(terminal_width))
}

fn answer(ledger: &Ledger) -> &'static str {
    let is_not_compared_yet =
        matches!(ledger.protocols.as_slice(), [one] if one.protocol == "before-takeover");
    match ledger.state {
        LedgerState::Balanced => "yes",
        LedgerState::InFlight if is_not_compared_yet => {
            "not compared yet; this daemon took over from another and waits for a quiet moment"
        }
        LedgerState::InFlight => "yes, but for those that moved while this was read",
        LedgerState::Unbalanced => "NO; a fault of the daemon, please report it",
    }
}

fn missing(state: LedgerState) -> &'static str {
    match state {
        LedgerState::Balanced => "not accounted for",
        LedgerState::InFlight => "on the way; the next readings bring them",
        LedgerState::Unbalanced => "NOT ACCOUNTED FOR; below 0: accounted for twice",
    }
}

/// Who moved bytes that have no executable, and why it is not known.
fn unknown(reason: &str) -> String {
    let who = match reason {
        "process-gone" => "programs that were gone before they could be asked",
        "file-unavailable" => "programs whose file could not be opened",
        "file-changed" => "programs whose file changed while it was read",
        "file-unreadable" => "programs whose file could not be read",
        "table-full" => "programs not known, for the kernel's table of closed sockets was full",
        _ => "programs not known",
    };
    format!("by {who} ({})", harmless(reason))
}
