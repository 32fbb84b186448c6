//! What is known of an address: where it belongs, and what the history has seen of it.

use std::{collections::HashMap, net::IpAddr};

use portolan_bus::{AddressInfo, LookupResult, SeenName, SeenService};
use portolan_core::{Dimension, Only};
use portolan_history::{Answer, Group, Question, ReadError, Reader};
use portolan_places::{Details, country_name, range_of};

use super::atlas::Atlas;
use crate::dbus::Viewer;

/// The most names, and the most services, of all addresses of a look-up.
const SEEN_MAX: usize = 10_000;

/// Looks addresses up in the database of places and, as far as the viewer sees it, in the history.
pub(super) fn look_up(
    reader: &Reader,
    atlas: &Atlas,
    viewer: Viewer,
    addresses: &[IpAddr],
) -> Result<LookupResult, ReadError> {
    let mut infos: Vec<AddressInfo> = addresses.iter().map(|address| info(*address, atlas)).collect();
    let at: HashMap<String, usize> =
        infos.iter().enumerate().map(|(at, info)| (info.address.clone(), at)).collect();
    let ask = |by: &[Dimension]| -> Result<Answer, ReadError> {
        let of = |address: &IpAddr| Only::new(Dimension::Remote, &address.to_string()).ok();
        let only: Vec<Only> = addresses.iter().filter_map(of).collect();
        if only.is_empty() {
            return Ok(Answer { rows: Vec::new(), truncated: false });
        }
        let by = [&[Dimension::Remote], by].concat();
        reader.query(&Question { by, only, viewer: viewer.only(), limit: SEEN_MAX, ..Question::default() })
    };
    let mut by = vec![Dimension::Domain, Dimension::Application];
    if viewer.only().is_none() {
        by.push(Dimension::User);
    }
    let (names, services) = (ask(&by)?, ask(&[Dimension::Service])?);
    let mut tell = |group: &Group, tell: fn(&mut AddressInfo, &Group)| {
        let address = group.keys.get(Dimension::Remote.as_str());
        if let Some(info) = address.and_then(|address| at.get(address)).and_then(|at| infos.get_mut(*at)) {
            tell(info, group);
        }
    };
    names.rows.iter().for_each(|group| tell(group, |info, group| info.names.push(name(group))));
    services.rows.iter().for_each(|group| tell(group, |info, group| info.services.push(service(group))));
    Ok(LookupResult {
        addresses: infos,
        places: atlas.sources(),
        truncated: names.truncated || services.truncated,
        access: viewer.access,
    })
}

fn info(address: IpAddr, atlas: &Atlas) -> AddressInfo {
    let Details { place, city, coordinates } = atlas.details_of(address);
    let (latitude, longitude) = coordinates.unzip();
    AddressInfo {
        address: address.to_string(),
        range: place.range.as_str().to_owned(),
        embedded: range_of(address).1.map(|embedded| embedded.to_string()),
        country: place.country.map(|country| country.to_string()),
        country_name: place.country.as_ref().and_then(country_name).map(str::to_owned),
        asn: place.network.as_ref().map(|network| network.asn),
        network: place.network.and_then(|network| network.name).map(|name| name.to_string()),
        city,
        latitude,
        longitude,
        names: Vec::new(),
        services: Vec::new(),
    }
}

fn name(group: &Group) -> SeenName {
    let key = |key: &str| group.keys.get(key).cloned();
    SeenName {
        domain: key("domain"),
        source: key("name_source"),
        inferred: key("inferred").is_some(),
        application: key("application"),
        uid: key("user").and_then(|uid| uid.parse().ok()),
        tx_bytes: group.bytes.tx,
        rx_bytes: group.bytes.rx,
        last_unix_ms: group.last.map_or(0, |last| last.0),
    }
}

fn service(group: &Group) -> SeenService {
    SeenService {
        service: group.keys.get("service").cloned(),
        recognised: group.keys.get("recognised").is_some_and(|recognised| recognised == "true"),
        tx_bytes: group.bytes.tx,
        rx_bytes: group.bytes.rx,
        last_unix_ms: group.last.map_or(0, |last| last.0),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portolan_bus::Access;
    use portolan_core::{
        Bytes, Direction, Endpoint, Name, NameSource, Owner, Protocol, Recognised, Uid, UnixMillis,
    };
    use portolan_history::{History, Record};
    use tempfile::TempDir;

    use super::*;

    fn record(uid: u32, address: &str, domain: &str, tx: u64) -> Record {
        Record {
            bucket_start: UnixMillis(0),
            bucket_ms: 10_000,
            owner: Owner::Kernel,
            command_line: None,
            placement: Arc::default(),
            uid: Uid(uid),
            protocol: Protocol::Tcp,
            direction: Direction::Outbound,
            local: None,
            remote: Some(Endpoint { address: address.parse().unwrap(), port: 443 }),
            name: Some(Name {
                domain: domain.parse().unwrap(),
                registrable: None,
                source: NameSource::Dns,
                is_inferred: true,
            }),
            place: None,
            service_port: Some(443),
            recognised: Some(Recognised::Tls),
            network_namespace: 1,
            bytes: Bytes { tx, rx: 0 },
            flows_opened: 1,
            first: UnixMillis(1),
            last: UnixMillis(7),
        }
    }

    #[test]
    fn who_sees_their_own_traffic_learns_no_name_from_anothers() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("history.sqlite");
        let records = [
            record(1000, "192.0.2.1", "mine.example", 5),
            record(1001, "192.0.2.1", "secret.example", 7),
            record(1000, "192.0.2.9", "elsewhere.example", 9),
        ];
        History::open(&path).unwrap().write(&records).unwrap();
        let reader = Reader::open(&path).unwrap();
        let atlas = Atlas::new(Vec::new(), dir.path().to_owned());
        let addresses: Vec<IpAddr> = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap()).into();
        let seen = |access| {
            let viewer = Viewer { uid: Uid(1000), access };
            let result = look_up(&reader, &atlas, viewer, &addresses).unwrap();
            assert!(!result.truncated && result.access == access && result.places.is_empty());
            let [first, second] = result.addresses.try_into().unwrap();
            assert_eq!(first.range, "documentation");
            assert!(second.names.is_empty() && second.services.is_empty());
            let [service] = first.services.try_into().unwrap();
            assert_eq!((service.service.as_deref(), service.recognised), (Some("tls"), true));
            let names = first.names.into_iter().map(|name| {
                assert!(name.inferred && name.source.as_deref() == Some("dns") && name.last_unix_ms == 7);
                (name.domain.unwrap(), name.uid, name.tx_bytes)
            });
            (names.collect::<Vec<_>>(), service.tx_bytes)
        };
        assert_eq!(seen(Access::Own), (vec![("mine.example".to_owned(), None, 5)], 5));
        let all = [("secret.example".to_owned(), Some(1001), 7), ("mine.example".to_owned(), Some(1000), 5)];
        assert_eq!(seen(Access::All), (all.into(), 12));
    }

    #[test]
    fn no_address_asks_for_nothing() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("history.sqlite");
        History::open(&path).unwrap().write(&[record(1000, "192.0.2.1", "mine.example", 5)]).unwrap();
        let viewer = Viewer { uid: Uid(0), access: Access::All };
        let atlas = Atlas::new(Vec::new(), dir.path().to_owned());
        let result = look_up(&Reader::open(&path).unwrap(), &atlas, viewer, &[]).unwrap();
        assert!(result.addresses.is_empty() && result.places.is_empty());
    }
}
