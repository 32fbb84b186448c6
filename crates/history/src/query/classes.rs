use foldhash::{HashMap, HashMapExt};
use portolan_core::{Dimension, NameSource};
use rusqlite::{
    Connection, Row,
    types::{FromSqlError, Type, ValueRef},
};

use super::{
    Sight,
    columns::{self, ACTORS, LINEAGES, OWNER, Of, PEERS, PLACES},
};
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
        let mut statement = connection.prepare(&format!("SELECT {id}, {} {from}", groups.join(", ")))?;
        let mut rows = statement.query([])?;
        let size = usize::try_from(end).unwrap_or_default();
        let mut classes = Self { of: vec![0; size], parts: vec![] };
        let mut known: HashMap<Box<[Part]>, u32> = HashMap::new();
        while let Some(row) = rows.next()? {
            let parts: Box<[Part]> =
                (1..=width).map(|column| Part::of(row, column)).collect::<Result<_, _>>()?;
            let class = match known.get(&parts) {
                Some(class) => *class,
                None => {
                    let class = u32::try_from(known.len()).unwrap_or(u32::MAX);
                    classes.parts.push(parts.clone());
                    known.insert(parts, class);
                    class
                }
            };
            let number: i64 = row.get(0)?;
            if let Some(of) = usize::try_from(number).ok().and_then(|number| classes.of.get_mut(number)) {
                *of = class;
            }
        }
        Ok(Some(classes))
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

/// How sure the name of each peer is: the index in [`NameSource::ALL`].
pub(super) fn sources(connection: &Connection, sight: &Sight) -> Result<Vec<u8>, ReadError> {
    let mut sources = vec![u8::MAX; usize::try_from(sight.peers_end()).unwrap_or_default()];
    let mut statement =
        connection.prepare("SELECT id, name_source FROM peer WHERE name_source IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (number, word): (i64, String) = (row.get(0)?, row.get(1)?);
        let at = NameSource::ALL.iter().position(|source| source.as_str() == word);
        let of = usize::try_from(number).ok().and_then(|number| sources.get_mut(number));
        if let (Some(of), Some(at)) = (of, at) {
            *of = u8::try_from(at).unwrap_or(u8::MAX);
        }
    }
    Ok(sources)
}
