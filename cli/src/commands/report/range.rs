use jiff::{Timestamp, ToSpan as _, civil::Date};
use portolan_history::{Step, language::Query};

use crate::{
    args::{self, Chart},
    commands::question,
    failure::{Failure, Kind},
    show::clock::Clock,
};

/// Which traffic, of which time.
pub(super) struct Range {
    /// What was asked for, with times.
    pub(super) text: String,
    /// What a person asked for; empty for everything.
    pub(super) given: String,
    pub(super) since: Option<i64>,
    pub(super) until: Option<i64>,
    pub(super) now_ms: i64,
    /// The same without its times.
    untimed: String,
    days: String,
}

impl Range {
    pub(super) fn new(options: &args::Report, clock: &Clock) -> Result<Self, Failure> {
        let now = clock.now.to_zoned(clock.zone.clone());
        let given = options.query.join(" ");
        let (_, asked) = question::read(&given, &now)?;
        let is_timed = asked.since.is_some() || asked.until.is_some();
        if is_timed && options.month.is_some() {
            let sentence = "--month is a time already: leave since:, until: and on: out of the query";
            return Err(Failure::new(Kind::Usage, sentence));
        }
        let untimed = Query { since: None, until: None, ..asked.clone() }.to_string();
        let (since, until) = match is_timed {
            true => (asked.since.map(|at| at.0), asked.until.map(|at| at.0)),
            false => {
                let first = options.month.unwrap_or_else(|| now.date().first_of_month());
                let start = |date: Date| {
                    date.to_zoned(clock.zone.clone()).ok().map(|at| at.timestamp().as_millisecond())
                };
                (start(first), first.checked_add(1.month()).ok().and_then(start))
            }
        };
        let days = match (is_timed, options.month) {
            (false, month) => month.unwrap_or(now.date()).strftime("%Y-%m").to_string(),
            (true, _) => now.date().to_string(),
        };
        let is_of_a_part = asked.filter != Query::default().filter || !asked.totals.is_empty();
        let text = timed(&untimed, since, until);
        // Its times are said elsewhere.
        let given = if is_of_a_part { untimed.clone() } else { String::new() };
        Ok(Self { text, given, since, until, now_ms: clock.now_ms(), untimed, days })
    }

    /// The same traffic at another time.
    pub(super) fn at(&self, since_ms: i64, until_ms: i64) -> String {
        timed(&self.untimed, Some(since_ms), Some(until_ms))
    }

    /// In steps of an hour a month can be drawn by days that begin where the person's do; else what suits the time.
    pub(super) fn step(&self) -> Step {
        let days = self.since.map(|since| (self.until.unwrap_or(self.now_ms) - since) / 86_400_000);
        if days.is_some_and(|days| (8..=62).contains(&days)) { Step::Hour } else { Step::Auto }
    }

    /// What the file is called where nobody says it, without its ending.
    pub(super) fn name(&self, chart: Option<Chart>) -> String {
        let what = match chart {
            None => "",
            Some(Chart::Time) => "time-",
            Some(Chart::Bars) => "bars-",
            Some(Chart::Map) => "map-",
        };
        format!("portolan-{what}{}", self.days)
    }
}

/// A query with times, which stand beside everything else.
fn timed(untimed: &str, since: Option<i64>, until: Option<i64>) -> String {
    let at = |word: &str, ms: Option<i64>| {
        let at = ms.and_then(|ms| Timestamp::from_millisecond(ms).ok())?;
        Some(format!("{word}:{at}"))
    };
    let times = [at("since", since), at("until", until)];
    let query = (!untimed.is_empty() && untimed != "*").then(|| untimed.to_owned());
    query.into_iter().chain(times.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}
