//! Where addresses belong, for who writes rows and who answers look-ups. Both may wait for the disk.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use portolan_bus::PlaceData;
use portolan_history::Record;
use portolan_places::{Details, Places, Watched};

use crate::clock::Now;

/// What is known of an address without a database.
static RANGES: LazyLock<Arc<Places>> = LazyLock::new(Arc::default);

/// The databases of places as they are now. A copy is the same one.
#[derive(Debug, Clone)]
pub struct Atlas(Arc<Mutex<Watched>>);

impl Atlas {
    /// Of these files; `own_dir` is a folder that only the daemon writes to. Nothing is read yet.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, own_dir: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(Watched::new(paths, own_dir))))
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

    /// Why the files are not used as they are now: a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        self.watched().problem().map(str::to_owned)
    }

    fn places(&self) -> Arc<Places> {
        Arc::clone(self.watched().current(Now::read().monotonic).unwrap_or(&RANGES))
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
