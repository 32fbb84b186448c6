//! A condition as one SQL statement over what is said once, which gives the actors, the peers or the local addresses that fulfil it. Every text is a
//! constant: nothing that a caller says reaches the SQL text.

use std::net::IpAddr;

use portolan_core::{Dimension, Uid};
use rusqlite::{Connection, Row, ToSql};

use super::{columns::service, pattern};
use crate::{
    ReadError,
    language::{Condition, Field, Wanted},
    scan::Set,
    tables::address,
};

/// Which numbers a statement gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Actors,
    Peers,
    /// Addresses of this machine, which rows have.
    Locals,
}

/// How a field is found, over the tables of [`FROM_ACTORS`], [`FROM_PEERS`] or [`FROM_ADDRESSES`]. Empty where it is never that.
#[derive(Debug, Clone, Copy)]
struct Sql {
    /// NULL where it is not known.
    value: &'static str,
    /// True where its text fits the condition of `pattern::tell`.
    like: &'static str,
    /// True where it is the name `?1` or below it.
    below: &'static str,
}

const FROM_ACTORS: &str = "SELECT a.id FROM actor a LEFT JOIN lineage l ON l.id = a.lineage_id
    LEFT JOIN lineage p ON p.id = l.parent_id LEFT JOIN application ON application.id = a.application_id WHERE ";
const FROM_PEERS: &str = "SELECT r.id FROM peer r LEFT JOIN domain d ON d.id = r.domain_id
    LEFT JOIN place w ON w.id = r.place_id LEFT JOIN network n ON n.asn = w.asn WHERE ";

const FROM_ADDRESSES: &str = "SELECT id FROM address WHERE ";

/// The executables behind a path that fits.
macro_rules! executables {
    () => {
        "SELECT e.id FROM executable e JOIN text ON text.id = e.path_id WHERE fits(text.value)"
    };
}

/// Numbers of texts that stand in a column and fit.
macro_rules! texts {
    ($column:literal, $table:literal) => {
        concat!("SELECT id FROM text WHERE id IN (SELECT ", $column, " FROM ", $table, ") AND fits(value)")
    };
}

/// The lineages that have an ancestor which fits.
const ANCESTORS: &str = concat!(
    "a.lineage_id IN (WITH RECURSIVE below (id) AS (
        SELECT c.id FROM lineage u JOIN lineage c ON c.parent_id = u.id WHERE u.executable_id IN (",
    executables!(),
    ") UNION SELECT c.id FROM below JOIN lineage c ON c.parent_id = below.id) SELECT id FROM below)"
);

const ACTOR_TEXTS: &str = concat!(
    "a.application_id IN (SELECT id FROM application WHERE fits_application(key))
    OR l.executable_id IN (",
    executables!(),
    ")
    OR l.script_path_id IN (",
    texts!("script_path_id", "lineage"),
    ")
    OR a.command_id IN (",
    texts!("command_id", "actor"),
    ")
    OR a.unit_id IN (",
    texts!("unit_id", "actor"),
    ")
    OR a.container_id IN (",
    texts!("container_id", "actor"),
    ")"
);

macro_rules! is_below {
    ($name:literal) => {
        concat!($name, " = ?1 OR substr(", $name, ", -1 - length(?1)) = '.' || ?1")
    };
}

/// Whose numbers a field is about; both for what may stand on either side.
pub(crate) fn about(field: Field) -> &'static [About] {
    match field {
        Field::Text => &[About::Actors, About::Peers],
        Field::Local => &[About::Locals],
        Field::Sha256 | Field::Ancestor | Field::State | Field::Owner => &[About::Actors],
        Field::AnyPort => &[],
        Field::Of(dimension) => match dimension {
            Dimension::Application
            | Dimension::Executable
            | Dimension::Script
            | Dimension::Parent
            | Dimension::User
            | Dimension::Command
            | Dimension::Unit
            | Dimension::Container
            | Dimension::Namespace => &[About::Actors],
            Dimension::Protocol
            | Dimension::Direction
            | Dimension::Remote
            | Dimension::Domain
            | Dimension::RegistrableDomain
            | Dimension::Range
            | Dimension::Country
            | Dimension::Asn
            | Dimension::Port
            | Dimension::Service => &[About::Peers],
            // Not of actors and peers, but of rows.
            Dimension::RemotePort | Dimension::LocalPort | Dimension::Time => &[],
        },
    }
}

fn sql(field: Field, about: About) -> Sql {
    const fn of(value: &'static str, like: &'static str) -> Sql {
        Sql { value, like, below: "" }
    }
    match field {
        Field::Text if about == About::Actors => of("1", ACTOR_TEXTS),
        // See `peers_by_text`.
        Field::Text => of("1", ""),
        Field::Sha256 => of(
            "l.executable_id",
            "fits(lower(hex(l.script_sha256))) OR l.executable_id IN
            (SELECT id FROM executable WHERE fits(lower(hex(sha256))))",
        ),
        Field::Ancestor => of("l.parent_id", ANCESTORS),
        Field::State => of("application.review", "fits(application.review)"),
        Field::Owner => of("nullif(a.owner, 'unattributed')", "fits(a.owner) OR fits(a.reason)"),
        Field::Local => of("value", "fits_address(value)"),
        Field::AnyPort => of("", ""),
        Field::Of(dimension) => match dimension {
            Dimension::Application => {
                of("a.application_id", "a.application_id IN (SELECT id FROM application WHERE fits(key))")
            }
            Dimension::Executable => {
                of("l.executable_id", concat!("l.executable_id IN (", executables!(), ")"))
            }
            Dimension::Script => of(
                "l.script_path_id",
                concat!("l.script_path_id IN (", texts!("script_path_id", "lineage"), ")"),
            ),
            Dimension::Parent => of("p.executable_id", concat!("p.executable_id IN (", executables!(), ")")),
            Dimension::Command => {
                of("a.command_id", concat!("a.command_id IN (", texts!("command_id", "actor"), ")"))
            }
            Dimension::Unit => of("a.unit_id", concat!("a.unit_id IN (", texts!("unit_id", "actor"), ")")),
            Dimension::Container => {
                of("a.container_id", concat!("a.container_id IN (", texts!("container_id", "actor"), ")"))
            }
            Dimension::User => {
                of("nullif(a.uid, 4294967295)", "fits(CAST(nullif(a.uid, 4294967295) AS TEXT))")
            }
            Dimension::Namespace => {
                of("nullif(a.network_namespace, 0)", "fits(CAST(nullif(a.network_namespace, 0) AS TEXT))")
            }
            Dimension::Protocol => of("r.protocol", "fits(r.protocol)"),
            Dimension::Direction => of("r.direction", "fits(r.direction)"),
            Dimension::Remote => of(
                "r.remote_address_id",
                "r.remote_address_id IN (SELECT id FROM address WHERE fits_address(value))",
            ),
            Dimension::Domain => Sql {
                value: "r.domain_id",
                like: "r.domain_id IN (SELECT id FROM domain WHERE fits(name))",
                below: concat!("r.domain_id IN (SELECT id FROM domain WHERE ", is_below!("name"), ")"),
            },
            Dimension::RegistrableDomain => {
                Sql { value: "d.registrable", like: "fits(d.registrable)", below: is_below!("d.registrable") }
            }
            Dimension::Range => of("w.range", "fits(w.range)"),
            Dimension::Country => of("w.country", "fits(w.country)"),
            Dimension::Asn => of("w.asn", "fits(n.name) OR fits(CAST(w.asn AS TEXT))"),
            Dimension::Port => of("r.service_port", "fits(CAST(r.service_port AS TEXT))"),
            Dimension::Service => of(service!(), concat!("fits(", service!(), ")")),
            Dimension::RemotePort | Dimension::LocalPort | Dimension::Time => of("", ""),
        },
    }
}

/// True where a field's text is `?1`; empty where nobody asks for that.
fn exactly(field: Field) -> &'static str {
    match field {
        Field::Of(Dimension::Application) => {
            "a.application_id IN (SELECT id FROM application WHERE key = ?1)"
        }
        Field::Of(Dimension::Executable) => {
            "l.executable_id IN (SELECT e.id FROM executable e JOIN text ON text.id = e.path_id WHERE text.value = ?1)"
        }
        _ => "",
    }
}

/// Whether a field is a number.
fn is_number(field: Field) -> bool {
    matches!(field, Field::Of(Dimension::User | Dimension::Namespace | Dimension::Asn | Dimension::Port))
}

/// Adds the numbers that fulfil a condition.
pub(crate) fn find(
    connection: &Connection,
    about: About,
    condition: &Condition,
    found: &mut Set,
) -> Result<(), ReadError> {
    let Condition { field, wanted } = condition;
    let Sql { value, like, below } = sql(*field, about);
    let from = match about {
        About::Actors => FROM_ACTORS,
        About::Peers => FROM_PEERS,
        About::Locals => FROM_ADDRESSES,
    };
    let mut run = |condition: &str, bound: &[&dyn ToSql]| -> Result<(), ReadError> {
        if condition.is_empty() {
            return Ok(());
        }
        let mut statement = connection.prepare(&format!("{from}({condition})"))?;
        let mut rows = statement.query(bound)?;
        while let Some(row) = rows.next()? {
            // What is no number of a row of this program's is none of an actor or a peer.
            if let Ok(number) = u32::try_from(row.get::<_, i64>(0)?) {
                found.insert(number);
            }
        }
        Ok(())
    };
    match wanted {
        // Asked for by what is known, see `Sight`.
        Wanted::NotKnown => Ok(()),
        Wanted::Known if value.is_empty() => Ok(()),
        Wanted::Known => run(&format!("{value} IS NOT NULL"), &[]),
        Wanted::Like(_) => {
            if *field == Field::Text && about == About::Peers {
                return peers_by_text(connection, condition, found);
            }
            pattern::tell(connection, condition)?;
            run(like, &[])
        }
        Wanted::Exactly(text) => run(exactly(*field), &[text]),
        Wanted::Number(range) if is_number(*field) => {
            run(&format!("{value} BETWEEN ?1 AND ?2"), &[range.start(), range.end()])
        }
        Wanted::Network { address, bits } if matches!(field, Field::Local | Field::Of(Dimension::Remote)) => {
            let (first, last) = ends(*address, *bits);
            // The second as the index of peers has it: addresses are asked for by the dozen.
            let column = if *field == Field::Local { "id" } else { "ifnull(r.remote_address_id, 0)" };
            let within =
                "(SELECT id FROM address WHERE value BETWEEN ?1 AND ?2 AND length(value) = length(?1))";
            run(&format!("{column} IN {within}"), &[&address::octets(first), &address::octets(last)])
        }
        Wanted::Below(domain) => run(below, &[&domain.as_str()]),
        Wanted::Number(_) | Wanted::Network { .. } => Ok(()),
    }
}

/// Adds the peers with a text that fits: what they may name is looked at once, and then only numbers are compared.
fn peers_by_text(connection: &Connection, condition: &Condition, found: &mut Set) -> Result<(), ReadError> {
    let named = |table: &str, sql: &str, fits: fn(&Condition, &Row<'_>) -> rusqlite::Result<bool>| {
        let largest = connection.query_row(&format!("SELECT max(id) FROM {table}"), [], |row| row.get(0))?;
        let mut named = Set::none(Set::end_after(largest)?);
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if fits(condition, row)? {
                named.extend(u32::try_from(row.get::<_, i64>(0)?));
            }
        }
        Ok::<_, ReadError>(named)
    };
    let mut sets = vec![
        ("domain_id", named("domain", "SELECT id, name FROM domain", |it, row| has_text(it, row, 1))?),
        (
            "place_id",
            named(
                "place",
                "SELECT w.id, n.name, w.country FROM place w LEFT JOIN network n ON n.asn = w.asn",
                |it, row| Ok(has_text(it, row, 1)? || has_text(it, row, 2)?),
            )?,
        ),
    ];
    if matches!(&condition.wanted, Wanted::Like(pattern) if pattern::can_be_address(pattern)) {
        let set = named("address", "SELECT id, value FROM address", |it, row| {
            Ok(pattern::fits_address(it, row.get_ref(1)?))
        })?;
        sets.push(("remote_address_id", set));
    }
    sets.retain(|(_, set)| !set.is_empty());
    if sets.is_empty() {
        return Ok(());
    }
    let columns: Vec<&str> = sets.iter().map(|(column, _)| *column).collect();
    let mut statement = connection.prepare(&format!("SELECT id, {} FROM peer", columns.join(", ")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (column, (_, set)) in (1..).zip(&sets) {
            let number = row.get_ref(column)?.as_i64_or_null().ok().flatten();
            if number.and_then(|number| u32::try_from(number).ok()).is_some_and(|number| set.has(number)) {
                found.extend(u32::try_from(row.get::<_, i64>(0)?));
                break;
            }
        }
    }
    Ok(())
}

/// Whether the text of a column fits.
fn has_text(condition: &Condition, row: &Row<'_>, column: usize) -> rusqlite::Result<bool> {
    Ok(condition.fits_text(row.get_ref(column)?.as_str().ok()))
}

/// The first and the last address of a network.
fn ends(address: IpAddr, bits: u8) -> (IpAddr, IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
            let first = address.to_bits() & !rest;
            (IpAddr::V4(first.into()), IpAddr::V4((first | rest).into()))
        }
        IpAddr::V6(address) => {
            let rest = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            let first = address.to_bits() & !rest;
            (IpAddr::V6(first.into()), IpAddr::V6((first | rest).into()))
        }
    }
}

/// Adds the actors of a user.
pub(crate) fn of_user(connection: &Connection, user: Uid, found: &mut Set) -> Result<(), ReadError> {
    let mut statement = connection.prepare("SELECT id FROM actor WHERE uid = ?1")?;
    let mut rows = statement.query([user.0])?;
    while let Some(row) = rows.next()? {
        if let Ok(number) = u32::try_from(row.get::<_, i64>(0)?) {
            found.insert(number);
        }
    }
    Ok(())
}
