use portolan_bus::{Access, QueryRequest, QueryResult};
use portolan_core::Dimension;
use serde::Serialize;

use super::query_row::{JsonRow, Look, table};
use crate::{
    args::{self, Grouping},
    bus,
    failure::{Failure, Kind},
    moment, output,
    show::{
        amount::{Precision, bytes},
        clock::Clock,
    },
};

/// Asks the history and shows its rows, largest first.
pub(crate) async fn run(options: &args::Query, json: bool) -> Result<(), Failure> {
    let clock = Clock::read();
    let by = dimensions(&options.by)?;
    let request = QueryRequest {
        since_unix_ms: since(&options.since, &clock)?,
        until_unix_ms: until(&options.until, &clock)?,
        by: by.iter().map(|dimension| dimension.as_str().to_owned()).collect(),
        limit: options.limit,
    };
    if let (Some(since), Some(until)) = (request.since_unix_ms, request.until_unix_ms)
        && since >= until
    {
        return Err(Failure::new(
            Kind::Usage,
            "--since must lie before --until; nothing can be between them",
        ));
    }
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    let result = daemon.query(&request).await.map_err(bus::failed_call)?;
    if json {
        return output::json(&Answer::new(&request, &by, &result));
    }
    let precision = if options.bytes { Precision::Exact } else { Precision::Rounded };
    let look = Look { clock, precision, terminal_width: output::terminal_width() };
    output::text(&page(&by, &result, &look))
}

/// The words of `--by`, each once, in the order given.
fn dimensions(words: &[Grouping]) -> Result<Vec<Dimension>, Failure> {
    let mut by = Vec::new();
    for word in words {
        match word {
            Grouping::By(dimension) if !by.contains(dimension) => by.push(*dimension),
            Grouping::By(_) => {}
            Grouping::None if words.len() == 1 => {}
            Grouping::None => {
                return Err(Failure::new(
                    Kind::Usage,
                    "--by none stands alone: it means one row with the total",
                ));
            }
        }
    }
    Ok(by)
}

/// `None` for `all`.
fn since(text: &str, clock: &Clock) -> Result<Option<i64>, Failure> {
    if text == "all" {
        return Ok(None);
    }
    let moment = moment::parse(text, clock);
    Ok(Some(moment.map_err(|error| Failure::new(Kind::Usage, format!("--since: {error}, or all")))?))
}

/// `None` for `now`: the daemon then counts up to the moment of its answer.
fn until(text: &str, clock: &Clock) -> Result<Option<i64>, Failure> {
    if text == "now" {
        return Ok(None);
    }
    let moment = moment::parse(text, clock);
    Ok(Some(moment.map_err(|error| Failure::new(Kind::Usage, format!("--until: {error}")))?))
}

/// The JSON document.
#[derive(Serialize)]
struct Answer<'a> {
    since_unix_ms: Option<i64>,
    until_unix_ms: Option<i64>,
    by: Vec<&'static str>,
    access: Access,
    truncated: bool,
    rows: Vec<JsonRow<'a>>,
}

impl<'a> Answer<'a> {
    fn new(request: &QueryRequest, by: &'a [Dimension], result: &'a QueryResult) -> Self {
        Self {
            since_unix_ms: request.since_unix_ms,
            until_unix_ms: request.until_unix_ms,
            by: by.iter().map(|dimension| dimension.as_str()).collect(),
            access: result.access,
            truncated: result.truncated,
            rows: result.rows.iter().map(|row| JsonRow { by, row }).collect(),
        }
    }
}

fn page(by: &[Dimension], result: &QueryResult, look: &Look) -> String {
    let whose = match result.access {
        Access::All => "",
        Access::Own => "; your own traffic only",
    };
    if result.rows.is_empty() {
        return format!("Nothing was recorded in that time{whose}.\n");
    }
    let sum = |value: fn(&portolan_bus::QueryRow) -> u64| {
        result.rows.iter().map(value).fold(0, u64::saturating_add)
    };
    let count = result.rows.len();
    let more = if result.truncated { "; there are more, see --limit" } else { "" };
    format!(
        "{}{count} row{}: in {}, out {}, {} flows{more}{whose}\n",
        table(by, &result.rows, look).render(look.terminal_width),
        if count == 1 { "" } else { "s" },
        bytes(sum(|row| row.rx_bytes), look.precision),
        bytes(sum(|row| row.tx_bytes), look.precision),
        sum(|row| row.flows),
    )
}
