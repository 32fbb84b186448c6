use std::io::{self, IsTerminal, Write};

use portolan_bus::{Access, Error, QueryRequest, QueryResult, Sum};
use portolan_core::UnixMillis;
use portolan_history::can_be_forgotten;
use serde_json::json;
use zbus::proxy::MethodFlags;

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
    let query = query(&options.query)?;
    can_be_forgotten(&query).map_err(|error| Failure::of(Kind::Usage, &error))?;
    let text = query.to_string();
    if text.is_empty() {
        let sentence = "an empty query would be everything; if that is meant, forget “until:now”";
        return Err(Failure::new(Kind::Usage, sentence));
    }
    if !options.yes && !io::stdin().is_terminal() {
        return Err(Failure::new(Kind::Usage, "nobody is there to be asked; say --yes to delete without"));
    }
    let found = found(&text).await?;
    // Who sees only their own traffic does not know of others'.
    let is_something = found.total.first_unix_ms.is_some() || found.access == Access::Own;
    if is_something && !options.yes && !is_wanted(&found)? {
        return Err(Failure::new(Kind::Failed, "nothing was forgotten"));
    }
    // Also where there is nothing to be seen: it needs the right all the same.
    archive().await?.forget(&text).await.map_err(|error| question::refused(&text, error))?;
    if json {
        return output::json(&json!({ "forgotten": found.total, "access": found.access }));
    }
    match is_something {
        true => output::text(&format!("Forgotten: {}.\n", said(&found))),
        false => output::text("The history has nothing of this.\n"),
    }
}

/// What would go. It is of everybody, and so is the question: polkit may ask the person for a password.
async fn found(query: &str) -> Result<QueryResult, Failure> {
    let connection = bus::connect().await?;
    let history = bus::history(&connection).await?;
    let request = (QueryRequest { query: query.to_owned(), ..QueryRequest::default() },);
    let flags = MethodFlags::AllowInteractiveAuth.into();
    let call = history.inner().call_with_flags("Query", flags, &request);
    let answer = tokio::time::timeout(bus::PERSON_WITHIN, call).await.map_err(|_| bus::timed_out())?;
    let answer = answer.map_err(|error| question::refused(query, Error::from(error)))?;
    let (found,): (QueryResult,) =
        answer.ok_or_else(|| Failure::new(Kind::Incompatible, "portoland did not answer"))?;
    Ok(found)
}

fn said(found: &QueryResult) -> String {
    let Sum { flows, rx_bytes, tx_bytes, first_unix_ms, last_unix_ms } = found.total;
    let shown = |number| bytes(number, Precision::Rounded);
    let clock = Clock::read();
    let when = first_unix_ms.zip(last_unix_ms).map(|(first, last)| {
        let at = |unix_ms| clock.full(UnixMillis(unix_ms));
        format!(", from {} to {}", at(first), at(last))
    });
    let sum = format!(
        "{}, {} in, {} out{}",
        counted(flows, "flow"),
        shown(rx_bytes),
        shown(tx_bytes),
        when.unwrap_or_default()
    );
    match found.access {
        Access::All => sum,
        Access::Own => format!("{sum}, of your own traffic (others' is deleted, too)"),
    }
}

/// Asks on the terminal; anything but yes is no.
fn is_wanted(found: &QueryResult) -> Result<bool, Failure> {
    let mut error = io::stderr().lock();
    write!(error, "Forget {}, for good? [y/N] ", said(found))?;
    error.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
