//! A word: a field with its values, a comparison, a time, or text to be found.

use std::net::IpAddr;

use jiff::Zoned;
use portolan_core::UnixMillis;

use super::{
    Filter, Measure, Problem, Total,
    amount::{self, Comparison},
    letters::{Letter, Span, text_of},
    moment,
    problem::{nearest, said},
    value,
    words::{self, Side, Subject},
};

/// What a word says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    Filter(Filter),
    Total(Total),
    /// Since and until.
    Time(Option<UnixMillis>, Option<UnixMillis>),
}

impl Term {
    /// How many conditions.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Filter(Filter::Any(values)) => values.len(),
            Self::Filter(Filter::Not(inner)) => match inner.as_ref() {
                Filter::Any(values) => values.len(),
                _ => 1,
            },
            _ => 1,
        }
    }
}

/// A word up to its value.
pub(super) struct Head {
    pub(super) name: String,
    pub(super) comparison: Comparison,
    /// How many letters it has, the sign of the comparison among them.
    pub(super) length: usize,
}

pub(super) fn read(letters: &[Letter], span: Span, now: &Zoned) -> Result<Term, Problem> {
    let Some(head) = head(letters).filter(|_| text_of(letters).parse::<IpAddr>().is_err()) else {
        return value::text(letters, span).map(Term::Filter);
    };
    let (before, behind) = letters.split_at(head.length);
    let name_span = Span::of(&before[..head.name.len()], span);
    let value_span = Span::of(behind, span);
    match words::subject(&head.name) {
        None => Err(unknown(&head.name, name_span)),
        Some(Subject::Field(field)) => {
            let is_list = matches!(head.comparison, Comparison::Equal | Comparison::NotEqual);
            let values = behind.split(|letter| is_list && letter.is(','));
            let conditions = values.map(|letters| {
                let span = Span::of(letters, if behind.is_empty() { span } else { value_span });
                value::condition(field, head.comparison, letters, span)
            });
            let any = Filter::any(conditions.collect::<Result<_, _>>()?);
            Ok(Term::Filter(if head.comparison == Comparison::NotEqual { Filter::but(any) } else { any }))
        }
        Some(Subject::Measure(measure)) => {
            total(measure, head.comparison, &text_of(behind), value_span).map(Term::Total)
        }
        Some(Subject::Time(side)) => {
            if head.comparison != Comparison::Equal {
                let name = Subject::Time(side).as_str();
                return Err(Problem::at(span, format!("a time stands behind a colon: {name}:2026-03-01")));
            }
            let given = text_of(behind);
            let wrong = |error: portolan_core::ParseError| {
                Problem::at(value_span, error.to_string())
                    .suggesting(nearest(&given, ["now", "today", "yesterday"]))
            };
            let one = || moment::parse(&given, now).map_err(wrong);
            match side {
                Side::Since => Ok(Term::Time(Some(one()?), None)),
                Side::Until => Ok(Term::Time(None, Some(one()?))),
                Side::On => moment::day(&given, now)
                    .map(|(since, until)| Term::Time(Some(since), Some(until)))
                    .map_err(wrong),
            }
        }
    }
}

/// The word before a sign of comparison, where there is one.
pub(super) fn head(letters: &[Letter]) -> Option<Head> {
    let is_of_name = |letter: &&Letter| {
        !letter.is_plain && (letter.c.is_ascii_alphanumeric() || matches!(letter.c, '_' | '-'))
    };
    let name: String = letters.iter().take_while(is_of_name).map(|letter| letter.c).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let is = |at: usize, sign| letters.get(at).is_some_and(|letter| letter.is(sign));
    let mut at = name.len();
    let colon = is(at, ':');
    at += usize::from(colon);
    let (comparison, length) = match () {
        () if is(at, '>') && is(at + 1, '=') => (Comparison::AtLeast, 2),
        () if is(at, '<') && is(at + 1, '=') => (Comparison::AtMost, 2),
        () if is(at, '>') => (Comparison::Above, 1),
        () if is(at, '<') => (Comparison::Below, 1),
        () if colon => (Comparison::Equal, 0),
        () if is(at, '!') && is(at + 1, '=') => (Comparison::NotEqual, 2),
        () if is(at, '=') => (Comparison::Equal, 1),
        () => return None,
    };
    Some(Head { name, comparison, length: at + length })
}

fn unknown(name: &str, span: Span) -> Problem {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    if lower == "time" {
        return Problem::at(span, "a time is asked for with since:, until: or on:").suggesting(Some("since"));
    }
    let message = format!("{} is no field; put the word in quotes to find it as text", said(name));
    Problem::at(span, message).suggesting(nearest(&lower, words::all().map(|(_, word)| word)))
}

fn total(measure: Measure, comparison: Comparison, given: &str, span: Span) -> Result<Total, Problem> {
    let name = Subject::Measure(measure).as_str();
    let expected = if measure == Measure::Flows {
        "a number such as 100"
    } else {
        "an amount such as 10MB, 1.5GiB or 300"
    };
    let wrong = || {
        Problem::at(span, format!("{} is not what {name} compares with; expected {expected}", said(given)))
    };
    let range = match (comparison, given.split_once('-')) {
        (Comparison::NotEqual, _) => None,
        (Comparison::Equal, Some((from, to))) => {
            let read = |text| amount::read(text, measure).ok_or_else(wrong);
            Some(read(from)?..=read(to)?).filter(|range| !range.is_empty())
        }
        _ => comparison.range(amount::read(given, measure).ok_or_else(wrong)?, u64::MAX),
    };
    let range = range.ok_or_else(|| {
        Problem::at(span, format!("no sum is that; write for example {name}>10 or {name}:10-20"))
    })?;
    Ok(Total { measure, range })
}
