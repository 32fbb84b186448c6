//! Where an address belongs: the kind of its range, its country and its network (docs/places.md).
//!
//! [`Watched`] reads databases again when they change; [`Places`] answers.
//!
//! Invariant: `unsafe` stands in `map.rs` only, for memory that is a file of our own.
#![deny(unsafe_code)]

mod country_names;
mod database;
mod map;
mod places;
mod ranges;
mod watched;
mod writer;

pub use country_names::country_name;
pub use database::PlacesError;
pub use places::{Details, Places, Source};
pub use ranges::range_of;
pub use watched::Watched;
pub use writer::{TooLarge, Value, Writer};

/// What is said wherever countries or networks of Portolan's own database are shown or given away (CC BY-SA 4.0, section 3).
pub const ATTRIBUTION: &str = "Countries and networks: IPFire Location (https://location.ipfire.org), CC BY-SA 4.0 \
    (https://creativecommons.org/licenses/by-sa/4.0/), put into another format";

/// How Portolan's own database calls itself.
pub const OWN_KIND: &str = "Portolan-Country-ASN";
