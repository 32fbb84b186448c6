use std::ops::Range;

use portolan_core::{Dimension, NameSource, Sha256Digest};
use rusqlite::Connection;

use super::{
    Keys,
    classes::{Part, SPARSE},
    columns::{self, Of},
    pattern::address_of,
    sums::{Grouping, Key},
};
use crate::{ReadError, tables::actor};

/// The words of groups, each of which is a key with the surest source of its names; in their order.
pub(super) fn words(
    connection: &Connection,
    grouping: &Grouping,
    groups: &[(Key, u8)],
) -> Result<Vec<Keys>, ReadError> {
    let mut words = vec![Keys::new(); groups.len()];
    let is_about_owner = grouping.by.iter().copied().any(columns::is_about_owner);
    if is_about_owner {
        groups.iter().zip(&mut words).for_each(|((key, _), words)| owner(grouping, *key, words));
    }
    let (mut actors, mut peers) = (if is_about_owner { columns::OWNER.width } else { 0 }, 0);
    for dimension in &grouping.by {
        let columns = columns::of(*dimension);
        let start = if columns.of == Of::Actor { &mut actors } else { &mut peers };
        let own = *start..*start + columns.width;
        *start = own.end;
        let told = Told { grouping, dimension: *dimension, of: columns.of, columns: own };
        if columns.shown.is_empty() {
            groups.iter().zip(&mut words).for_each(|(group, words)| told.put(*group, &[], words));
        } else {
            told.look_up(connection, groups, &mut words)?;
        }
    }
    Ok(words)
}

/// A dimension of which groups are told.
#[derive(Debug)]
struct Told<'g> {
    grouping: &'g Grouping,
    dimension: Dimension,
    of: Of,
    /// Which of the columns of a class are its own.
    columns: Range<usize>,
}

/// The number that comes first.
fn first(parts: &[Part]) -> Option<i64> {
    match parts.first() {
        Some(Part::Number(number)) => Some(*number),
        _ => None,
    }
}

/// What is asked for, in a list that goes as one text and holds nothing but numbers and hashes.
fn listed(asked: &[Part]) -> String {
    let number = first(asked).map_or_else(|| "null".to_owned(), |number| number.to_string());
    match asked.get(1) {
        Some(Part::Blob(hash)) => {
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("[{number},\"{hash}\"]")
        }
        Some(_) => format!("[{number},null]"),
        None => number,
    }
}

/// The columns of the class of a group.
fn class(grouping: &Grouping, of: Of, key: Key) -> Option<&[Part]> {
    let (classes, class) = match of {
        Of::Actor => (grouping.actors.as_ref()?, key.actor),
        Of::Peer => (grouping.peers.as_ref()?, key.peer),
        Of::LocalPort | Of::RemotePort | Of::Time => return None,
    };
    classes.parts.get(usize::try_from(class).ok()?).map(AsRef::as_ref)
}

fn owner(grouping: &Grouping, key: Key, words: &mut Keys) {
    if let Some([Part::Text(owner), reason, ..]) = class(grouping, Of::Actor, key) {
        if owner.as_ref() == actor::KERNEL {
            words.insert(actor::KERNEL, owner.to_string());
        }
        words.extend(reason.word().map(|reason| ("unattributed", reason)));
    }
}

impl<'g> Told<'g> {
    /// What a group has of it.
    fn parts(&self, key: Key) -> &'g [Part] {
        let class = class(self.grouping, self.of, key);
        class.and_then(|class| class.get(self.columns.clone())).unwrap_or_default()
    }

    /// Puts what stands in other tables. It is asked for once, by what groups have in common.
    fn look_up(
        &self,
        connection: &Connection,
        groups: &[(Key, u8)],
        words: &mut [Keys],
    ) -> Result<(), ReadError> {
        // By the number alone, or of a script by its hash, too.
        let asked_by = if self.dimension == Dimension::Script { 2 } else { 1 };
        let asked = |at: &usize| {
            let parts = groups.get(*at).map_or(&[][..], |(key, _)| self.parts(*key));
            parts.get(..asked_by).unwrap_or(parts)
        };
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_cached_key(|at| (first(asked(at)), asked(at)));
        let alike: Vec<&[usize]> = order.chunk_by(|one, other| asked(one) == asked(other)).collect();
        let number = |alike: &&[usize]| alike.first().map(asked).and_then(first);
        let columns = columns::of(self.dimension);
        let ends = alike.iter().find_map(number).zip(alike.last().and_then(number));
        let is_dense = ends.is_some_and(|(first, last)| {
            last.abs_diff(first) / u64::from(SPARSE) < u64::try_from(alike.len()).unwrap_or(u64::MAX)
        });
        let mut shown: Vec<Part> = Vec::new();
        let mut put = |row: &rusqlite::Row<'_>, at: usize| -> Result<(), ReadError> {
            shown.clear();
            for column in 1..row.as_ref().column_count() {
                shown.push(Part::of(row, column)?);
            }
            for at in alike.get(at).copied().unwrap_or_default() {
                if let Some((group, words)) = groups.get(*at).zip(words.get_mut(*at)) {
                    self.put(*group, &shown, words);
                }
            }
            Ok(())
        };
        if let (Some(table), Some((first, last)), true) = (columns.table, ends, is_dense) {
            let sql = format!(
                "SELECT {table}.id, {} FROM {table} WHERE {table}.id BETWEEN ?1 AND ?2",
                columns.shown
            );
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([first, last])?;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                if let Ok(at) = alike.binary_search_by_key(&Some(id), number) {
                    put(row, at)?;
                }
            }
            return Ok(());
        }
        let listed: Vec<String> =
            alike.iter().map(|alike| listed(alike.first().map(asked).unwrap_or_default())).collect();
        let list = if self.dimension == Dimension::Script {
            "(SELECT key, value ->> 0 AS c0, value ->> 1 AS c1 FROM json_each(?1))"
        } else {
            "(SELECT key, value AS c0 FROM json_each(?1))"
        };
        let labels = match columns.table {
            Some(table) => &format!("LEFT JOIN {table} ON {table}.id = g.c0"),
            None => columns.labels,
        };
        let mut statement =
            connection.prepare(&format!("SELECT g.key, {} FROM {list} g {labels}", columns.shown))?;
        let mut rows = statement.query([format!("[{}]", listed.join(","))])?;
        while let Some(row) = rows.next()? {
            if let Ok(at) = usize::try_from(row.get::<_, i64>(0)?) {
                put(row, at)?;
            }
        }
        Ok(())
    }

    fn put(&self, (key, source): (Key, u8), labels: &[Part], words: &mut Keys) {
        let parts = self.parts(key);
        let mut put = |key: &'static str, word: Option<String>| words.extend(word.map(|word| (key, word)));
        let [first, second] = [0, 1].map(|at| parts.get(at).unwrap_or(&Part::Null));
        let label = |at: usize| labels.get(at).unwrap_or(&Part::Null);
        let word = self.dimension.as_str();
        let sha256 = |part: &Part| match part {
            Part::Blob(bytes) => {
                <[u8; 32]>::try_from(&**bytes).ok().map(|bytes| Sha256Digest(bytes).to_string())
            }
            _ => None,
        };
        let port = |port: u16| (port > 0).then(|| port.to_string());
        match self.dimension {
            Dimension::Executable => {
                put(word, label(0).word());
                put("path", label(0).word());
                put("sha256", sha256(label(1)));
                put("provenance", label(2).word());
                put("package", label(3).word());
            }
            Dimension::Script => {
                put(word, label(0).word());
                put("script_path", label(0).word());
                put("script_sha256", sha256(second));
                put("script_provenance", label(1).word());
                put("script_package", label(2).word());
            }
            Dimension::Parent => {
                put(word, label(0).word());
                put("parent_path", label(0).word());
                put("parent_sha256", sha256(label(1)));
            }
            Dimension::Remote => {
                if let Part::Blob(octets) = label(0) {
                    put(word, address_of(octets).map(|address| address.to_string()));
                }
            }
            Dimension::Domain => {
                let name = label(0).word();
                if name.is_some() {
                    put("inferred", second.is_true().then(|| true.to_string()));
                    let source = NameSource::ALL.get(usize::from(source));
                    put("name_source", source.map(|source| source.as_str().to_owned()));
                }
                put(word, name);
            }
            Dimension::RegistrableDomain => {
                put(word, first.word());
                put("inferred", second.is_true().then(|| true.to_string()));
            }
            Dimension::Country => {
                put(word, first.word());
                put("range", second.word());
            }
            Dimension::Asn => {
                put(word, first.word());
                put("asn_name", label(0).word());
                put("range", second.word());
            }
            Dimension::Service => {
                put(word, first.word());
                put("recognised", first.word().map(|_| second.is_true().to_string()));
            }
            Dimension::Application | Dimension::Command | Dimension::Unit | Dimension::Container => {
                put(word, label(0).word());
            }
            Dimension::User
            | Dimension::Namespace
            | Dimension::Protocol
            | Dimension::Direction
            | Dimension::Range
            | Dimension::Port => put(word, first.word()),
            Dimension::RemotePort => put(word, port(key.ports.remote)),
            Dimension::LocalPort => put(word, port(key.ports.local)),
            Dimension::Time => put(word, Some(key.time.to_string())),
        }
    }
}
