//! A series as it is drawn: the largest lines, all others as one, in steps no narrower than a pixel.

use portolan_bus::{Column, Line, SeriesResult};
use portolan_core::Dimension;

use crate::{look::Look, naming::names};

/// As many lines as there are colours for.
const LINES: usize = 8;

/// More of them side by side are a comb and no chart: neighbours are then drawn as one, as wide as the next of these.
const STEPS: usize = 59;
const HOUR: i64 = 3_600_000;
const WIDTHS: [i64; 18] = [
    30_000,
    60_000,
    2 * 60_000,
    5 * 60_000,
    10 * 60_000,
    15 * 60_000,
    30 * 60_000,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    7 * 24 * HOUR,
    30 * 24 * HOUR,
    90 * 24 * HOUR,
    360 * 24 * HOUR,
];

/// What moved in each step, by line.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    pub(crate) step_ms: i64,
    /// The beginning of each.
    pub(crate) starts: Vec<i64>,
    /// The end of the last one, which may be a shorter one.
    until: i64,
    /// Largest first; all others are the last one.
    pub(crate) bands: Vec<Band>,
    /// Whether anything of it was recorded: a step without is a gap, not 0.
    pub(crate) known: Vec<bool>,
}

/// A line, and what moved in all.
#[derive(Debug)]
pub(crate) struct Band {
    /// Harmless text.
    pub(crate) name: String,
    pub(crate) is_other: bool,
    pub(crate) rx: Vec<u64>,
    pub(crate) tx: Vec<u64>,
}

impl Steps {
    pub(crate) fn new(look: &Look, series: &SeriesResult, by: Option<Dimension>) -> Self {
        let count = series.times_unix_ms.len();
        let every = every(count, series.step_ms.max(1));
        let keys: Vec<_> = (0..series.lines.len()).map(|at| Column::keys_at(&series.keys, at)).collect();
        let names = by.map(|by| names(look, by, &keys)).unwrap_or_default();
        let mut order: Vec<usize> = (0..series.lines.len()).collect();
        let size = |at: &usize| {
            series.lines.get(*at).map_or(0, |line| sum(&line.rx_bytes).saturating_add(sum(&line.tx_bytes)))
        };
        order.sort_by_key(|at| std::cmp::Reverse(size(at)));
        let shown = if by.is_some() { LINES } else { 0 };
        let largest = order.iter().take(shown).filter(|at| size(at) > 0);
        let band = |at: &usize| {
            let name = names.get(*at).cloned().unwrap_or_default();
            series.lines.get(*at).map(|line| Band::new(name, line, count, every))
        };
        let mut bands: Vec<Band> = largest.filter_map(band).collect();
        let mut rest = Line::default();
        order
            .iter()
            .skip(shown)
            .filter_map(|at| series.lines.get(*at))
            .chain(&series.other)
            .for_each(|line| rest.add(line));
        let name = look.say("all others", "todo lo demás").to_owned();
        let other = Band { is_other: true, ..Band::new(name, &rest, count, every) };
        bands.extend((by.is_none() || other.total() > 0).then_some(other));
        Self {
            step_ms: series.step_ms.max(1).saturating_mul(i64::try_from(every).unwrap_or(1)),
            starts: series.times_unix_ms.iter().copied().step_by(every).collect(),
            until: series.times_unix_ms.last().map_or(0, |last| last.saturating_add(series.step_ms.max(1))),
            bands,
            known: known(series, every),
        }
    }

    /// Everything in each step, received and sent.
    pub(crate) fn totals(&self) -> Vec<(u64, u64)> {
        let at = |place: usize| {
            let sum = |of: fn(&Band) -> &Vec<u64>| {
                self.bands
                    .iter()
                    .filter_map(|band| of(band).get(place))
                    .fold(0_u64, |sum, bytes| sum.saturating_add(*bytes))
            };
            (sum(|band| &band.rx), sum(|band| &band.tx))
        };
        (0..self.starts.len()).map(at).collect()
    }

    /// From the beginning of the first to the end of the last; `None` when there are none.
    pub(crate) fn range(&self) -> Option<(i64, i64)> {
        Some((*self.starts.first()?, self.until))
    }

    /// The end of a step.
    pub(crate) fn end(&self, at: usize) -> i64 {
        self.starts.get(at).map_or(self.until, |start| start.saturating_add(self.step_ms).min(self.until))
    }

    /// Steps side by side in which something was recorded, as places of the first and behind the last.
    pub(crate) fn runs(&self) -> Vec<(usize, usize)> {
        self.spans(true)
    }

    /// The others.
    pub(crate) fn gaps(&self) -> Vec<(usize, usize)> {
        self.spans(false)
    }

    fn spans(&self, are_known: bool) -> Vec<(usize, usize)> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for (at, _) in self.known.iter().enumerate().filter(|(_, known)| **known == are_known) {
            match spans.last_mut() {
                Some((_, end)) if *end == at => *end += 1,
                _ => spans.push((at, at + 1)),
            }
        }
        spans
    }
}

impl Band {
    fn new(name: String, line: &Line, count: usize, every: usize) -> Self {
        let merged = |bytes: &[u64]| {
            let mut bytes: Vec<u64> = bytes.iter().copied().take(count).collect();
            bytes.resize(count, 0);
            bytes.chunks(every).map(sum).collect()
        };
        Self { name, is_other: false, rx: merged(&line.rx_bytes), tx: merged(&line.tx_bytes) }
    }

    pub(crate) fn received(&self) -> u64 {
        sum(&self.rx)
    }

    pub(crate) fn sent(&self) -> u64 {
        sum(&self.tx)
    }

    pub(crate) fn total(&self) -> u64 {
        self.received().saturating_add(self.sent())
    }
}

/// How many neighbours are drawn as one.
fn every(count: usize, step_ms: i64) -> usize {
    let fits = |every: &usize| count.div_ceil(*every) <= STEPS;
    let round = WIDTHS.into_iter().filter(|width| width % step_ms == 0);
    let mut round =
        round.filter_map(|width| usize::try_from(width / step_ms).ok()).filter(|every| *every > 0);
    if fits(&1) { 1 } else { round.find(fits).unwrap_or(count.div_ceil(STEPS)) }
}

/// Whether anything of these steps was recorded.
fn known(series: &SeriesResult, every: usize) -> Vec<bool> {
    let is_known = |start: &i64| !series.is_gap(*start);
    series.times_unix_ms.chunks(every).map(|starts| starts.iter().any(is_known)).collect()
}

fn sum(bytes: &[u64]) -> u64 {
    bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes))
}
