//! Databases that are read, and what they say.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use foldhash::{HashMap, HashSet};
use portolan_core::{Country, Network, Place, Range, UnixMillis};

use crate::{
    ATTRIBUTION, OWN_KIND,
    database::{Database, PlacesError, Record, Stamp, clean},
    range_of,
};

/// As many addresses are remembered; then all are forgotten together, and found again.
const REMEMBERED: usize = 4096;

/// Databases that answer where an address belongs. Shared between threads; an answer may wait for the disk.
#[derive(Debug, Default)]
pub struct Places {
    databases: Vec<(PathBuf, Database)>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    places: HashMap<IpAddr, Place>,
    names: HashSet<Arc<str>>,
}

/// A database that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file that it was read from.
    pub path: PathBuf,
    /// What it calls itself, such as `GeoLite2-City`.
    pub kind: String,
    /// The date of its data, as it says.
    pub built: UnixMillis,
    /// What its licence wants to be said wherever its data are shown; `None` when that is not known.
    pub attribution: Option<&'static str>,
}

/// What is known of an address beside its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// The place.
    pub place: Place,
    /// The city, in English; only a database of cities knows it.
    pub city: Option<String>,
    /// Latitude and longitude in degrees; only a database of cities knows them.
    pub coordinates: Option<(f64, f64)>,
}

impl Places {
    /// Reads databases. Of several, the first that knows a country says it; so with networks and cities.
    ///
    /// Each is copied into a nameless file in `own_dir`, a folder that only this program writes to. Blocks on the disk.
    ///
    /// # Errors
    /// The first that cannot be read, or is none.
    pub fn open(paths: &[impl AsRef<Path>], own_dir: &Path) -> Result<Self, PlacesError> {
        Self::open_stamped(paths, own_dir).map(|(places, _)| places)
    }

    pub(crate) fn open_stamped(
        paths: &[impl AsRef<Path>],
        own_dir: &Path,
    ) -> Result<(Self, Vec<Option<Stamp>>), PlacesError> {
        let mut databases = Vec::new();
        let mut stamps = Vec::new();
        for path in paths.iter().map(AsRef::as_ref) {
            let (database, stamp) = Database::open(path, own_dir)?;
            databases.push((path.to_owned(), database));
            stamps.push(Some(stamp));
        }
        Ok((Self { databases, known: Mutex::default() }, stamps))
    }

    /// Where an address belongs. Of a special range, only that is known; of one that stands for an IPv4 address, that one's place.
    #[must_use]
    pub fn place_of(&self, address: IpAddr) -> Place {
        let address = address.to_canonical();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = known.places.get(&address) {
            return place.clone();
        }
        let place = self.find(address, &mut known.names);
        if known.places.len() >= REMEMBERED {
            known.places.clear();
            known.names.clear();
        }
        known.places.insert(address, place.clone());
        place
    }

    /// All that is known of an address.
    #[must_use]
    pub fn details_of(&self, address: IpAddr) -> Details {
        let place = self.place_of(address);
        let mut details = Details { place, city: None, coordinates: None };
        let Some(address) = looked_up(address).1 else { return details };
        for record in self.records(address) {
            let city = record.city.and_then(|city| city.names?.en).map(|city| clean(city).into_owned());
            details.city = details.city.or(city);
            let location =
                record.location.and_then(|location| Some((location.latitude?, location.longitude?)));
            let on_earth =
                |(latitude, longitude): &(f64, f64)| latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
            details.coordinates = details.coordinates.or(location.filter(on_earth));
        }
        details
    }

    /// The databases, in the order in which they are asked.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let source = |(path, database): &(PathBuf, Database)| {
            let kind = database.kind();
            let attribution = attribution(&kind);
            Source { path: path.clone(), kind, built: database.built(), attribution }
        };
        self.databases.iter().map(source).collect()
    }

    /// Gives back the memory of what was looked at, except of the answers that are remembered.
    pub fn rest(&self) {
        self.databases.iter().for_each(|(_, database)| database.rest());
    }

    fn find(&self, address: IpAddr, names: &mut HashSet<Arc<str>>) -> Place {
        let (range, address) = looked_up(address);
        let mut place = Place { range, country: None, network: None };
        for record in address.into_iter().flat_map(|address| self.records(address)) {
            let country = || record.country.as_ref()?.iso_code?.parse::<Country>().ok();
            place.country = place.country.or_else(country);
            if let (None, Some(asn)) = (&place.network, record.asn.filter(|asn| *asn != 0)) {
                let name = record.organization.filter(|name| !name.is_empty());
                place.network = Some(Network { asn, name: name.map(|name| once(names, &clean(name))) });
            }
        }
        place
    }

    fn records(&self, address: IpAddr) -> impl Iterator<Item = Record<'_>> {
        self.databases.iter().map(move |(_, database)| database.record(address))
    }
}

/// The kind of range, and the address that the databases are asked for: none of a special range.
fn looked_up(address: IpAddr) -> (Range, Option<IpAddr>) {
    let (range, embedded) = range_of(address);
    let asked = match embedded {
        Some(embedded) => {
            Some(IpAddr::V4(embedded)).filter(|embedded| range_of(*embedded).0 == Range::Public)
        }
        None => (range == Range::Public).then(|| address.to_canonical()),
    };
    (range, asked)
}

/// Each name stands once in memory.
fn once(names: &mut HashSet<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(name) = names.get(name) {
        return Arc::clone(name);
    }
    let name = Arc::from(name);
    names.insert(Arc::clone(&name));
    name
}

/// What the givers of databases want to be said.
fn attribution(kind: &str) -> Option<&'static str> {
    match kind {
        OWN_KIND => Some(ATTRIBUTION),
        _ if kind.starts_with("GeoLite2") => Some(
            "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com",
        ),
        _ if kind.starts_with("DBIP") => Some("IP Geolocation by DB-IP (https://db-ip.com)"),
        _ => None,
    }
}
