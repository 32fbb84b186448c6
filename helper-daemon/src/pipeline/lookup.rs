//! What is known of an address: where it belongs, and what the history has seen of it.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use portolan_bus::{AddressInfo, LookupResult, PlaceData, SeenName, SeenService};
use portolan_core::{Dimension, Only, Place, Protocol};
use portolan_history::{Answer, Group, Question, ReadError, Reader, ServiceName};

use crate::dbus::Viewer;

/// The most names, and the most services, of all addresses of a look-up.
const SEEN_MAX: usize = 10_000;

/// What the daemon knows besides what it counted.
#[derive(Clone)]
pub struct Knowledge {
    /// Where addresses belong; `None` without a database.
    pub locate: Option<Arc<dyn Locate>>,
    /// The usual names of ports.
    pub service: ServiceName,
}

impl Default for Knowledge {
    /// Nothing.
    fn default() -> Self {
        fn unnamed(_: Protocol, _: u16) -> Option<&'static str> {
            None
        }
        Self { locate: None, service: unnamed }
    }
}

/// Says where addresses belong. May read files: it is asked on threads that may wait.
pub trait Locate: Send + Sync {
    /// Where an address belongs.
    fn locate(&self, address: IpAddr) -> Located;

    /// The database that says so; `None` while there is none.
    fn data(&self) -> Option<PlaceData>;
}

/// Where an address belongs, in more words than the history keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// What the history would keep.
    pub place: Place,
    /// The address inside it.
    pub embedded: Option<IpAddr>,
    /// The country's English name.
    pub country_name: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// Degrees north and east.
    pub coordinates: Option<(f64, f64)>,
}

/// Looks addresses up in the database of places and, as far as the viewer sees it, in the history.
pub(super) fn look_up(
    reader: &Reader,
    knowledge: &Knowledge,
    viewer: Viewer,
    addresses: &[IpAddr],
) -> Result<LookupResult, ReadError> {
    let mut infos: Vec<AddressInfo> = addresses.iter().map(|address| info(*address, knowledge)).collect();
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
        places: knowledge.locate.as_ref().and_then(|locate| locate.data()),
        truncated: names.truncated || services.truncated,
        access: viewer.access,
    })
}

fn info(address: IpAddr, knowledge: &Knowledge) -> AddressInfo {
    let located = knowledge.locate.as_ref().map(|locate| locate.locate(address));
    let mut info = AddressInfo {
        address: address.to_string(),
        range: None,
        embedded: None,
        country: None,
        country_name: None,
        asn: None,
        network: None,
        city: None,
        latitude: None,
        longitude: None,
        names: Vec::new(),
        services: Vec::new(),
    };
    if let Some(Located { place, embedded, country_name, city, coordinates }) = located {
        info.range = Some(place.range.as_str().to_owned());
        info.embedded = embedded.map(|address| address.to_string());
        info.country = place.country.map(|country| country.to_string());
        info.country_name = country_name;
        info.asn = place.network.as_ref().map(|network| network.asn);
        info.network = place.network.and_then(|network| network.name).map(|name| name.to_string());
        info.city = city;
        (info.latitude, info.longitude) = coordinates.unzip();
    }
    info
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
    use portolan_bus::Access;
    use portolan_core::{
        Bytes, Direction, Endpoint, Name, NameSource, Network, Owner, Range, Recognised, Uid, UnixMillis,
    };
    use portolan_history::{History, Record};
    use tempfile::TempDir;

    use super::*;

    struct Everywhere;

    impl Locate for Everywhere {
        fn locate(&self, _: IpAddr) -> Located {
            let network = Network { asn: 64_496, name: Some("Example".into()) };
            let place = Place { range: Range::Public, country: "DE".parse().ok(), network: Some(network) };
            let coordinates = Some((52.5, 13.4));
            Located { place, embedded: None, country_name: Some("Germany".into()), city: None, coordinates }
        }

        fn data(&self) -> Option<PlaceData> {
            Some(PlaceData { name: "test".into(), made_unix_ms: None, attribution: None })
        }
    }

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
        let knowledge = Knowledge { locate: Some(Arc::new(Everywhere)), ..Knowledge::default() };
        let addresses: Vec<IpAddr> = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap()).into();
        let seen = |access| {
            let viewer = Viewer { uid: Uid(1000), access };
            let result = look_up(&reader, &knowledge, viewer, &addresses).unwrap();
            assert!(!result.truncated && result.access == access && result.places.is_some());
            let [first, second] = result.addresses.try_into().unwrap();
            assert_eq!(
                (first.country.as_deref(), first.asn, first.latitude),
                (Some("DE"), Some(64_496), Some(52.5))
            );
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
        let result = look_up(&Reader::open(&path).unwrap(), &Knowledge::default(), viewer, &[]).unwrap();
        assert!(result.addresses.is_empty() && result.places.is_none());
    }
}
