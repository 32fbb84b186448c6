//! What is known of an address: where it belongs, and what the history has seen of it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use portolan_bus::{AddressInfo, LookupResult, SeenName, SeenService};
use portolan_core::{Dimension, NameSource};
use portolan_history::{
    Answer, Group, Limits, Question, ReadError, Reader, Step,
    language::{Condition, Field, Filter, Query, Wanted},
};
use portolan_places::{Details, country_name, range_of};

use super::atlas::Atlas;
use crate::dbus::Viewer;

/// The most names, each with each service, of all addresses of a look-up.
const SEEN_MAX: usize = 10_000;

/// Looks addresses up in the database of places and, as far as the viewer sees it, in the history.
pub(super) fn look_up(
    reader: &Reader,
    limits: &Limits,
    atlas: &Atlas,
    viewer: Viewer,
    addresses: &[IpAddr],
) -> Result<LookupResult, ReadError> {
    let mut infos: Vec<AddressInfo> = addresses.iter().map(|address| info(*address, atlas)).collect();
    let at: HashMap<String, usize> =
        infos.iter().enumerate().map(|(at, info)| (info.address.clone(), at)).collect();
    let (seen, truncated) = reader.together(|| ask(reader, limits, viewer, addresses))?;
    let names = sums(&seen, &["service", "recognised", "name_source"]);
    let services =
        sums(&seen, &["domain", "name_source", "inferred", "application", "user", "kernel", "unattributed"]);
    let mut tell = |group: &Group, tell: fn(&mut AddressInfo, &Group)| {
        let address = group.keys.get(Dimension::Remote.as_str());
        if let Some(info) = address.and_then(|address| at.get(address)).and_then(|at| infos.get_mut(*at)) {
            tell(info, group);
        }
    };
    names.iter().for_each(|group| tell(group, |info, group| info.names.push(name(group))));
    services.iter().for_each(|group| tell(group, |info, group| info.services.push(service(group))));
    Ok(LookupResult { addresses: infos, places: atlas.sources(), truncated, access: viewer.access })
}

/// Who talked with these addresses, under which names, and what was spoken.
fn ask(
    reader: &Reader,
    limits: &Limits,
    viewer: Viewer,
    addresses: &[IpAddr],
) -> Result<(Vec<Group>, bool), ReadError> {
    let mut by = vec![Dimension::Remote, Dimension::Domain, Dimension::Application, Dimension::Service];
    let mut asked = addresses.to_vec();
    // Who may know what others did is spared a search for what nobody did. Anybody else would learn from its speed that somebody did.
    if viewer.only().is_none() {
        by.push(Dimension::User);
        asked = reader.known_addresses(addresses)?;
    }
    if asked.is_empty() {
        return Ok((Vec::new(), false));
    }
    let of = |address: &IpAddr| {
        let wanted = Wanted::Network { address: *address, bits: if address.is_ipv4() { 32 } else { 128 } };
        Filter::Has(Condition { field: Field::Of(Dimension::Remote), wanted })
    };
    let query = Query { filter: Filter::Any(asked.iter().map(of).collect()), ..Query::default() };
    let question = Question { query, by, top: SEEN_MAX, viewer: viewer.only(), step: Step::default() };
    let Answer { groups, other, .. } = reader.answer(&question, limits)?;
    Ok((groups, other.is_some()))
}

/// Adds up the groups that differ in these keys only; largest first. Of the sources of a name, the surest stays.
fn sums(groups: &[Group], apart_from: &[&str]) -> Vec<Group> {
    let source = |group: &Group| group.keys.get("name_source")?.parse::<NameSource>().ok();
    let mut sums: BTreeMap<Vec<(&str, &String)>, Group> = BTreeMap::new();
    for group in groups {
        let keys = group.keys.iter().filter(|(key, _)| !apart_from.contains(key)).collect();
        let sum = sums
            .entry(keys)
            .or_insert_with(|| Group { keys: group.keys.clone(), sum: portolan_history::Sum::default() });
        sum.sum.add(&group.sum);
        if source(group) < source(sum) {
            sum.keys.clone_from(&group.keys);
        }
    }
    let mut sums: Vec<Group> = sums.into_values().collect();
    sums.sort_by_key(|sum| Reverse(sum.sum.bytes.total()));
    sums
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
        tx_bytes: group.sum.bytes.tx,
        rx_bytes: group.sum.bytes.rx,
        last_unix_ms: group.sum.last.map_or(0, |last| last.0),
    }
}

fn service(group: &Group) -> SeenService {
    SeenService {
        service: group.keys.get("service").cloned(),
        recognised: group.keys.get("recognised").is_some_and(|recognised| recognised == "true"),
        tx_bytes: group.sum.bytes.tx,
        rx_bytes: group.sum.bytes.rx,
        last_unix_ms: group.sum.last.map_or(0, |last| last.0),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use portolan_bus::Access;
    use portolan_core::{
        Bytes, Direction, Endpoint, Name, NameSource, Owner, Protocol, Recognised, Uid, UnixMillis,
    };
    use portolan_history::{History, Record};
    use tempfile::TempDir;

    use super::*;

    pub(crate) fn record(uid: u32, address: &str, domain: &str, tx: u64) -> Record {
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
            // The same, as another service: a name is one with all services, and a service one under all names.
            Record { recognised: Some(Recognised::Ssh), ..record(1001, "192.0.2.1", "secret.example", 1) },
        ];
        History::open(&path).unwrap().write(&records).unwrap();
        let reader = Reader::open(&path).unwrap();
        let atlas = Atlas::new(Vec::new(), dir.path().to_owned());
        let addresses: Vec<IpAddr> = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap()).into();
        assert_eq!(reader.known_addresses(&addresses).unwrap(), addresses[..1]);
        let seen = |access| {
            let viewer = Viewer { uid: Uid(1000), access };
            let result = look_up(&reader, &Limits::default(), &atlas, viewer, &addresses).unwrap();
            assert!(!result.truncated && result.access == access && result.places.is_empty());
            let [first, second] = result.addresses.try_into().unwrap();
            assert_eq!(first.range, "documentation");
            assert!(second.names.is_empty() && second.services.is_empty());
            let services = first.services.into_iter().map(|service| {
                assert!(service.recognised && service.last_unix_ms == 7);
                (service.service.unwrap(), service.tx_bytes)
            });
            let names = first.names.into_iter().map(|name| {
                assert!(name.inferred && name.source.as_deref() == Some("dns") && name.last_unix_ms == 7);
                (name.domain.unwrap(), name.uid, name.tx_bytes)
            });
            (names.collect::<Vec<_>>(), services.collect::<Vec<_>>())
        };
        assert_eq!(
            seen(Access::Own),
            (vec![("mine.example".to_owned(), None, 5)], vec![("tls".to_owned(), 5)])
        );
        let all = [("secret.example".to_owned(), Some(1001), 8), ("mine.example".to_owned(), Some(1000), 5)];
        assert_eq!(seen(Access::All), (all.into(), vec![("tls".to_owned(), 12), ("ssh".to_owned(), 1)]));
    }

    #[test]
    fn no_address_asks_for_nothing() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("history.sqlite");
        History::open(&path).unwrap().write(&[record(1000, "192.0.2.1", "mine.example", 5)]).unwrap();
        let viewer = Viewer { uid: Uid(0), access: Access::All };
        let atlas = Atlas::new(Vec::new(), dir.path().to_owned());
        let result = look_up(&Reader::open(&path).unwrap(), &Limits::default(), &atlas, viewer, &[]).unwrap();
        assert!(result.addresses.is_empty() && result.places.is_empty());
    }
}
