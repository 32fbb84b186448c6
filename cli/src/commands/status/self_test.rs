//! A self-test now.

use portolan_bus::{SelfTest, SelfTestState};
use serde_json::json;

use super::harmless;
use crate::{
    bus,
    failure::{Failure, Kind},
    output,
    show::{amount::grouped, wrap::wrap},
};

/// Runs one, waits for its end and shows it; anything but “passed” is a failure.
pub(crate) async fn run(json: bool) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let test = bus::daemon(&connection).await?.run_self_test().await.map_err(bus::failed_call)?;
    if json {
        output::json(&json!({ "self_test": test }))?;
    } else {
        output::text(&page(&test, output::terminal_width()))?;
    }
    if test.state == SelfTestState::Passed {
        return Ok(());
    }
    let sentence = format!("the self-test {}: {}", word(test.state), harmless(&test.detail));
    Err(Failure::new(Kind::Unhealthy, sentence).after_the_answer())
}

pub(crate) fn word(state: SelfTestState) -> &'static str {
    match state {
        SelfTestState::Running => "running",
        SelfTestState::Passed => "passed",
        SelfTestState::Failed => "FAILED",
        SelfTestState::Impossible => "impossible",
    }
}

fn page(test: &SelfTest, terminal_width: Option<usize>) -> String {
    let mut page = format!("Self-test: {}\n", word(test.state));
    let mut say = |line: String, hanging| page.push_str(&(wrap(&line, terminal_width, hanging) + "\n"));
    for part in &test.parts {
        let name = harmless(&part.name);
        let line = match part.state {
            SelfTestState::Impossible => format!("  {name:<9}  not possible on this machine"),
            state => format!(
                "  {name:<9}  {}: moved {}, counted {} sent and {} received",
                word(state),
                grouped(part.moved_bytes),
                grouped(part.counted_tx_bytes),
                grouped(part.counted_rx_bytes)
            ),
        };
        say(line, 13);
    }
    if test.parts.is_empty() {
        say(format!("  {}", harmless(&test.detail)), 2);
    }
    page
}
