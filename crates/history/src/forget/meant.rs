//! What a query means of what is kept without traffic: applications whose traffic is too old to be kept, and names in findings.
//!
//! Invariant: where the query asks for what is not kept of them, they are not meant.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use portolan_core::{Dimension, Uid};
use rusqlite::{Connection, Row};

use crate::language::{Condition, Field, Filter};

/// Applications (numbers of `application`) that a filter means, and of which all that is known lies in the time.
pub(super) fn applications(
    connection: &Connection,
    filter: &Filter,
    times: &Range<i64>,
) -> rusqlite::Result<BTreeSet<i64>> {
    let mut statement = connection.prepare(
        "SELECT a.id, a.key, a.review, s.uid, s.is_script, t.value, lower(hex(e.sha256)),
                min(coalesce(s.first_ms, f.first_ms, a.reviewed_ms), coalesce(f.first_ms, s.first_ms, a.reviewed_ms)),
                max(coalesce(s.last_ms, f.last_ms, a.reviewed_ms), coalesce(f.last_ms, s.last_ms, a.reviewed_ms))
            FROM application a LEFT JOIN sighting s ON s.application_id = a.id
            LEFT JOIN executable e ON e.id = s.executable_id LEFT JOIN text t ON t.id = e.path_id
            LEFT JOIN (SELECT application_id, min(at_ms) AS first_ms, max(at_ms) AS last_ms FROM finding
                GROUP BY application_id) f ON f.application_id = a.id",
    )?;
    let mut rows = statement.query([])?;
    let mut meant: BTreeMap<i64, bool> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let seen = Seen::of(row)?;
        let is_of_time = lies_in(times, (row.get(7)?, row.get(8)?));
        let is_meant = is_of_time && holds(filter, &|condition| seen.fits(condition)) == Some(true);
        meant.entry(row.get(0)?).and_modify(|all| *all &= is_meant).or_insert(is_meant);
    }
    Ok(meant.into_iter().filter(|(_, is_meant)| *is_meant).map(|(id, _)| id).collect())
}

/// The same of names (numbers of `domain`), by the findings that have them.
pub(super) fn domains(
    connection: &Connection,
    filter: &Filter,
    times: &Range<i64>,
) -> rusqlite::Result<BTreeSet<i64>> {
    let mut statement = connection.prepare(
        "SELECT d.id, d.name, d.registrable, min(f.at_ms), max(f.at_ms)
            FROM domain d LEFT JOIN finding f ON f.remote_domain_id = d.id GROUP BY d.id",
    )?;
    let mut rows = statement.query([])?;
    let mut meant = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let [name, registrable]: [Option<String>; 2] = [row.get(1)?, row.get(2)?];
        let is_meant = holds(filter, &|condition| match condition.field {
            Field::Of(Dimension::Domain) => Some(condition.fits_text(name.as_deref())),
            Field::Of(Dimension::RegistrableDomain) => Some(condition.fits_text(registrable.as_deref())),
            Field::Text => condition.fits_text(name.as_deref()).then_some(true),
            _ => None,
        });
        if is_meant == Some(true) && lies_in(times, (row.get(3)?, row.get(4)?)) {
            meant.insert(row.get(0)?);
        }
    }
    Ok(meant)
}

/// Whether the first and the last time are among these; where nobody knows when, whether there is no first of these.
fn lies_in(times: &Range<i64>, (first, last): (Option<i64>, Option<i64>)) -> bool {
    let ends = first.zip(last);
    ends.map_or(times.start == i64::MIN, |(first, last)| times.contains(&first) && times.contains(&last))
}

/// What is known of an application's use; `None` where it was never used.
struct Seen {
    key: Option<String>,
    review: Option<String>,
    uid: Option<i64>,
    is_script: Option<bool>,
    path: Option<String>,
    sha256: Option<String>,
}

impl Seen {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get(1)?,
            review: row.get(2)?,
            uid: row.get(3)?,
            is_script: row.get(4)?,
            path: row.get(5)?,
            sha256: row.get(6)?,
        })
    }

    /// `None` where that is not kept.
    fn fits(&self, condition: &Condition) -> Option<bool> {
        let text = |value: &Option<String>| condition.fits_text(value.as_deref());
        let known = |value: &Option<String>| value.as_ref().map(|_| text(value));
        match condition.field {
            Field::Of(Dimension::Application) => Some(text(&self.key)),
            Field::State => Some(text(&self.review)),
            Field::Of(Dimension::User) => self
                .uid
                .map(|uid| condition.fits_number(Some(uid).filter(|uid| *uid != i64::from(Uid::UNKNOWN.0)))),
            Field::Of(Dimension::Executable) if self.is_script == Some(false) => known(&self.path),
            Field::Of(Dimension::Script) if self.is_script == Some(true) => known(&self.path),
            // Of the two that a script has, one is enough.
            Field::Sha256 => known(&self.sha256).filter(|fits| *fits),
            Field::Text => {
                let of_key = Condition { field: Field::Of(Dimension::Application), ..condition.clone() };
                (of_key.fits_text(self.key.as_deref()) || text(&self.path)).then_some(true)
            }
            _ => None,
        }
    }
}

/// Whether a filter holds, where conditions hold, do not, or nobody knows.
fn holds(filter: &Filter, of: &impl Fn(&Condition) -> Option<bool>) -> Option<bool> {
    let any = |filters: &[Filter], wanted: bool| {
        filters.iter().try_fold(Some(!wanted), |all, filter| match holds(filter, of) {
            Some(one) if one == wanted => Err(one),
            one => Ok(all.and(one)),
        })
    };
    match filter {
        Filter::Every(filters) => any(filters, false).unwrap_or_else(Some),
        Filter::Any(filters) => any(filters, true).unwrap_or_else(Some),
        Filter::Not(filter) => holds(filter, of).map(|holds| !holds),
        Filter::Has(condition) => of(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{language, migrations::migrate};

    #[test]
    fn what_is_meant_is_known_to_be() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO text VALUES (1, '/usr/bin/curl'), (2, '/opt/x.py'), (3, '/usr/bin/python3');
                INSERT INTO executable (id, path_id, sha256) VALUES (1, 1, zeroblob(32)), (2, 2, zeroblob(32)), (3, 3, zeroblob(32));
                INSERT INTO application (id, key, review) VALUES (1, 'path:/usr/bin/curl', 'approved'),
                    (2, 'script:/usr/bin/python3:/opt/x.py', 'unreviewed'), (3, 'path:/opt/never', 'ignored');
                INSERT INTO sighting (application_id, executable_id, uid, first_ms, last_ms, is_script)
                    VALUES (1, 1, 1000, 10, 20, 0), (1, 1, 0, 15, 30, 0), (2, 3, 1000, 50, 60, 0), (2, 2, 1000, 50, 60, 1);
                INSERT INTO finding (kind, at_ms, uid, application_id, executable_id)
                    VALUES ('new-application', 5, 1000, 1, 1);
                INSERT INTO domain (id, name, registrable) VALUES (1, 'www.example.org', 'example.org'), (2, 'localhost', NULL);",
            )
            .unwrap();
        let set = |numbers: &[i64]| numbers.iter().copied().collect::<BTreeSet<_>>();
        let filter = |text: &str| language::parse(text, &jiff::Zoned::now()).unwrap().filter;
        for (text, meant, named) in [
            ("", vec![1, 2, 3], vec![1, 2]),
            ("!*", vec![], vec![]),
            ("app:curl", vec![1], vec![]),
            ("!app:curl", vec![2, 3], vec![]),
            ("app:curl,never", vec![1, 3], vec![]),
            ("app:curl domain:example.org", vec![], vec![]),
            ("app:curl or domain:*.example.org", vec![1], vec![1]),
            ("!domain:localhost", vec![], vec![1]),
            ("site:-", vec![], vec![2]),
            ("app:curl !port:443", vec![], vec![]),
            ("state:ignored", vec![3], vec![]),
            ("user:1000", vec![2], vec![]),
            ("user:0-1000", vec![1, 2], vec![]),
            ("!user:1000", vec![], vec![]),
            ("exe:curl", vec![1], vec![]),
            ("script:x.py", vec![], vec![]),
            ("hash:00", vec![1, 2], vec![]),
            ("!hash:00", vec![], vec![]),
            ("curl", vec![1], vec![]),
            ("!curl", vec![], vec![]),
            ("local", vec![], vec![2]),
        ] {
            let all = i64::MIN..i64::MAX;
            assert_eq!(applications(&connection, &filter(text), &all).unwrap(), set(&meant), "{text}");
            assert_eq!(domains(&connection, &filter(text), &all).unwrap(), set(&named), "{text}");
        }
        assert!(domains(&connection, &filter(""), &(5..30)).unwrap().is_empty());
        for (times, meant) in [
            (5..31, vec![1]),
            (6..31, vec![]),
            (5..30, vec![]),
            (i64::MIN..31, vec![1, 3]),
            (40..i64::MAX, vec![2]),
        ] {
            assert_eq!(applications(&connection, &filter(""), &times).unwrap(), set(&meant), "{times:?}");
        }
    }
}
