use std::io::{self, IsTerminal, Write};

use portolan_bus::{QueryRequest, Sum};
use portolan_core::UnixMillis;
use serde_json::json;

use super::{archive, query};
use crate::{
    args::Forget,
    bus,
    commands::question,
    failure::{Failure, Kind},
    output,
    show::{
        amount::{Precision, bytes, counted},
        clock::Clock,
    },
};

/// Deletes what a query means, after it was said how much that is.
pub(crate) async fn run(options: &Forget, json: bool) -> Result<(), Failure> {
    let text = query(&options.query)?.to_string();
    if text.is_empty() {
        let sentence = "an empty query would be everything; if that is meant, forget “until:now”";
        return Err(Failure::new(Kind::Usage, sentence));
    }
    if !options.yes && !io::stdin().is_terminal() {
        return Err(Failure::new(Kind::Usage, "nobody is there to be asked; say --yes to delete without"));
    }
    let total = total(&text).await?;
    let is_something = total.first_unix_ms.is_some();
    if is_something && !options.yes && !is_wanted(&total)? {
        return Err(Failure::new(Kind::Failed, "nothing was forgotten"));
    }
    // Also where there is nothing to be seen: it needs the right all the same, and says what cannot be forgotten.
    archive().await?.forget(&text).await.map_err(|error| question::refused(&text, error))?;
    if json {
        return output::json(&json!({ "forgotten": total }));
    }
    match is_something {
        true => output::text(&format!("Forgotten: {}.\n", said(&total))),
        false => output::text("The history has nothing of this.\n"),
    }
}

/// What would go.
async fn total(query: &str) -> Result<Sum, Failure> {
    let connection = bus::connect().await?;
    let history = bus::history(&connection).await?;
    let request = QueryRequest { query: query.to_owned(), ..QueryRequest::default() };
    Ok(history.query(&request).await.map_err(|error| question::refused(query, error))?.total)
}

fn said(total: &Sum) -> String {
    let shown = |number| bytes(number, Precision::Rounded);
    let clock = Clock::read();
    let at = |unix_ms: Option<i64>| clock.full(UnixMillis(unix_ms.unwrap_or_default()));
    format!(
        "{}, {} in, {} out, from {} to {}",
        counted(total.flows, "flow"),
        shown(total.rx_bytes),
        shown(total.tx_bytes),
        at(total.first_unix_ms),
        at(total.last_unix_ms)
    )
}

/// Asks on the terminal; anything but yes is no.
fn is_wanted(total: &Sum) -> Result<bool, Failure> {
    let mut error = io::stderr().lock();
    write!(error, "Forget {}, for good? [y/N] ", said(total))?;
    error.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
