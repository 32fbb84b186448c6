//! Databases as they come: good ones, changing ones and hostile ones, and the one that Portolan ships.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as expected")]

mod hostile;
mod reading;
mod shipped;
mod watching;

use std::{net::IpAddr, path::Path};

use portolan_places::{Places, PlacesError, Value, Writer};

/// A database with these networks, in GeoLite2's layout.
fn database(networks: &[(&str, &[(&'static str, Value)])]) -> Vec<u8> {
    let mut writer = Writer::default();
    for (network, value) in networks {
        let (first, prefix) = network.split_once('/').unwrap();
        writer.insert(address(first), prefix.parse().unwrap(), &Value::Map(value.to_vec())).unwrap();
    }
    writer.finish("GeoLite2-Test", "for tests", 1_787_373_369).unwrap()
}

fn country(code: &str) -> (&'static str, Value) {
    ("country", Value::Map(vec![("iso_code", Value::text(code))]))
}

fn asn(number: u32) -> (&'static str, Value) {
    ("autonomous_system_number", Value::Number(number))
}

fn operator(name: &str) -> (&'static str, Value) {
    ("autonomous_system_organization", Value::text(name))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Opens a database that has these bytes.
fn opened(dir: &Path, bytes: &[u8]) -> Result<Places, PlacesError> {
    let path = dir.join("test.mmdb");
    std::fs::write(&path, bytes).unwrap();
    Places::open(&[path], dir)
}

/// `DE AS1 name`, with `-` for what is not known.
fn words(places: &Places, of: &str) -> String {
    let place = places.place_of(address(of));
    let country = place.country.map_or("-".to_owned(), |country| country.to_string());
    let network = place.network.map_or("-".to_owned(), |network| {
        format!("AS{} {}", network.asn, network.name.as_deref().unwrap_or("-"))
    });
    format!("{country} {network}")
}
