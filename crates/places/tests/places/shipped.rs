use std::{fs, path::Path, process::Command};

use portolan_places::{ATTRIBUTION, Places, country_name};

use crate::{address, words};

/// The database that Portolan ships says what everybody knows, and every country in it has a name.
#[test]
fn the_shipped_database_knows_the_world() {
    let dir = tempfile::tempdir().unwrap();
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/places/portolan-places.mmdb.xz");
    assert!(fs::metadata(&packed).unwrap().len() <= 4_000_000);
    let unpacked = Command::new("xz").arg("-dc").arg(&packed).output().unwrap();
    assert!(unpacked.status.success());
    let path = dir.path().join("places.mmdb");
    fs::write(&path, &unpacked.stdout).unwrap();
    let places = Places::open(&[path], dir.path()).unwrap();
    assert_eq!(words(&places, "8.8.8.8"), "US AS15169 Google LLC");
    assert_eq!(words(&places, "8.8.7.255").find("AS15169"), None, "8.8.8.0/24 begins there");
    assert!(words(&places, "1.1.1.1").contains("AS13335 Cloudflare"));
    assert_eq!(words(&places, "2001:4860:4860::8888"), "US AS15169 Google LLC");
    assert_eq!(words(&places, "192.168.1.1"), "- -");
    let source = &places.sources()[0];
    assert!(source.attribution == Some(ATTRIBUTION) && source.built.0 > 1_780_000_000_000, "{source:?}");

    let mut unnamed = 0;
    for bits in (0..u32::MAX).step_by(40_009) {
        let country = places.place_of(std::net::Ipv4Addr::from_bits(bits).into()).country;
        unnamed += u32::from(country.is_some_and(|country| country_name(&country).is_none()));
    }
    assert_eq!(unnamed, 0);
    assert!(places.place_of(address("193.0.6.139")).country.is_some());
}
