use std::net::IpAddr;

use portolan_core::Endpoint;
use rusqlite::{
    Connection,
    types::{FromSqlError, Type, ValueRef},
};

use crate::{cache::Cache, ids::AddressId, intern::find_or_insert};

/// Write side of `address`.
#[derive(Debug)]
pub(crate) struct Addresses {
    known: Cache<IpAddr, AddressId>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self { known: Cache::new(8192) }
    }
}

impl Addresses {
    /// The number of an endpoint's address; `None` for an endpoint that is not known.
    pub(crate) fn id_of(
        &mut self,
        connection: &Connection,
        endpoint: Option<Endpoint>,
    ) -> rusqlite::Result<Option<AddressId>> {
        endpoint.map(|endpoint| self.id(connection, endpoint.address)).transpose()
    }

    fn id(&mut self, connection: &Connection, address: IpAddr) -> rusqlite::Result<AddressId> {
        if let Some(id) = self.known.get(&address) {
            return Ok(id);
        }
        let id = find_or_insert(
            connection,
            "SELECT id FROM address WHERE value = ?1",
            "INSERT INTO address (value) VALUES (?1)",
            &[&octets(address)],
        )?;
        self.known.put(address, id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// Whether it was ever written.
pub(crate) fn is_known(connection: &Connection, address: IpAddr) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM address WHERE value = ?1")?.exists([octets(address)])
}

/// An address as its column holds it.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

/// Reads an address from a column that may be NULL.
pub(crate) fn from_column(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Option<IpAddr>> {
    let failed =
        |error: FromSqlError| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error));
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(octets) => {
            let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
                .map(Some)
                .map_err(|_| failed(FromSqlError::InvalidType))
        }
        _ => Err(failed(FromSqlError::InvalidType)),
    }
}
