//! Where addresses belong, for who writes rows and who answers look-ups. Both may wait for the disk.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, TryLockError},
};

use portolan_bus::PlaceData;
use portolan_history::Record;
use portolan_places::{Details, Places, Watched};

use crate::clock::Now;

/// What is known of an address without a database.
static RANGES: LazyLock<Arc<Places>> = LazyLock::new(Arc::default);

/// The databases of places as they are now. A copy is the same one.
#[derive(Debug, Clone)]
pub struct Atlas(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Held while files are read.
    watched: Mutex<Watched>,
    /// What was read last. Nobody waits for this one.
    last: Mutex<Last>,
    own_dir: PathBuf,
}

#[derive(Debug, Default)]
struct Last {
    places: Option<Arc<Places>>,
    problem: Option<String>,
}

impl Atlas {
    /// Of these files; `own_dir` is a folder that only the daemon writes to. Nothing is read yet.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, own_dir: PathBuf) -> Self {
        let watched = Mutex::new(Watched::new(paths, own_dir.clone()));
        Self(Arc::new(Shared { watched, last: Mutex::default(), own_dir }))
    }

    /// Looks in other files from now on. Waits for who reads one.
    pub fn look_in(&self, paths: Vec<PathBuf>) {
        let mut watched = self.0.watched.lock().unwrap_or_else(PoisonError::into_inner);
        *watched = Watched::new(paths, self.0.own_dir.clone());
        *self.last() = Last::default();
    }

    /// Gives each row the place of its other side.
    pub(super) fn locate(&self, records: &mut [Record]) {
        let places = self.places();
        for record in records {
            record.place = record.remote.map(|remote| places.place_of(remote.address));
        }
    }

    /// All that is known of where an address belongs.
    pub(super) fn details_of(&self, address: IpAddr) -> Details {
        self.places().details_of(address)
    }

    /// The databases; none while there is none.
    pub(super) fn sources(&self) -> Vec<PlaceData> {
        let data = |source: portolan_places::Source| PlaceData {
            name: source.kind,
            made_unix_ms: Some(source.built.0),
            attribution: source.attribution.map(str::to_owned),
        };
        self.places().sources().into_iter().map(data).collect()
    }

    /// Why the files are not used as they were at the last look: a sentence. Waits for no disk.
    pub(super) fn problem(&self) -> Option<String> {
        self.last().problem.clone()
    }

    /// The databases as they are; while another thread reads changed ones, as they were. Only the first are waited for.
    fn places(&self) -> Arc<Places> {
        let last = self.last().places.clone();
        let mut watched = match (self.0.watched.try_lock(), last) {
            (Ok(watched), _) => watched,
            (Err(TryLockError::Poisoned(poisoned)), _) => poisoned.into_inner(),
            (Err(TryLockError::WouldBlock), Some(last)) => return last,
            (Err(TryLockError::WouldBlock), None) => {
                self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        let places = watched.current(Now::read().monotonic).map(Arc::clone);
        *self.last() = Last { places: places.clone(), problem: watched.problem().map(str::to_owned) };
        places.unwrap_or_else(|| Arc::clone(&RANGES))
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::pipeline::lookup::tests::record;

    #[test]
    fn rows_have_the_place_of_their_other_side_also_while_files_are_read() {
        let dir = TempDir::new().unwrap();
        let file = portolan_testbed::unpack_places(dir.path()).unwrap();
        let atlas = Atlas::new(vec![file, dir.path().join("none")], dir.path().to_owned());
        assert_eq!(atlas.problem(), None, "nothing was looked at");
        let mut records = vec![record(0, "8.8.8.8", "dns.google", 1), record(0, "127.0.0.1", "localhost", 1)];
        atlas.locate(&mut records);
        assert_eq!(records[0].place.as_ref().unwrap().country, None, "one of the files is missing");
        assert!(atlas.problem().unwrap().contains("no database of places at"));

        let file = dir.path().join("places.mmdb");
        let atlas = Atlas::new(vec![file], dir.path().to_owned());
        let assert_known = |records: &mut Vec<Record>| {
            atlas.locate(records);
            let [google, loopback] = [0, 1].map(|row| records[row].place.take().unwrap());
            assert_eq!((google.range.as_str(), google.network.unwrap().asn), ("public", 15_169));
            assert_eq!(google.country.unwrap().to_string(), "US");
            assert_eq!((loopback.range.as_str(), loopback.country), ("loopback", None));
        };
        assert_known(&mut records);
        // As by another thread.
        let _reads = atlas.0.watched.lock().unwrap();
        assert_known(&mut records);
        assert_eq!((atlas.problem(), atlas.sources().len()), (None, 1));
    }
}
