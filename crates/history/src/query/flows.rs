use std::{net::IpAddr, ops::ControlFlow, sync::Arc};

use foldhash::{HashMap, HashMapExt};
use portolan_core::{Bytes, Executable};
use portolan_core::{FileContent, Network, Place, Sha256Digest, Uid, UnixMillis, Untrusted};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{Covered, FlowActor, FlowPeer, FlowRow, Limits, Sight, columns::service};
use crate::{
    ReadError,
    block::Level,
    language::Query,
    scan::{Held, Scan, Wants},
    tables::{address, domain, executable, parse_column},
};

/// So many actors, and so many peers, are remembered with their words.
const KNOWN_MAX: usize = 4096;

/// Tells every row, the oldest block first, until `tell` breaks.
pub(crate) fn flows(
    connection: &Connection,
    query: &Query,
    viewer: Option<Uid>,
    limits: &Limits,
    tell: &mut dyn FnMut(FlowRow) -> ControlFlow<()>,
) -> Result<Covered, ReadError> {
    let sight = Sight::new(connection, &query.filter, viewer)?;
    let cover = Held::read(connection)?.cover(query, Level::Bucket, sight.asks_ends());
    let scan = Scan { connection, limits, cover: &cover, sight: &sight };
    let (mut actors, mut peers, mut locals) = (Known::new(actor), Known::new(peer), Known::new(local));
    let wants = Wants { actor: true, peer: true, local: true, ports: true, sums: true, times: true };
    let told = scan.each(wants, |block, row| {
        let port = |port: u16| (port > 0).then_some(port);
        let flow = FlowRow {
            start: UnixMillis(block.start_ms),
            width_ms: block.width_ms,
            actor: actors.get(connection, row.actor)?,
            peer: peers.get(connection, row.peer)?,
            local: if row.local == 0 { None } else { Some(*locals.get(connection, row.local)?) },
            local_port: port(row.ports.local),
            remote_port: port(row.ports.remote),
            bytes: Bytes { tx: row.tx, rx: row.rx },
            flows: row.flows,
            first: UnixMillis(row.first_ms),
            last: UnixMillis(row.last_ms),
        };
        match tell(flow) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ReadError::Cancelled),
        }
    });
    match told {
        // By `tell`, who knows it: whoever cancels by the limits hears of it.
        Err(ReadError::Cancelled) => limits.check()?,
        told => told?,
    }
    Ok(cover.covered)
}

/// What numbers stand for, as far as it was asked for lately.
struct Known<T> {
    known: HashMap<u32, Arc<T>>,
    read: fn(&Connection, u32) -> rusqlite::Result<Option<T>>,
}

impl<T> Known<T> {
    fn new(read: fn(&Connection, u32) -> rusqlite::Result<Option<T>>) -> Self {
        Self { known: HashMap::new(), read }
    }

    fn get(&mut self, connection: &Connection, number: u32) -> Result<Arc<T>, ReadError> {
        if let Some(known) = self.known.get(&number) {
            return Ok(Arc::clone(known));
        }
        let read = (self.read)(connection, number)?.ok_or(ReadError::NumberUnknown(number))?;
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        Ok(Arc::clone(self.known.entry(number).or_insert(Arc::new(read))))
    }
}

fn actor(connection: &Connection, number: u32) -> rusqlite::Result<Option<FlowActor>> {
    let read = |row: &Row<'_>| {
        let lineage: Option<i64> = row.get(7)?;
        let script: Option<String> = row.get(10)?;
        let script_sha256: Option<[u8; 32]> = row.get(11)?;
        Ok(FlowActor {
            owner: row.get(0)?,
            reason: row.get(1)?,
            application: row.get(2)?,
            command_line: row.get::<_, Option<String>>(3)?.map(Untrusted::from),
            uid: Uid(row.get(4)?),
            unit: row.get(5)?,
            container: row.get(6)?,
            namespace: row.get(12)?,
            executable: executable::from_columns(row, 8)?,
            script: script
                .map(|path| FileContent { path: path.into(), sha256: script_sha256.map(Sha256Digest) }),
            parents: lineage.map_or(Ok(Vec::new()), |lineage| parents(connection, lineage))?,
        })
    };
    connection
        .prepare_cached(
            "SELECT a.owner, a.reason, application.key, command.value, a.uid, unit.value, container.value, l.id,
                path.value, e.sha256, script.value, l.script_sha256, a.network_namespace
                FROM actor a LEFT JOIN application ON application.id = a.application_id
                LEFT JOIN text command ON command.id = a.command_id LEFT JOIN text unit ON unit.id = a.unit_id
                LEFT JOIN text container ON container.id = a.container_id
                LEFT JOIN lineage l ON l.id = a.lineage_id LEFT JOIN executable e ON e.id = l.executable_id
                LEFT JOIN text path ON path.id = e.path_id LEFT JOIN text script ON script.id = l.script_path_id
                WHERE a.id = ?1",
        )?
        .query_row([number], read)
        .optional()
}

/// What started a lineage, and what started that; a number of a parent is smaller, so that this ends.
fn parents(connection: &Connection, lineage: i64) -> rusqlite::Result<Vec<Executable>> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE up (id, executable_id, parent_id) AS (
            SELECT id, executable_id, parent_id FROM lineage WHERE id = ?1 UNION ALL
            SELECT l.id, l.executable_id, l.parent_id FROM up JOIN lineage l ON l.id = up.parent_id AND l.id < up.id)
            SELECT text.value, e.sha256 FROM up JOIN executable e ON e.id = up.executable_id
            JOIN text ON text.id = e.path_id WHERE up.id != ?1 ORDER BY up.id DESC",
    )?;
    let rows = statement.query_map([lineage], |row| executable::from_columns(row, 0))?;
    rows.filter_map(Result::transpose).collect()
}

fn local(connection: &Connection, number: u32) -> rusqlite::Result<Option<IpAddr>> {
    connection
        .prepare_cached("SELECT value FROM address WHERE id = ?1")?
        .query_row([number], |row| address::from_column(row, 0))
        .optional()
        .map(Option::flatten)
}

fn peer(connection: &Connection, number: u32) -> rusqlite::Result<Option<FlowPeer>> {
    let read = |row: &Row<'_>| {
        let has = |column: usize| row.get_ref(column).map(|value| value != rusqlite::types::ValueRef::Null);
        let asn: Option<u32> = row.get(11)?;
        let network = asn.map(|asn| {
            Ok::<_, rusqlite::Error>(Network { asn, name: row.get::<_, Option<String>>(12)?.map(Into::into) })
        });
        let place = if has(9)? {
            let country = if has(10)? { Some(parse_column(row, 10)?) } else { None };
            Some(Place { range: parse_column(row, 9)?, country, network: network.transpose()? })
        } else {
            None
        };
        Ok(FlowPeer {
            protocol: parse_column(row, 0)?,
            direction: parse_column(row, 1)?,
            remote: address::from_column(row, 2)?,
            service_port: row.get(3)?,
            recognised: if has(4)? { Some(parse_column(row, 4)?) } else { None },
            name: domain::from_columns(row, 5)?,
            place,
            service: row.get(13)?,
        })
    };
    connection
        .prepare_cached(concat!(
            "SELECT r.protocol, r.direction, remote.value, r.service_port, r.recognised, d.name, d.registrable,
                r.name_source, r.name_inferred, w.range, w.country, w.asn, n.name, ",
            service!(),
            " FROM peer r LEFT JOIN address remote ON remote.id = r.remote_address_id
                LEFT JOIN domain d ON d.id = r.domain_id LEFT JOIN place w ON w.id = r.place_id
                LEFT JOIN network n ON n.asn = w.asn WHERE r.id = ?1"
        ))?
        .query_row([number], read)
        .optional()
}
