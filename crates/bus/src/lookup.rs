use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zvariant::Type;

use crate::Access;

/// The most addresses that can be looked up in one call.
pub const ADDRESSES_MAX: usize = 64;

/// What is known of some addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct LookupResult {
    /// Each address once, in the order asked for.
    pub addresses: Vec<AddressInfo>,
    /// Where countries and networks come from; none when there is no database.
    pub places: Vec<PlaceData>,
    /// Whether more was seen than one answer holds.
    pub truncated: bool,
    /// Whose traffic the names are from.
    pub access: Access,
}

/// A database of countries and networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct PlaceData {
    /// What it calls itself.
    pub name: String,
    /// When it was made.
    #[ts(type = "number | null")]
    pub made_unix_ms: Option<i64>,
    /// What its licence wants to be shown beside what is from it; `None` for nothing.
    pub attribution: Option<String>,
}

/// What is known of an address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct AddressInfo {
    /// The address, in its usual form.
    pub address: String,
    /// What its range is for (`portolan_core::Range`).
    pub range: String,
    /// The IPv4 address inside it (6to4, NAT64, Teredo).
    pub embedded: Option<String>,
    /// Code of the country.
    pub country: Option<String>,
    /// The country's English name.
    pub country_name: Option<String>,
    /// Number of the network (AS).
    pub asn: Option<u32>,
    /// Name of the network, as the database has it.
    pub network: Option<String>,
    /// The city, where the database has cities.
    pub city: Option<String>,
    /// Degrees north, where the database has them.
    pub latitude: Option<f64>,
    /// Degrees east, where the database has them.
    pub longitude: Option<f64>,
    /// Who talked with it and under which name, most bytes first.
    pub names: Vec<SeenName>,
    /// What was spoken with it, most bytes first.
    pub services: Vec<SeenService>,
}

/// What one application of one user moved with an address under one name. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct SeenName {
    /// The name; `None` when none was seen.
    pub domain: Option<String>,
    /// How it is known (`portolan_core::NameSource`); the surest, where there are several.
    pub source: Option<String>,
    /// Whether it may as well be another name.
    pub inferred: bool,
    /// The application's key; `None` for the kernel and for bytes without an owner.
    pub application: Option<String>,
    /// As which user; `None` for callers who see their own traffic only.
    pub uid: Option<u32>,
    /// Payload bytes sent.
    #[ts(type = "number")]
    pub tx_bytes: u64,
    /// Payload bytes received.
    #[ts(type = "number")]
    pub rx_bytes: u64,
    /// When it was last.
    #[ts(type = "number")]
    pub last_unix_ms: i64,
}

/// What was spoken with an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct SeenService {
    /// The protocol that the bytes told, else the usual name of the port, else `tcp/12345`; `None` without a port.
    pub service: Option<String>,
    /// Whether the bytes told it.
    pub recognised: bool,
    /// Payload bytes sent.
    #[ts(type = "number")]
    pub tx_bytes: u64,
    /// Payload bytes received.
    #[ts(type = "number")]
    pub rx_bytes: u64,
    /// When it was last.
    #[ts(type = "number")]
    pub last_unix_ms: i64,
}
