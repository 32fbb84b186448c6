use portolan_core::Dimension;
use rusqlite::Connection;

use super::{
    Keys, Limits, Line, Question, Series, Step,
    ask::{Asked, Ranked},
    gaps,
    steps::{self, POINTS_MAX},
    sums::Grouping,
    words::words,
};
use crate::{ReadError, block::Level, scan::Scan};

/// The most numbers of each kind in all lines together.
const NUMBERS_MAX: usize = 1_000_000;

/// Answers a question over time: once for which groups are the largest, and once for when they moved what.
pub(crate) fn series(
    connection: &Connection,
    question: &Question,
    step: Step,
    limits: &Limits,
) -> Result<Series, ReadError> {
    let mut question = question.clone();
    question.by.retain(|dimension| *dimension != Dimension::Time);
    let asked = Asked::new(connection, &question)?;
    let steps = steps::of_series(connection, &asked.held, &question.query, step, POINTS_MAX)?;
    question.top = question.top.min(NUMBERS_MAX / steps.count.max(1));

    let grouping = Grouping::read(connection, &question.by, &asked.sight, 1)?;
    let cover = asked.cover(&question, Level::Day)?;
    let mut sums = grouping.sum(&Scan { connection, limits, cover: &cover, sight: &asked.sight })?;
    let ranked = Ranked::new(&sums, &question);
    let words = words(connection, &grouping, &ranked.told(&sums))?;
    let line =
        |keys| Line { keys, tx: vec![0; steps.count], rx: vec![0; steps.count], flows: vec![0; steps.count] };
    let mut lines: Vec<Line> = words.into_iter().map(line).collect();
    if question.by.is_empty() && sums.cells.is_empty() && question.query.totals.is_empty() {
        lines.push(line(Keys::new()));
    }
    let mut other = line(Keys::new());
    // The line of each group: the last one is that of the others.
    let others = lines.len();
    let mut line_of: Vec<Option<usize>> = vec![None; sums.cells.len()];
    let lined = ranked.top.iter().enumerate();
    for (line, group) in lined.chain(ranked.rest.iter().map(|group| (others, group))) {
        if let Some(of) = line_of.get_mut(*group) {
            *of = Some(line);
        }
    }
    // At the ends of a range longer blocks may have stood for shorter ones: then there are groups that were not among those.
    let unknown = question.query.totals.is_empty().then_some(others);

    let cover = asked.cover(&question, steps.coarsest)?;
    let mut has_other = !ranked.rest.is_empty();
    let scan = Scan { connection, limits, cover: &cover, sight: &asked.sight };
    let (mut start_ms, mut at) = (None, 0);
    grouping.tell(&scan, &mut sums, |group, block, row| {
        let line = group.map_or(unknown, |group| line_of.get(group).copied().flatten());
        let Some(number) = line else { return };
        has_other |= number == others;
        let line = lines.get_mut(number).unwrap_or(&mut other);
        // Once for each block: a division takes longer than all else.
        if start_ms != Some(block.start_ms) {
            start_ms = Some(block.start_ms);
            let after = block.start_ms.saturating_sub(steps.first_ms).max(0) / steps.step_ms;
            at = usize::try_from(after).unwrap_or(usize::MAX);
        }
        for (numbers, number) in
            [(&mut line.tx, row.tx), (&mut line.rx, row.rx), (&mut line.flows, row.flows)]
        {
            if let Some(sum) = numbers.get_mut(at) {
                *sum = sum.saturating_add(number);
            }
        }
    })?;
    let times = (0_i64..).take(steps.count);
    Ok(Series {
        step_ms: steps.step_ms,
        times: times.map(|at| steps.first_ms.saturating_add(at.saturating_mul(steps.step_ms))).collect(),
        lines,
        other: has_other.then_some(other),
        gaps: gaps::gaps(connection, &steps)?,
        covered: cover.covered,
    })
}
