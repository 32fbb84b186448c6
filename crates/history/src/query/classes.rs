use foldhash::{HashMap, HashMapExt};
use portolan_core::{Dimension, NameSource};
use rusqlite::{
    Connection, Row, params_from_iter,
    types::{FromSqlError, Type, ValueRef},
};

use super::columns::{self, ACTORS, LINEAGES, OWNER, Of, PEERS, PLACES};
use crate::{ReadError, scan::Set};

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Part {
    Null,
    Number(i64),
    Text(Box<str>),
    Blob(Box<[u8]>),
}

impl Part {
    /// Reads a column.
    pub(super) fn of(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        let failed = |error: FromSqlError| {
            rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
        };
        Ok(match row.get_ref(column)? {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Number(number),
            value @ ValueRef::Text(_) => Self::Text(value.as_str().map_err(failed)?.into()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.into()),
            ValueRef::Real(_) => return Err(failed(FromSqlError::InvalidType)),
        })
    }

    /// What a person reads; `None` for what is not known.
    pub(super) fn word(&self) -> Option<String> {
        match self {
            Self::Null | Self::Blob(_) => None,
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.to_string()),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        matches!(self, Self::Number(number) if *number != 0)
    }
}

/// A value of a column that is a number, or is not known.
type Number = Option<i64>;

/// Classes of one number or two.
#[derive(Debug, Default)]
struct Numbers {
    /// Where the first is small, as it is nearly always, and the other not known or 0: two places for each.
    small: Vec<u32>,
    others: HashMap<(Number, Number), u32>,
}

/// Up to here a number is small.
const SMALL: usize = 1 << 18;

impl Numbers {
    /// The place of a class; [`NONE`] stands there before it has one.
    fn class(&mut self, one: Number, other: Number) -> &mut u32 {
        let small = one.and_then(|one| usize::try_from(one).ok()).filter(|one| *one < SMALL);
        match (small, other) {
            (Some(small), None | Some(0)) => {
                let at = small * 2 + usize::from(other.is_some());
                if self.small.len() <= at {
                    self.small.resize(at + 1, NONE);
                }
                &mut self.small[at]
            }
            _ => self.others.entry((one, other)).or_insert(NONE),
        }
    }
}

/// In the place of the class of a number that no row has, or whose rows are not asked for.
const NONE: u32 = u32::MAX;

/// A table is read as a whole where one of so many of its rows is asked for.
pub(super) const SPARSE: u32 = 8;
/// The same where more are: what a list of them takes of memory is bounded.
const LISTED_MAX: u32 = 1 << 16;

/// The actors or peers by what a question groups them by.
#[derive(Debug)]
pub(super) struct Classes {
    /// The class of each number.
    of: Vec<u32>,
    /// Each class's columns.
    pub(super) parts: Vec<Box<[Part]>>,
    /// How sure the name of each number is: the index in [`NameSource::ALL`]. Only of peers by domain.
    pub(super) sources: Option<Vec<u8>>,
}

impl Classes {
    /// The classes of actors or peers by these dimensions; `None` where none of them is about those. All numbers are below `end`, and of
    /// no others than `asked` (`None`: of all) rows are summed.
    pub(super) fn read(
        connection: &Connection,
        about: Of,
        by: &[Dimension],
        end: u32,
        asked: Option<&Set>,
    ) -> Result<Option<Self>, ReadError> {
        let mine = || by.iter().copied().filter(|dimension| columns::of(*dimension).of == about);
        if mine().next().is_none() {
            return Ok(None);
        }
        let owner = mine().any(columns::is_about_owner).then_some(OWNER);
        let groups: Vec<_> = owner.into_iter().chain(mine().map(columns::of)).collect();
        let width = groups.iter().map(|columns| columns.width).sum();
        let groups: Vec<&str> = groups.iter().map(|columns| columns.group).collect();
        let (id, from) = match (about, mine().any(columns::needs_more)) {
            (Of::Actor, false) => ("a.id", ACTORS),
            (Of::Actor, true) => ("a.id", LINEAGES),
            (_, false) => ("r.id", PEERS),
            (_, true) => ("r.id", PLACES),
        };
        let has_sources = mine().any(|dimension| dimension == Dimension::Domain);
        let source = if has_sources { ", r.name_source" } else { "" };
        // Where few are asked for, each by its number: a list that holds nothing but numbers.
        let few = asked.filter(|asked| asked.len() < (asked.end() / SPARSE).min(LISTED_MAX));
        let listed = few.map(|few| few.iter().map(|number| number.to_string()).collect::<Vec<_>>().join(","));
        let only = if few.is_some() {
            format!("WHERE {id} IN (SELECT value FROM json_each(?1))")
        } else {
            String::new()
        };
        let mut statement =
            connection.prepare(&format!("SELECT {id}, {}{source} {from} {only}", groups.join(", ")))?;
        let mut rows = statement.query(params_from_iter(listed.map(|listed| format!("[{listed}]"))))?;
        let size = usize::try_from(end).unwrap_or_default();
        let sources = has_sources.then(|| vec![u8::MAX; size]);
        let mut classes = Self { of: vec![NONE; size], parts: vec![], sources };
        let mut known: HashMap<Box<[Part]>, u32> = HashMap::new();
        // The same where a class is one number or two.
        let mut numbers = Numbers::default();
        let mut parts: Vec<Part> = Vec::with_capacity(width);
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            let is_asked = |number| asked.is_none_or(|asked| asked.has(number));
            let Some(number) = u32::try_from(number).ok().filter(|number| *number < end && is_asked(*number))
            else {
                continue;
            };
            let at = usize::try_from(number).unwrap_or(usize::MAX);
            if let Some(of) = classes.sources.as_mut().and_then(|sources| sources.get_mut(at)) {
                let word = row.get_ref(width + 1)?;
                let source = NameSource::ALL.iter().position(|source| word.as_str() == Ok(source.as_str()));
                *of = source.and_then(|source| u8::try_from(source).ok()).unwrap_or(u8::MAX);
            }
            let second = if width == 2 { row.get_ref(2)? } else { ValueRef::Null };
            let class = match (as_number(row.get_ref(1)?), as_number(second)) {
                (Some(one), Some(other)) if width <= 2 => {
                    let class = numbers.class(one, other);
                    if *class == NONE {
                        let parts = [one, other].into_iter().take(width);
                        classes.parts.push(parts.map(|part| part.map_or(Part::Null, Part::Number)).collect());
                        *class = last(&classes.parts);
                    }
                    *class
                }
                _ => classes.other(row, width, &mut parts, &mut known)?,
            };
            if let Some(of) = classes.of.get_mut(at) {
                *of = class;
            }
        }
        Ok(Some(classes))
    }

    /// The class of a row.
    fn other(
        &mut self,
        row: &Row<'_>,
        width: usize,
        parts: &mut Vec<Part>,
        known: &mut HashMap<Box<[Part]>, u32>,
    ) -> rusqlite::Result<u32> {
        parts.clear();
        for column in 1..=width {
            parts.push(Part::of(row, column)?);
        }
        Ok(match known.get(parts.as_slice()) {
            Some(class) => *class,
            None => {
                self.parts.push(parts.as_slice().into());
                let class = last(&self.parts);
                known.insert(parts.as_slice().into(), class);
                class
            }
        })
    }

    /// The class of an actor or a peer. A number that no row has is in none: what it moved must not count as somebody else's.
    #[inline]
    pub(super) fn of(&self, number: u32) -> Result<u32, ReadError> {
        let class = usize::try_from(number).ok().and_then(|number| self.of.get(number)).copied();
        class.filter(|class| *class != NONE).ok_or(ReadError::NumberUnknown(number))
    }

    /// The classes of several, in the place of what was in `into`.
    pub(super) fn of_each(&self, numbers: &[u64], into: &mut Vec<u32>) -> Result<(), ReadError> {
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        into.clear();
        into.extend(numbers.iter().map(|number| self.of.get(at(*number)).copied().unwrap_or(NONE)));
        match numbers.iter().zip(&*into).find(|(_, class)| **class == NONE) {
            Some((number, _)) => Err(ReadError::NumberUnknown(u32::try_from(*number).unwrap_or(u32::MAX))),
            None => Ok(()),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }
}

/// A column that is a number or not known; `None` where it is anything else.
fn as_number(value: ValueRef<'_>) -> Option<Number> {
    match value {
        ValueRef::Integer(number) => Some(Some(number)),
        ValueRef::Null => Some(None),
        _ => None,
    }
}

/// The number of the last class.
fn last(parts: &[Box<[Part]>]) -> u32 {
    u32::try_from(parts.len().saturating_sub(1)).unwrap_or(u32::MAX)
}
