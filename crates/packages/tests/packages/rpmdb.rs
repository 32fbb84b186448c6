//! The database of rpm in `fixtures/`, as SQLite and in rpm's own format.

use std::io::Read as _;

use rusqlite::Connection;

use crate::root::Root;

pub(crate) const SQLITE: &str = "var/lib/rpm/rpmdb.sqlite";
pub(crate) const NDB: &str = "usr/lib/sysimage/rpm/Packages.db";

/// The file that rpm wrote.
pub(crate) fn sqlite() -> Vec<u8> {
    let packed: &[u8] = include_bytes!("../fixtures/rpmdb.sqlite.gz");
    let mut database = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut database).unwrap();
    database
}

/// The same headers in rpm's own format, laid out as lib/backend/ndb/rpmpkg.c says.
pub(crate) fn ndb() -> Vec<u8> {
    let root = Root::new();
    root.write(SQLITE, sqlite());
    let database = Connection::open(root.at(SQLITE)).unwrap();
    let mut statement = database.prepare("SELECT hnum, blob FROM Packages ORDER BY hnum").unwrap();
    let headers: Vec<(u32, Vec<u8>)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let little = |number: u32| number.to_le_bytes();
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
    let mut slots = [*b"RpmP", little(0), little(7), little(1), little(99)].concat();
    slots.resize(32, 0);
    let mut blobs = Vec::new();
    for (number, header) in &headers {
        // An empty slot before each: they stay where a package was removed.
        slots.extend([*b"Slot", little(0), little(0), little(0)].concat());
        let mut blob =
            [[*b"BlbS", little(*number), little(7), little(size(header))].concat(), header.clone()].concat();
        blob.extend([little(0), little(size(header)), *b"BlbE"].concat());
        blob.resize(blob.len().next_multiple_of(16), 0);
        slots.extend(
            [*b"Slot", little(*number), little((4096 + size(&blobs)) / 16), little(size(&blob) / 16)]
                .concat(),
        );
        blobs.extend(blob);
    }
    while slots.len() < 4096 {
        slots.extend([*b"Slot", little(0), little(0), little(0)].concat());
    }
    [slots, blobs].concat()
}
