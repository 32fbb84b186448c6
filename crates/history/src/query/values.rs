use std::borrow::Cow;

use foldhash::{HashSet, HashSetExt};
use portolan_core::{ApplicationKey, Dimension, Uid, lower};
use rusqlite::{Connection, types::ValueRef};

use super::{
    Limits, Sight,
    columns::service,
    conditions::{self, About},
    pattern::address_of,
};
use crate::{
    ReadError,
    block::Level,
    language::{Field, Filter, Query},
    scan::{Held, Scan, Set, Wants},
};

/// Values of a field, each by the first of its names that begins with `prefix`; the newest first.
pub(crate) fn values(
    connection: &Connection,
    field: Field,
    prefix: &str,
    limit: usize,
    viewer: Option<Uid>,
    limits: &Limits,
) -> Result<Vec<String>, ReadError> {
    let mut values = Vec::new();
    let (Some(sql), Some(about)) = (sql(field), conditions::about(field).first()) else { return Ok(values) };
    // What an address is to this machine stands in blocks alone.
    let is_used = viewer.is_some() || *about == About::Locals;
    let own = is_used.then(|| used_by(connection, viewer, *about, limits)).transpose()?;
    let prefix = lower(prefix);
    let mut told = HashSet::new();
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while values.len() < limit
        && let Some(row) = rows.next()?
    {
        let number = u32::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
        if own.as_ref().is_some_and(|own| !own.has(number)) {
            continue;
        }
        let words = (1..row.as_ref().column_count()).map(|column| Ok(words(field, row.get_ref(column)?)));
        let words: Vec<Vec<String>> = words.collect::<rusqlite::Result<_>>()?;
        let word = words.into_iter().flatten().find(|word| lower(word).starts_with(&*prefix));
        if let Some(word) = word.filter(|word| !told.contains(word)) {
            told.insert(word.clone());
            values.push(word);
        }
    }
    Ok(values)
}

/// The actors, peers or local addresses of a viewer's own traffic; of all for who may see everything.
fn used_by(
    connection: &Connection,
    viewer: Option<Uid>,
    about: About,
    limits: &Limits,
) -> Result<Set, ReadError> {
    let everything = Query::default();
    let sight = Sight::new(connection, &Filter::default(), viewer)?;
    let coarsest = if about == About::Locals { Level::Bucket } else { Level::Day };
    let cover = Held::read(connection)?.cover(&everything, coarsest, about == About::Locals);
    let (mut used, wants) = match about {
        About::Actors => (Set::none(sight.actors_end()), Wants { actor: true, ..Wants::default() }),
        About::Peers => (Set::none(sight.peers_end()), Wants { peer: true, ..Wants::default() }),
        About::Locals => (Set::none(sight.addresses_end()), Wants { local: true, ..Wants::default() }),
    };
    Scan { connection, limits, cover: &cover, sight: &sight }.each(wants, |_, row| {
        used.insert(match about {
            About::Actors => row.actor,
            About::Peers => row.peer,
            About::Locals => row.local,
        });
        Ok(())
    })?;
    Ok(used)
}

/// What a person may write for a value, first as people see it.
fn words(field: Field, value: ValueRef<'_>) -> Vec<String> {
    match (field, value) {
        (_, ValueRef::Integer(number)) => vec![number.to_string()],
        (_, ValueRef::Blob(octets)) => {
            address_of(octets).map(|address| address.to_string()).into_iter().collect()
        }
        (_, ValueRef::Text(_)) => {
            let Ok(text) = value.as_str() else { return Vec::new() };
            let short = match field {
                Field::Of(Dimension::Application) => {
                    Some(ApplicationKey::from_stored(text.into()).display_name().as_raw().to_owned())
                }
                Field::Of(Dimension::Executable | Dimension::Script | Dimension::Parent)
                | Field::Ancestor => text.rsplit('/').next().map(str::to_owned),
                _ => None,
            };
            let names = field.names_in(text).into_iter().map(Cow::into_owned);
            // Nothing can be said that is empty.
            short.into_iter().chain([text.to_owned()]).chain(names).filter(|name| !name.is_empty()).collect()
        }
        (_, ValueRef::Null | ValueRef::Real(_)) => Vec::new(),
    }
}

/// The numbers of actors or peers, the newest first, with the values of a field; `None` where values cannot be told.
fn sql(field: Field) -> Option<&'static str> {
    Some(match field {
        Field::Of(dimension) => match dimension {
            Dimension::Application => {
                "SELECT a.id, application.key FROM actor a JOIN application ON application.id = a.application_id ORDER BY a.id DESC"
            }
            Dimension::Executable => {
                "SELECT a.id, text.value FROM actor a JOIN lineage l ON l.id = a.lineage_id
                    JOIN executable e ON e.id = l.executable_id JOIN text ON text.id = e.path_id ORDER BY a.id DESC"
            }
            Dimension::Script => {
                "SELECT a.id, text.value FROM actor a JOIN lineage l ON l.id = a.lineage_id
                    JOIN text ON text.id = l.script_path_id ORDER BY a.id DESC"
            }
            Dimension::Parent => {
                "SELECT a.id, text.value FROM actor a JOIN lineage l ON l.id = a.lineage_id
                    JOIN lineage p ON p.id = l.parent_id JOIN executable e ON e.id = p.executable_id
                    JOIN text ON text.id = e.path_id ORDER BY a.id DESC"
            }
            Dimension::Command => {
                "SELECT a.id, text.value FROM actor a JOIN text ON text.id = a.command_id ORDER BY a.id DESC"
            }
            Dimension::Unit => {
                "SELECT a.id, text.value FROM actor a JOIN text ON text.id = a.unit_id ORDER BY a.id DESC"
            }
            Dimension::Container => {
                "SELECT a.id, text.value FROM actor a JOIN text ON text.id = a.container_id ORDER BY a.id DESC"
            }
            Dimension::User => "SELECT id, nullif(uid, 4294967295) FROM actor ORDER BY id DESC",
            Dimension::Namespace => "SELECT id, nullif(network_namespace, 0) FROM actor ORDER BY id DESC",
            Dimension::Protocol => "SELECT id, protocol FROM peer ORDER BY id DESC",
            Dimension::Direction => "SELECT id, direction FROM peer ORDER BY id DESC",
            Dimension::Port => "SELECT id, service_port FROM peer ORDER BY id DESC",
            Dimension::Service => concat!("SELECT r.id, ", service!(), " FROM peer r ORDER BY r.id DESC"),
            Dimension::Remote => {
                "SELECT r.id, address.value FROM peer r JOIN address ON address.id = r.remote_address_id ORDER BY r.id DESC"
            }
            Dimension::Domain => {
                "SELECT r.id, d.name FROM peer r JOIN domain d ON d.id = r.domain_id ORDER BY r.id DESC"
            }
            Dimension::RegistrableDomain => {
                "SELECT r.id, d.registrable FROM peer r JOIN domain d ON d.id = r.domain_id ORDER BY r.id DESC"
            }
            Dimension::Range => "SELECT r.id, w.range FROM peer r JOIN place w ON w.id = r.place_id ORDER BY r.id DESC",
            Dimension::Country => {
                "SELECT r.id, w.country FROM peer r JOIN place w ON w.id = r.place_id ORDER BY r.id DESC"
            }
            Dimension::Asn => {
                "SELECT r.id, n.name, n.asn FROM peer r JOIN place w ON w.id = r.place_id
                    JOIN network n ON n.asn = w.asn ORDER BY r.id DESC"
            }
            Dimension::RemotePort | Dimension::LocalPort | Dimension::Time => return None,
        },
        Field::Ancestor => {
            "WITH RECURSIVE up (actor_id, id) AS (
                SELECT a.id, l.parent_id FROM actor a JOIN lineage l ON l.id = a.lineage_id UNION
                SELECT up.actor_id, l.parent_id FROM up JOIN lineage l ON l.id = up.id AND l.parent_id < l.id)
                SELECT up.actor_id, text.value FROM up JOIN lineage l ON l.id = up.id
                JOIN executable e ON e.id = l.executable_id JOIN text ON text.id = e.path_id ORDER BY up.actor_id DESC"
        }
        Field::State => {
            "SELECT a.id, application.review FROM actor a JOIN application ON application.id = a.application_id ORDER BY a.id DESC"
        }
        Field::Owner => "SELECT id, ifnull(reason, owner) FROM actor ORDER BY id DESC",
        Field::Sha256 => {
            "SELECT a.id, lower(hex(e.sha256)), lower(hex(l.script_sha256)) FROM actor a
                JOIN lineage l ON l.id = a.lineage_id JOIN executable e ON e.id = l.executable_id ORDER BY a.id DESC"
        }
        Field::Local => {
            "SELECT id, value FROM address ORDER BY id DESC"
        }
        Field::AnyPort | Field::Text => return None,
    })
}
