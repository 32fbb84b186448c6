use portolan_bus::{Access, Filter, PlaceData, QueryRequest, QueryResult, QueryRow};
use portolan_core::{Dimension, UnixMillis};
use serde::Serialize;

use super::query_row::{JsonRow, Look, is_assumed, is_empty, is_inferred, table};
use crate::{
    args::{self, Grouping},
    bus,
    failure::{Failure, Kind},
    moment, output,
    show::{
        amount::{Precision, bytes, grouped},
        clock::{Clock, duration},
        places::source,
        wrap::wrap,
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
        only: options.only.clone(),
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
    output::text(&page(&by, &request, &result, &look))
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
    only: &'a [Filter],
    access: Access,
    truncated: bool,
    places: &'a [PlaceData],
    rows: Vec<JsonRow<'a>>,
}

impl<'a> Answer<'a> {
    fn new(request: &'a QueryRequest, by: &'a [Dimension], result: &'a QueryResult) -> Self {
        Self {
            since_unix_ms: request.since_unix_ms,
            until_unix_ms: request.until_unix_ms,
            by: by.iter().map(|dimension| dimension.as_str()).collect(),
            only: &request.only,
            access: result.access,
            truncated: result.truncated,
            places: &result.places,
            rows: result.rows.iter().map(|row| JsonRow { by, row }).collect(),
        }
    }
}

fn page(by: &[Dimension], request: &QueryRequest, result: &QueryResult, look: &Look) -> String {
    let whose = match result.access {
        Access::All => "",
        Access::Own => "; your own traffic only",
    };
    let rows = &result.rows;
    let first = rows.iter().map(|row| row.first_unix_ms).min();
    let last = rows.iter().map(|row| row.last_unix_ms).max();
    let (Some(first), Some(last), false) = (first, last, rows.iter().all(is_empty)) else {
        return format!("Nothing was recorded in that time{whose}.\n");
    };
    let sum = |value: fn(&QueryRow) -> u64| rows.iter().map(value).fold(0, u64::saturating_add);
    let (count, flows) = (rows.len(), sum(|row| row.flows));
    let instant = |unix_ms| look.clock.for_table(UnixMillis(unix_ms), look.terminal_width);
    let more = if result.truncated { "; there are more, see --limit" } else { "" };
    let total = format!(
        "{count} row{}: in {}, out {}, {} flow{}, from {} to {}{more}{whose}",
        if count == 1 { "" } else { "s" },
        bytes(sum(|row| row.rx_bytes), look.precision),
        bytes(sum(|row| row.tx_bytes), look.precision),
        grouped(flows),
        if flows == 1 { "" } else { "s" },
        instant(first),
        instant(last),
    );
    let mut page = table(by, rows, look).render(look.terminal_width);
    let sources = result.places.iter().map(|places| source(places, &look.clock));
    let below = [Some(total), beyond(request, first, last), marks(rows)];
    for line in below.into_iter().flatten().chain(sources) {
        page.push_str(&(wrap(&line, look.terminal_width, 0) + "\n"));
    }
    page
}

/// What the marks in the table mean; `None` when there are none.
fn marks(rows: &[QueryRow]) -> Option<String> {
    let any = |is: fn(&QueryRow) -> bool| rows.iter().any(is);
    let inferred = any(is_inferred).then_some("~ before a name: it may as well be another one.");
    let assumed = any(is_assumed).then_some("? after a service: by its port only.");
    let marks: Vec<_> = [inferred, assumed].into_iter().flatten().collect();
    (!marks.is_empty()).then(|| marks.join(" "))
}

/// What the answer holds of before --since and after --until; `None` when it holds nothing of that.
fn beyond(request: &QueryRequest, first: i64, last: i64) -> Option<String> {
    let span = |ms: i64| duration(ms.saturating_add(999));
    let before = request.since_unix_ms.filter(|since| first < *since);
    let after = request.until_unix_ms.filter(|until| last > *until);
    let before = before.map(|since| format!("begins {} before --since", span(since.saturating_sub(first))));
    let after = after.map(|until| format!("ends {} after --until", span(last.saturating_sub(until))));
    let beyond: Vec<String> = [before, after].into_iter().flatten().collect();
    (!beyond.is_empty()).then(|| {
        let beyond = beyond.join(" and ");
        format!(
            "This {beyond}: the history keeps sums over some time, and those at the edges are taken whole."
        )
    })
}
