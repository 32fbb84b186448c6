//! Whether a stored value fits a condition, for SQL.

use std::net::IpAddr;

use portolan_core::Dimension;
use rusqlite::{Connection, functions::FunctionFlags, types::ValueRef};

use crate::language::{Condition, Field, Pattern};

/// From now on `fits` is true of the texts that fit the condition, `fits_application` of keys that fit it as those of applications, and
/// `fits_address` of addresses as they are stored.
pub(super) fn tell(connection: &Connection, condition: &Condition) -> rusqlite::Result<()> {
    let tell = |name, field, fits: fn(&Condition, ValueRef<'_>) -> bool| {
        let condition = Condition { field, ..condition.clone() };
        let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8;
        connection.create_scalar_function(name, 1, flags, move |arguments| {
            Ok(fits(&condition, arguments.get_raw(0)))
        })
    };
    let fits = |condition: &Condition, value: ValueRef<'_>| condition.fits_text(value.as_str().ok());
    tell("fits", condition.field, fits)?;
    tell("fits_application", Field::Of(Dimension::Application), fits)?;
    tell("fits_address", condition.field, fits_address)
}

/// Whether an address as its column holds it fits as the text that it is.
pub(super) fn fits_address(condition: &Condition, value: ValueRef<'_>) -> bool {
    let address = value.as_blob().ok().and_then(address_of);
    condition.fits_text(address.map(|address| address.to_string()).as_deref())
}

/// An address as its column holds it; `None` where that is none.
pub(super) fn address_of(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// Whether any address has all of these parts.
pub(super) fn can_be_address(pattern: &Pattern) -> bool {
    let is_of_address = |letter: u8| letter.is_ascii_hexdigit() || matches!(letter, b'.' | b':');
    pattern.parts.iter().all(|part| part.bytes().all(is_of_address))
}
