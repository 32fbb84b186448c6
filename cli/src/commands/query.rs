use portolan_bus::{
    Access, BY_MAX, Covered, Other, PlaceData, QueryRequest, QueryResult, QueryRow, SeriesResult, Sum,
};
use portolan_core::{Dimension, UnixMillis};
use portolan_history::{Question, Step};
use serde::Serialize;

use super::{
    history_file,
    query_row::{JsonRow, Look, is_assumed, is_inferred, table},
    question, series,
};
use crate::{
    args::{self, Grouping},
    bus,
    failure::{Failure, Kind},
    output,
    show::{
        amount::{Precision, bytes, grouped},
        clock::Clock,
        places::source,
        wrap::wrap,
    },
};

/// What is asked.
pub(crate) struct Asked {
    pub(crate) by: Vec<Dimension>,
    pub(crate) request: QueryRequest,
}

/// Asks the history, the daemon's or a file, and shows its rows, largest first, or what moved over time.
pub(crate) async fn run(options: &args::Query, json: bool) -> Result<(), Failure> {
    let clock = Clock::read();
    let (text, query) = question::read(&options.query.join(" "), &clock.now.to_zoned(clock.zone.clone()))?;
    // A zone that has no name cannot be told to the daemon; in the words of all zones there is none.
    let (text, zone) = match clock.zone.iana_name() {
        Some(zone) => (text, zone.to_owned()),
        None => (query.to_string(), String::new()),
    };
    let by = dimensions(&options.by)?;
    let step = options.series.map(step);
    let request = QueryRequest {
        query: text,
        by: by.iter().map(|dimension| dimension.as_str().to_owned()).collect(),
        top: options.top,
        step: step.map(word).unwrap_or_default().to_owned(),
        zone,
        token: 0,
    };
    let asked = Asked { by, request };
    let precision = if options.bytes { Precision::Exact } else { Precision::Rounded };
    let look = Look { clock, precision, terminal_width: output::terminal_width() };
    let found = match &options.history {
        Some(path) => {
            let top = match options.top {
                0 => usize::MAX,
                top => usize::try_from(top).unwrap_or(usize::MAX),
            };
            let question = Question { query, by: asked.by.clone(), top, viewer: None, step: Step::default() };
            history_file::ask(path, |reader| {
                let limits = history_file::limits(options.timeout);
                Ok(match step {
                    Some(step) => Found::Series(SeriesResult::found(
                        reader.series(&question, step, &limits)?,
                        Vec::new(),
                        Access::All,
                    )),
                    None => Found::Sums(QueryResult::found(
                        reader.answer(&question, &limits)?,
                        Vec::new(),
                        Access::All,
                    )),
                })
            })?
        }
        None => {
            let connection = bus::connect().await?;
            let history = bus::history(&connection).await?;
            let found = match step {
                Some(_) => history.series(&asked.request).await.map(Found::Series),
                None => history.query(&asked.request).await.map(Found::Sums),
            };
            found.map_err(|error| question::refused(&asked.request.query, error))?
        }
    };
    match found {
        Found::Sums(result) if json => output::json(&Answer::new(&asked, &result)),
        Found::Sums(result) => output::text(&page(&asked, &result, &look)),
        Found::Series(result) if json => output::json(&series::Answer::new(&asked, &result)),
        Found::Series(result) => output::text(&series::page(&asked, &result, &look)),
    }
}

enum Found {
    Sums(QueryResult),
    Series(SeriesResult),
}

fn step(step: args::Step) -> Step {
    match step {
        args::Step::Auto => Step::Auto,
        args::Step::Bucket => Step::Bucket,
        args::Step::Minute => Step::Minute,
        args::Step::Hour => Step::Hour,
        args::Step::Day => Step::Day,
    }
}

/// As the bus says it.
fn word(step: Step) -> &'static str {
    match step {
        Step::Auto => "",
        Step::Bucket => "bucket",
        Step::Minute => "minute",
        Step::Hour => "hour",
        Step::Day => "day",
    }
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
    if by.len() > BY_MAX {
        return Err(Failure::new(
            Kind::Usage,
            format!("--by is at most {BY_MAX} dimensions; leave some out"),
        ));
    }
    Ok(by)
}

/// The JSON document.
#[derive(Serialize)]
struct Answer<'a> {
    query: &'a str,
    by: Vec<&'static str>,
    access: Access,
    covered: &'a Covered,
    total: &'a Sum,
    other: Option<&'a Other>,
    places: &'a [PlaceData],
    rows: Vec<JsonRow<'a>>,
}

impl<'a> Answer<'a> {
    fn new(asked: &'a Asked, result: &'a QueryResult) -> Self {
        let rows = result.groups.rows().into_iter();
        Self {
            query: &asked.request.query,
            by: asked.by.iter().map(|dimension| dimension.as_str()).collect(),
            access: result.access,
            covered: &result.covered,
            total: &result.total,
            other: result.groups.other.as_ref(),
            places: &result.places,
            rows: rows.map(|row| JsonRow { by: &asked.by, row }).collect(),
        }
    }
}

fn page(asked: &Asked, result: &QueryResult, look: &Look) -> String {
    let whose = whose(result.access);
    let rows = result.groups.rows();
    let (Some(first), Some(last)) = (result.total.first_unix_ms, result.total.last_unix_ms) else {
        return format!("Nothing was recorded of that{whose}.\n");
    };
    let Sum { tx_bytes, rx_bytes, flows, .. } = result.total;
    let count = rows.len();
    let others = result.groups.other.map_or(0, |other| other.groups);
    let instant = |unix_ms| look.clock.for_table(UnixMillis(unix_ms), look.terminal_width);
    let total = format!(
        "{count} row{}{}: in {}, out {}, {} flow{}, from {} to {}{whose}",
        if count == 1 { "" } else { "s" },
        if others == 0 { String::new() } else { format!(" and {} others", grouped(others)) },
        bytes(rx_bytes, look.precision),
        bytes(tx_bytes, look.precision),
        grouped(flows),
        if flows == 1 { "" } else { "s" },
        instant(first),
        instant(last),
    );
    let table = table(&asked.by, &rows, result.groups.other.as_ref(), look);
    let mut page = table.render(look.terminal_width);
    let below = [Some(total), covered(&result.covered, look), marks(&rows)];
    let sources = result.places.iter().map(|places| source(places, &look.clock));
    for line in below.into_iter().flatten().chain(sources) {
        page.push_str(&(wrap(&line, look.terminal_width, 0) + "\n"));
    }
    page
}

pub(crate) fn whose(access: Access) -> &'static str {
    match access {
        Access::All => "",
        Access::Own => "; your own traffic only",
    }
}

/// Which time an answer is about; `None` for all there is, as exactly as it was counted.
pub(crate) fn covered(covered: &Covered, look: &Look) -> Option<String> {
    let instant = |unix_ms: i64| look.clock.full(UnixMillis(unix_ms));
    let since = covered.since_unix_ms.map(|since| format!("from {}", instant(since)));
    let until = covered.until_unix_ms.map(|until| format!("to {}", instant(until)));
    let finest = (covered.finest != "bucket" && !covered.finest.is_empty())
        .then(|| format!("by the {}, of which times are the ends", covered.finest));
    let said: Vec<String> = [since, until].into_iter().flatten().collect();
    let said = [(!said.is_empty()).then(|| said.join(" ")), finest];
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| format!("Summed up {}.", said.join(", ")))
}

/// What the marks in the table mean; `None` when there are none.
pub(crate) fn marks(rows: &[QueryRow]) -> Option<String> {
    let any = |is: fn(&QueryRow) -> bool| rows.iter().any(is);
    let inferred = any(is_inferred).then_some("~ before a name: it may as well be another one.");
    let assumed = any(is_assumed).then_some("? after a service: by its port only.");
    let marks: Vec<_> = [inferred, assumed].into_iter().flatten().collect();
    (!marks.is_empty()).then(|| marks.join(" "))
}
