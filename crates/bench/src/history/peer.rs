//! picosnitch's history: version 4 of its schema, as picosnitch 2.2 makes it, filled with what it would have written.
//!
//! Facts, from its source: a row for each different executable, parent, grandparent, user, family, protocol, ports, addresses, name and
//! namespace in each interval of `write_limit_seconds` (10 by default); WAL; four indexes; one row of `executables` for each path,
//! process name, command line and hash. It keeps 30 days by default: here it keeps the year.

use std::{collections::HashMap, net::IpAddr, path::Path, sync::Arc};

use portolan_core::{Lineage, Owner, Protocol};
use portolan_history::Record;
use rusqlite::{CachedStatement, Connection, params};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE executables (id INTEGER PRIMARY KEY, exe TEXT NOT NULL, name TEXT NOT NULL, cmdline TEXT NOT NULL,
        sha256 TEXT NOT NULL, UNIQUE (exe, name, cmdline, sha256)) STRICT;
    CREATE TABLE domains (id INTEGER PRIMARY KEY, domain TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE addresses (id INTEGER PRIMARY KEY, addr TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE connections (contime INTEGER NOT NULL, send INTEGER NOT NULL, recv INTEGER NOT NULL, events INTEGER NOT NULL,
        exe_id INTEGER NOT NULL REFERENCES executables (id), pexe_id INTEGER NOT NULL REFERENCES executables (id),
        gpexe_id INTEGER NOT NULL REFERENCES executables (id), uid INTEGER NOT NULL, family INTEGER NOT NULL,
        protocol INTEGER NOT NULL, lport INTEGER NOT NULL, rport INTEGER NOT NULL,
        laddr_id INTEGER NOT NULL REFERENCES addresses (id), raddr_id INTEGER NOT NULL REFERENCES addresses (id),
        domain_id INTEGER NOT NULL REFERENCES domains (id), netns INTEGER NOT NULL) STRICT;
    INSERT INTO executables VALUES (0, '', '', '', '');
    INSERT INTO domains VALUES (0, '');
    INSERT INTO addresses VALUES (0, '');
    PRAGMA user_version = 4;";

/// Made when all rows are there: a year is written sooner, and the indexes are as dense as they can be.
const INDEXES: &str = "
    CREATE INDEX idx_contime ON connections (contime);
    CREATE INDEX idx_exe_id_contime ON connections (exe_id, contime);
    CREATE INDEX idx_pexe_id_contime ON connections (pexe_id, contime);
    CREATE INDEX idx_gpexe_id_contime ON connections (gpexe_id, contime);";

/// What a row is of: who by its number, then user, family, protocol, ports, addresses, name and namespace.
type Key = ([i64; 3], u32, u8, u16, [u16; 2], [i64; 3], u32);
type Chain = (Arc<Lineage>, String);

/// A file that is being filled.
#[derive(Debug)]
pub(super) struct Peer {
    connection: Connection,
    /// Numbers of a program, its parent and its grandparent, by the place of its lineage in memory, which is kept with them.
    chains: HashMap<(usize, String), (Chain, [i64; 3])>,
    addresses: HashMap<IpAddr, i64>,
    domains: HashMap<String, i64>,
}

impl Peer {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        let (chains, addresses, domains) = Default::default();
        Ok(Self { connection, chains, addresses, domains })
    }

    /// The rows of a day, in one transaction.
    pub(super) fn write(&mut self, records: &[Record]) -> anyhow::Result<()> {
        self.connection.execute_batch("BEGIN")?;
        for interval in records.chunk_by(|one, other| one.bucket_start == other.bucket_start) {
            let mut rows: HashMap<Key, [i64; 3]> = HashMap::new();
            for record in interval {
                let row = rows.entry(self.key(record)?).or_default();
                let sums = [record.bytes.tx, record.bytes.rx, record.flows_opened + 1];
                for (sum, more) in row.iter_mut().zip(sums) {
                    *sum = sum.saturating_add_unsigned(more);
                }
            }
            let end = interval.first().map_or(0, |record| record.bucket_start.0 / 1000 + 10);
            self.insert(end, rows)?;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }

    fn insert(&self, contime: i64, rows: HashMap<Key, [i64; 3]>) -> anyhow::Result<()> {
        let mut add: CachedStatement = self.connection.prepare_cached(
            "INSERT INTO connections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        for ((exe, uid, family, protocol, ports, ids, namespace), [tx, rx, events]) in rows {
            add.execute(params![
                contime, tx, rx, events, exe[0], exe[1], exe[2], uid, family, protocol, ports[0], ports[1],
                ids[0], ids[1], ids[2], namespace
            ])?;
        }
        Ok(())
    }

    /// The indexes, and everything in the file.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        self.connection.execute_batch(INDEXES)?;
        self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(())
    }

    fn key(&mut self, record: &Record) -> anyhow::Result<Key> {
        let exe = match &record.owner {
            Owner::Program { lineage, .. } => {
                let command = record.command_line.as_ref().map_or("", |command| command.as_raw());
                self.chain(lineage, command)?
            }
            Owner::Kernel | Owner::Unattributed(_) => [0; 3],
        };
        let family = match record.remote.map(|remote| remote.address) {
            Some(IpAddr::V6(_)) => 10,
            Some(IpAddr::V4(_)) => 2,
            None => 17,
        };
        let protocol = match record.protocol {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Icmp => 1,
            Protocol::Packet => 0,
            Protocol::Ip(number) => number,
        };
        let ports = [record.local, record.remote].map(|side| side.map_or(0, |side| side.port));
        let local = self.address(record.local.map(|side| side.address))?;
        let remote = self.address(record.remote.map(|side| side.address))?;
        let domain = self.domain(record.name.as_ref().map_or("", |name| name.domain.as_str()))?;
        Ok((exe, record.uid.0, family, protocol, ports, [local, remote, domain], record.network_namespace))
    }

    fn chain(&mut self, lineage: &Arc<Lineage>, command: &str) -> anyhow::Result<[i64; 3]> {
        let key = (Arc::as_ptr(lineage).addr(), command.to_owned());
        if let Some((_, ids)) = self.chains.get(&key) {
            return Ok(*ids);
        }
        let mut ids = [0; 3];
        for ((id, executable), command) in ids.iter_mut().zip(lineage.iter()).zip([command, "", ""]) {
            let (path, name) = (executable.path.as_raw(), executable.file_name());
            let name: String = name.as_raw().chars().take(15).collect();
            let sha256 = executable.sha256.to_string();
            let values = params![path, name, command, sha256];
            self.connection.execute(
                "INSERT OR IGNORE INTO executables (exe, name, cmdline, sha256) VALUES (?, ?, ?, ?)",
                values,
            )?;
            *id = self.connection.query_row(
                "SELECT id FROM executables WHERE exe = ? AND name = ? AND cmdline = ? AND sha256 = ?",
                values,
                |row| row.get(0),
            )?;
        }
        self.chains.insert(key, ((Arc::clone(lineage), command.to_owned()), ids));
        Ok(ids)
    }

    fn address(&mut self, address: Option<IpAddr>) -> anyhow::Result<i64> {
        let Some(address) = address else { return Ok(0) };
        if let Some(id) = self.addresses.get(&address) {
            return Ok(*id);
        }
        self.connection.execute("INSERT INTO addresses (addr) VALUES (?)", [address.to_string()])?;
        let id = self.connection.last_insert_rowid();
        self.addresses.insert(address, id);
        Ok(id)
    }

    fn domain(&mut self, name: &str) -> anyhow::Result<i64> {
        if name.is_empty() {
            return Ok(0);
        }
        if let Some(id) = self.domains.get(name) {
            return Ok(*id);
        }
        self.connection.execute("INSERT INTO domains (domain) VALUES (?)", [name])?;
        let id = self.connection.last_insert_rowid();
        self.domains.insert(name.to_owned(), id);
        Ok(id)
    }
}
