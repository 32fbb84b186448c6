use foldhash::{HashMap, HashMapExt};
use portolan_core::{Dimension, NameSource};
use rusqlite::{
    Connection, Row,
    types::{FromSqlError, Type, ValueRef},
};

use super::columns::{self, ACTORS, LINEAGES, OWNER, Of, PEERS, PLACES};
use crate::ReadError;

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

/// The actors or peers by what a question groups them by.
#[derive(Debug, Default)]
pub(super) struct Classes {
    /// The class of each number.
    of: Vec<u32>,
    /// Each class's columns.
    pub(super) parts: Vec<Box<[Part]>>,
    /// How sure the name of each number is: the index in [`NameSource::ALL`]. Only of peers by domain.
    pub(super) sources: Option<Vec<u8>>,
}

impl Classes {
    /// The classes of actors or peers by these dimensions; `None` where none of them is about those.
    pub(super) fn read(
        connection: &Connection,
        about: Of,
        by: &[Dimension],
        end: u32,
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
        let mut statement =
            connection.prepare(&format!("SELECT {id}, {}{source} {from}", groups.join(", ")))?;
        let mut rows = statement.query([])?;
        let size = usize::try_from(end).unwrap_or_default();
        let sources = has_sources.then(|| vec![u8::MAX; size]);
        let mut classes = Self { of: vec![0; size], parts: vec![], sources };
        let mut known: HashMap<Box<[Part]>, u32> = HashMap::new();
        // The same where a class is one number or two.
        let mut numbers: HashMap<(i64, i64), u32> = HashMap::new();
        let mut parts: Vec<Part> = Vec::with_capacity(width);
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            let at = usize::try_from(number).ok().filter(|at| *at < size);
            if let (Some(at), Some(sources)) = (at, &mut classes.sources) {
                let word = row.get_ref(width + 1)?;
                let source = NameSource::ALL.iter().position(|source| word.as_str() == Ok(source.as_str()));
                if let (Some(of), Some(source)) = (sources.get_mut(at), source) {
                    *of = u8::try_from(source).unwrap_or(u8::MAX);
                }
            }
            let second = if width == 2 { row.get_ref(2)? } else { ValueRef::Integer(0) };
            let class = match (row.get_ref(1)?, second) {
                (ValueRef::Integer(one), ValueRef::Integer(other)) if width <= 2 => {
                    let class = numbers.entry((one, other)).or_insert_with(|| {
                        let parts = [one, other].into_iter().take(width).map(Part::Number);
                        classes.parts.push(parts.collect());
                        last(&classes.parts)
                    });
                    *class
                }
                _ => classes.other(row, width, &mut parts, &mut known)?,
            };
            if let Some(of) = at.and_then(|at| classes.of.get_mut(at)) {
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

    #[inline]
    pub(super) fn of(&self, number: u32) -> u32 {
        usize::try_from(number).ok().and_then(|number| self.of.get(number)).copied().unwrap_or(0)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }
}

/// The number of the last class.
fn last(parts: &[Box<[Part]>]) -> u32 {
    u32::try_from(parts.len().saturating_sub(1)).unwrap_or(u32::MAX)
}
