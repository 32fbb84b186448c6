use std::fs;

use portolan_core::{Range, UnixMillis};
use portolan_places::{Places, Value};

use crate::{address, asn, country, database, opened, operator, words};

#[test]
fn networks_begin_and_end_where_the_database_says() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = database(&[
        ("8.8.0.0/16", &[country("US"), asn(1), operator("One")]),
        ("8.8.8.0/24", &[country("DE"), asn(2)]),
        ("8.8.8.8/32", &[country("FR")]),
        ("2a00:1450::/32", &[country("IE"), asn(3), operator("Three")]),
        ("2a00:1450::1/128", &[asn(4), operator("")]),
    ]);
    let places = opened(dir.path(), &bytes).unwrap();
    for (of, expected) in [
        ("8.7.255.255", "- -"),
        ("8.8.0.0", "US AS1 One"),
        ("8.8.7.255", "US AS1 One"),
        ("8.8.8.0", "DE AS2 -"),
        ("8.8.8.7", "DE AS2 -"),
        ("8.8.8.8", "FR -"),
        ("8.8.8.9", "DE AS2 -"),
        ("8.8.8.255", "DE AS2 -"),
        ("8.8.9.0", "US AS1 One"),
        ("8.8.255.255", "US AS1 One"),
        ("8.9.0.0", "- -"),
        ("2a00:144f:ffff::", "- -"),
        ("2a00:1450::", "IE AS3 Three"),
        ("2a00:1450::1", "- AS4 -"),
        ("2a00:1450::2", "IE AS3 Three"),
        ("2a00:1450:ffff:ffff:ffff:ffff:ffff:ffff", "IE AS3 Three"),
        ("2a00:1451::", "- -"),
        // Those that stand for an IPv4 address.
        ("::ffff:8.8.8.8", "FR -"),
        ("2002:808:808::1", "FR -"),
        ("64:ff9b::8.8.8.8", "FR -"),
        ("2001:0:1:1:1:1:f7f7:f7f7", "FR -"),
        ("2002:a00:1::1", "- -"),
    ] {
        // Again, from memory.
        assert_eq!((words(&places, of), words(&places, of)), (expected.into(), expected.into()), "{of}");
    }
}

#[test]
fn special_ranges_have_no_country_whatever_a_database_says() {
    let dir = tempfile::tempdir().unwrap();
    let places =
        opened(dir.path(), &database(&[("0.0.0.0/0", &[country("US")]), ("fc00::/7", &[country("US")])]));
    let places = places.unwrap();
    assert_eq!(words(&places, "10.0.0.1"), "- -");
    assert_eq!(words(&places, "fd00::1"), "- -");
    assert_eq!(words(&places, "11.0.0.1"), "US -");
    assert_eq!(places.place_of(address("10.0.0.1")).range, Range::Private);
}

#[test]
fn several_files_complete_each_other_and_cities_have_coordinates() {
    let dir = tempfile::tempdir().unwrap();
    let english = |name| Value::Map(vec![("en", Value::text(name)), ("de", Value::text("?"))]);
    let location = |latitude, longitude| {
        let coordinates =
            vec![("latitude", Value::Decimal(latitude)), ("longitude", Value::Decimal(longitude))];
        ("location", Value::Map(coordinates))
    };
    let cities = database(&[
        (
            "1.0.0.0/8",
            &[country("GB"), ("city", Value::Map(vec![("names", english("London"))])), location(51.5, -0.1)],
        ),
        ("2.0.0.0/8", &[country("GB"), location(f64::NAN, 0.0)]),
    ]);
    let networks = database(&[("1.0.0.0/8", &[asn(1), operator("One"), country("FR")])]);
    let paths = [dir.path().join("cities"), dir.path().join("networks")];
    fs::write(&paths[0], cities).unwrap();
    fs::write(&paths[1], networks).unwrap();
    let places = Places::open(&paths, dir.path()).unwrap();
    assert_eq!(words(&places, "1.2.3.4"), "GB AS1 One");
    let details = places.details_of(address("1.2.3.4"));
    assert_eq!((details.city.as_deref(), details.coordinates), (Some("London"), Some((51.5, -0.1))));
    assert_eq!(places.details_of(address("2.0.0.1")).coordinates, None);
    let source = &places.sources()[1];
    assert_eq!((source.kind.as_str(), source.built), ("GeoLite2-Test", UnixMillis(1_787_373_369_000)));
    assert!(source.attribution.unwrap().contains("MaxMind"));
}

#[test]
fn names_that_operators_chose_are_cut_and_without_control_characters() {
    let dir = tempfile::tempdir().unwrap();
    let long = "\u{1b}[2J".repeat(1000);
    let places = opened(dir.path(), &database(&[("1.0.0.0/8", &[asn(1), operator(&long)])])).unwrap();
    let name = places.place_of(address("1.1.1.1")).network.unwrap().name.unwrap();
    assert!(name.chars().count() == 200 && !name.contains(char::is_control), "{name}");
}

#[test]
fn a_database_of_any_size_of_text_and_number_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    // Over each border of how lengths and pointers are written.
    for length in [1, 28, 29, 30, 284, 285, 286, 3000, 70_000] {
        let filler = "x".repeat(length);
        let networks: Vec<_> =
            (0..250u32).map(|number| (format!("{number}.0.0.0/8"), format!("{filler}{number}"))).collect();
        let values: Vec<_> =
            networks.iter().map(|(_, name)| [operator(name), asn(u32::MAX >> (name.len() % 32))]).collect();
        let all: Vec<_> = networks
            .iter()
            .zip(&values)
            .map(|((network, _), value)| (network.as_str(), value.as_slice()))
            .collect();
        let bytes = database(&all);
        let reader = maxminddb::Reader::from_source(&bytes).unwrap();
        reader.verify().unwrap();
        for (network, name) in &networks {
            let found = reader.lookup(network.trim_end_matches("/8").parse().unwrap()).unwrap();
            let path = maxminddb::path!["autonomous_system_organization"];
            assert_eq!(found.decode_path::<&str>(&path).unwrap(), Some(name.as_str()));
        }
    }
    drop(dir);
}
