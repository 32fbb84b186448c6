use std::{collections::BTreeMap, ops::Range};

use foldhash::{HashMap, HashMapExt};
use portolan_core::{Dimension, NameSource, Sha256Digest};
use rusqlite::Connection;

use super::{
    classes::Part,
    columns::{self, Of},
    pattern::address_of,
    sums::{Grouping, Key},
};
use crate::{ReadError, tables::actor};

type Keys = BTreeMap<String, String>;

/// The words of some groups.
#[derive(Debug)]
pub(super) struct Words<'g> {
    grouping: &'g Grouping,
    dimensions: Vec<Told<'g>>,
    is_about_owner: bool,
}

/// A dimension of which groups are told.
#[derive(Debug)]
struct Told<'g> {
    dimension: Dimension,
    of: Of,
    /// Which of the columns of a class are its own.
    columns: Range<usize>,
    /// What stands elsewhere, by what the groups have of it.
    labels: HashMap<&'g [Part], Vec<Part>>,
}

impl<'g> Words<'g> {
    /// Reads the words of the groups with these keys.
    pub(super) fn read(
        connection: &Connection,
        grouping: &'g Grouping,
        keys: impl Iterator<Item = Key> + Clone,
    ) -> Result<Self, ReadError> {
        let is_about_owner = grouping.by.iter().copied().any(columns::is_about_owner);
        let mut dimensions = Vec::new();
        let (mut actors, mut peers) = (if is_about_owner { columns::OWNER.width } else { 0 }, 0);
        for dimension in &grouping.by {
            let columns = columns::of(*dimension);
            let start = if columns.of == Of::Actor { &mut actors } else { &mut peers };
            let own = *start..*start + columns.width;
            *start = own.end;
            let mut told =
                Told { dimension: *dimension, of: columns.of, columns: own, labels: HashMap::new() };
            if !columns.labels.is_empty() {
                let parts: Vec<_> = keys.clone().map(|key| (told.parts(grouping, key), Vec::new())).collect();
                told.labels.extend(parts);
                look_up(connection, *dimension, &mut told.labels)?;
            }
            dimensions.push(told);
        }
        Ok(Self { grouping, dimensions, is_about_owner })
    }

    /// The keys of a group.
    pub(super) fn keys(&self, key: Key, source: u8) -> Keys {
        let mut keys = Keys::new();
        if self.is_about_owner {
            owner(self.grouping, key, &mut keys);
        }
        self.dimensions.iter().for_each(|told| told.put(self.grouping, key, source, &mut keys));
        keys
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

fn owner(grouping: &Grouping, key: Key, keys: &mut Keys) {
    if let Some([Part::Text(owner), reason, ..]) = class(grouping, Of::Actor, key) {
        if owner.as_ref() == actor::KERNEL {
            keys.insert(actor::KERNEL.to_owned(), owner.to_string());
        }
        keys.extend(reason.word().map(|reason| ("unattributed".to_owned(), reason)));
    }
}

/// Asks for the labels of all at once: the numbers go as one list, which holds nothing but numbers and hashes.
fn look_up(
    connection: &Connection,
    dimension: Dimension,
    wanted: &mut HashMap<&[Part], Vec<Part>>,
) -> Result<(), ReadError> {
    let columns = columns::of(dimension);
    let is_pair = dimension == Dimension::Script;
    let list = if is_pair {
        "(SELECT key, value ->> 0 AS c0, value ->> 1 AS c1 FROM json_each(?1))"
    } else {
        "(SELECT key, value AS c0 FROM json_each(?1))"
    };
    let mut asked: Vec<&[Part]> = wanted.keys().copied().collect();
    asked.sort_unstable();
    let listed: Vec<String> = asked
        .iter()
        .map(|parts| {
            let number = match parts.first() {
                Some(Part::Number(number)) => number.to_string(),
                _ => "null".to_owned(),
            };
            match parts.get(1).filter(|_| is_pair) {
                Some(Part::Blob(hash)) => {
                    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                    format!("[{number},\"{hash}\"]")
                }
                _ if is_pair => format!("[{number},null]"),
                _ => number,
            }
        })
        .collect();
    let sql = format!("SELECT g.key, {} FROM {list} g {}", columns.shown, columns.labels);
    let mut statement = connection.prepare(&sql)?;
    let width = statement.column_count();
    let mut rows = statement.query([format!("[{}]", listed.join(","))])?;
    while let Some(row) = rows.next()? {
        let shown = (1..width).map(|column| Part::of(row, column)).collect::<Result<_, _>>()?;
        let at: i64 = row.get(0)?;
        let labels = usize::try_from(at).ok().and_then(|at| wanted.get_mut(*asked.get(at)?));
        if let Some(labels) = labels {
            *labels = shown;
        }
    }
    Ok(())
}

impl Told<'_> {
    /// What a group has of it.
    fn parts<'g>(&self, grouping: &'g Grouping, key: Key) -> &'g [Part] {
        class(grouping, self.of, key).and_then(|class| class.get(self.columns.clone())).unwrap_or_default()
    }

    fn put(&self, grouping: &Grouping, key: Key, source: u8, keys: &mut Keys) {
        let parts = self.parts(grouping, key);
        let labels = self.labels.get(parts).map(Vec::as_slice).unwrap_or_default();
        let mut put = |key: &str, value: Option<String>| {
            keys.extend(value.map(|value| (key.to_owned(), value)));
        };
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
