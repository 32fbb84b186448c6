use std::cmp::Reverse;

use portolan_core::Dimension;
use rusqlite::Connection;

use super::{
    Answer, Group, Keys, Limits, Question, Sight, Sum, steps,
    sums::{Cell, Grouping, Key, Sums},
    words::words,
};
use crate::{
    ReadError,
    block::Level,
    language::{Measure, Total},
    scan::{Cover, Held, Scan},
};

/// What every question begins with: who sees what, and which blocks there are.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) sight: Sight,
    pub(super) held: Held,
    /// Whether it is about ports or local addresses, which nothing but buckets have.
    is_about_ends: bool,
}

impl Asked {
    pub(super) fn new(connection: &Connection, question: &Question) -> Result<Self, ReadError> {
        let sight = Sight::new(connection, &question.query.filter, question.viewer)?;
        let by_ports =
            question.by.iter().any(|by| matches!(by, Dimension::LocalPort | Dimension::RemotePort));
        let is_about_ends = sight.asks_ends() || by_ports;
        Ok(Self { sight, held: Held::read(connection)?, is_about_ends })
    }

    /// The blocks that answer, none of them longer than `coarsest` where there are shorter ones.
    pub(super) fn cover(&self, question: &Question, coarsest: Level) -> Result<Cover, ReadError> {
        let query = &question.query;
        if !self.is_about_ends {
            return Ok(self.held.cover(query, coarsest, false));
        }
        let cover = self.held.cover(query, Level::Bucket, true);
        let is_empty = query.since.zip(query.until).is_some_and(|(since, until)| since >= until);
        if cover.spans.is_empty() && !is_empty { Err(ReadError::EndsNotKept) } else { Ok(cover) }
    }
}

/// Answers a question.
pub(crate) fn answer(
    connection: &Connection,
    question: &Question,
    limits: &Limits,
) -> Result<Answer, ReadError> {
    let asked = Asked::new(connection, question)?;
    let (step_ms, coarsest) = if question.by.contains(&Dimension::Time) {
        steps::of_groups(connection, &asked.held, &question.query, question.step)?
    } else {
        (1, Level::Day)
    };
    let cover = asked.cover(question, coarsest)?;
    let grouping = Grouping::read(connection, &question.by, &asked.sight, step_ms)?;
    let sums = grouping.sum(&Scan { connection, limits, cover: &cover, sight: &asked.sight })?;

    let ranked = Ranked::new(&sums, question);
    let words = words(connection, &grouping, &ranked.told(&sums))?;
    let sum = |at: &usize| sums.cells.get(*at).map_or_else(Sum::default, Cell::sum);
    let largest = words.into_iter().zip(ranked.top.iter().map(sum));
    let mut groups: Vec<Group> = largest.map(|(keys, sum)| Group { keys, sum }).collect();
    if question.by.is_empty() && sums.cells.is_empty() && fits(&Sum::default(), &question.query.totals) {
        groups.push(Group { keys: Keys::new(), sum: Sum::default() });
        groups.truncate(question.top);
    }
    let bytes = |group: &Group| u128::from(group.sum.bytes.tx) + u128::from(group.sum.bytes.rx);
    for equal in groups.chunk_by_mut(|one, other| bytes(one) == bytes(other)) {
        equal.sort_by(|one, other| one.keys.cmp(&other.keys));
    }
    let mut total = Sum::default();
    ranked
        .top
        .iter()
        .chain(&ranked.rest)
        .filter_map(|at| sums.cells.get(*at))
        .for_each(|cell| total.add(&cell.sum()));
    let mut other = Sum::default();
    ranked.rest.iter().filter_map(|at| sums.cells.get(*at)).for_each(|cell| other.add(&cell.sum()));
    let count = u64::try_from(ranked.rest.len()).unwrap_or(u64::MAX);
    Ok(Answer { groups, other: (count > 0).then_some((other, count)), total, covered: cover.covered })
}

/// The groups that fulfil the conditions on their sums, by number.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    /// The largest, the largest first.
    pub(super) top: Vec<usize>,
    /// The others, in no order.
    pub(super) rest: Vec<usize>,
}

impl Ranked {
    pub(super) fn new(sums: &Sums, question: &Question) -> Self {
        let totals = &question.query.totals;
        let all = sums.cells.iter().enumerate();
        let mut top: Vec<usize> =
            all.filter(|(_, cell)| fits(&cell.sum(), totals)).map(|(at, _)| at).collect();
        let order = |at: &usize| (Reverse(sums.cells.get(*at).map(|cell| cell.bytes())), sums.keys.get(*at));
        let mut rest = Vec::new();
        if question.top < top.len() {
            top.select_nth_unstable_by(question.top, |one, other| order(one).cmp(&order(other)));
            rest = top.split_off(question.top);
        }
        top.sort_unstable_by(|one, other| order(one).cmp(&order(other)));
        Self { top, rest }
    }

    /// The largest as their words are asked for.
    pub(super) fn told(&self, sums: &Sums) -> Vec<(Key, u8)> {
        let told = |at: &usize| Some((*sums.keys.get(*at)?, sums.cells.get(*at)?.source));
        self.top.iter().filter_map(told).collect()
    }
}

/// Whether a sum is what is wanted.
fn fits(sum: &Sum, totals: &[Total]) -> bool {
    totals.iter().all(|total| {
        total.range.contains(&match total.measure {
            Measure::Tx => sum.bytes.tx,
            Measure::Rx => sum.bytes.rx,
            Measure::Bytes => sum.bytes.total(),
            Measure::Flows => sum.flows,
        })
    })
}
