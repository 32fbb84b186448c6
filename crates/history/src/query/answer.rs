use std::collections::BTreeMap;

use portolan_core::{Bytes, Dimension, NameSource, Sha256Digest, UnixMillis};
use rusqlite::{Connection, Row};

use super::{
    Answer, Group, Question,
    columns::{self, OWNER},
    compile::compile,
    unpacked,
};
use crate::tables::{actor, address};

/// Asks the database.
pub(crate) fn answer(connection: &Connection, question: &Question) -> rusqlite::Result<Answer> {
    let mut by = question.by.clone();
    by.sort_unstable();
    by.dedup();
    let about_owner = by.iter().copied().any(columns::is_about_owner);
    let columns: Vec<_> =
        about_owner.then_some(OWNER).into_iter().chain(by.iter().copied().map(columns::of)).collect();
    let compiled = compile(question, &columns);

    unpacked::with_rows(connection, || {
        let mut statement = connection.prepare(&compiled.sql)?;
        let mut rows = statement.query(compiled.bound().as_slice())?;
        let mut answer = Answer { rows: Vec::new(), truncated: false };
        while let Some(row) = rows.next()? {
            if answer.rows.len() == question.limit {
                answer.truncated = true;
                break;
            }
            answer.rows.push(group(row, about_owner, &by, compiled.shown)?);
        }
        Ok(answer)
    })
}

/// Reads one group; the sums stand from column `sums` on.
fn group(row: &Row<'_>, about_owner: bool, by: &[Dimension], sums: usize) -> rusqlite::Result<Group> {
    let mut keys = Keys { row, next: 0, keys: BTreeMap::new() };
    if about_owner {
        keys.owner()?;
    }
    for dimension in by {
        keys.dimension(*dimension)?;
    }
    let time = |column| row.get::<_, Option<i64>>(column).map(|time| time.map(UnixMillis));
    Ok(Group {
        keys: keys.keys,
        bytes: Bytes { tx: sum(row, sums)?, rx: sum(row, sums + 2)? },
        flows: sum(row, sums + 4)?,
        first: time(sums + 6)?,
        last: time(sums + 7)?,
    })
}

/// A sum from its two halves.
fn sum(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let (high, low): (i64, i64) = (row.get(column)?, row.get(column + 1)?);
    Ok(u64::try_from((i128::from(high) << 32) + i128::from(low)).unwrap_or(u64::MAX))
}

/// The keys of one row, read from left to right.
struct Keys<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
    keys: BTreeMap<String, String>,
}

impl Keys<'_, '_> {
    /// The column that comes next.
    fn column(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn put(&mut self, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.keys.insert(key.to_owned(), value);
        }
    }

    fn owner(&mut self) -> rusqlite::Result<()> {
        let (owner, reason) = (self.column(), self.column());
        let (owner, reason): (String, Option<String>) = (self.row.get(owner)?, self.row.get(reason)?);
        if owner == actor::KERNEL {
            self.put("kernel", Some(owner));
        }
        self.put("unattributed", reason);
        Ok(())
    }

    fn dimension(&mut self, dimension: Dimension) -> rusqlite::Result<()> {
        match dimension {
            Dimension::Executable => {
                self.executable(dimension.as_str(), "path", "sha256")?;
                self.texts(["provenance", "package"])
            }
            Dimension::Script => {
                self.executable(dimension.as_str(), "script_path", "script_sha256")?;
                self.texts(["script_provenance", "script_package"])
            }
            Dimension::Parent => self.executable(dimension.as_str(), "parent_path", "parent_sha256"),
            Dimension::Remote => {
                let column = self.column();
                let address = address::from_column(self.row, column)?;
                self.put(dimension.as_str(), address.map(|address| address.to_string()));
                Ok(())
            }
            Dimension::Domain => self.domain(),
            Dimension::Country => self.texts(["country", "range"]),
            Dimension::Asn => {
                self.number("asn")?;
                self.texts(["asn_name", "range"])
            }
            Dimension::Service => {
                self.texts(["service"])?;
                let column = self.column();
                let is_recognised: bool = self.row.get(column)?;
                let recognised = self.keys.contains_key("service").then(|| is_recognised.to_string());
                self.put("recognised", recognised);
                Ok(())
            }
            Dimension::RegistrableDomain => {
                self.texts([dimension.as_str()])?;
                let column = self.column();
                self.inferred(column)
            }
            Dimension::Application
            | Dimension::Range
            | Dimension::Protocol
            | Dimension::Direction
            | Dimension::Command
            | Dimension::Unit
            | Dimension::Container => self.texts([dimension.as_str()]),
            Dimension::User
            | Dimension::Port
            | Dimension::RemotePort
            | Dimension::LocalPort
            | Dimension::Namespace
            | Dimension::Time => self.number(dimension.as_str()),
        }
    }

    fn number(&mut self, key: &str) -> rusqlite::Result<()> {
        let column = self.column();
        let number: Option<i64> = self.row.get(column)?;
        self.put(key, number.map(|number| number.to_string()));
        Ok(())
    }

    fn domain(&mut self) -> rusqlite::Result<()> {
        self.texts(["domain"])?;
        let (inferred, source) = (self.column(), self.column());
        if self.keys.contains_key("domain") {
            self.inferred(inferred)?;
            let source: u8 = self.row.get(source)?;
            self.put(
                "name_source",
                NameSource::ALL.get(usize::from(source)).map(|source| source.as_str().to_owned()),
            );
        }
        Ok(())
    }

    fn inferred(&mut self, column: usize) -> rusqlite::Result<()> {
        let inferred: bool = self.row.get(column)?;
        self.put("inferred", inferred.then(|| true.to_string()));
        Ok(())
    }

    fn texts<const N: usize>(&mut self, keys: [&str; N]) -> rusqlite::Result<()> {
        keys.into_iter().try_for_each(|key| {
            let column = self.column();
            let text = self.row.get(column)?;
            self.put(key, text);
            Ok(())
        })
    }

    fn executable(&mut self, key: &str, path_key: &str, sha256_key: &str) -> rusqlite::Result<()> {
        let (path, sha256) = (self.column(), self.column());
        let path: Option<String> = self.row.get(path)?;
        let sha256: Option<[u8; 32]> = self.row.get(sha256)?;
        self.put(key, path.clone());
        self.put(path_key, path);
        self.put(sha256_key, sha256.map(|sha256| Sha256Digest(sha256).to_string()));
        Ok(())
    }
}
