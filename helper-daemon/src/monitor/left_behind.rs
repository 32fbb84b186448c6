//! Tables of an earlier daemon that cannot be gone on with.

use std::{fs, io, path::Path};

use aya::maps::{Array, Map, MapData};
use portolan_core::Bytes;

use super::truth;

/// What a daemon left in the kernel, and the next one dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftBehind {
    /// Which tables; see [`super::Monitor::instance`].
    pub instance: u64,
    /// What its programs had counted in the end; `None` when that cannot be read.
    pub counted: Option<Bytes>,
    /// Why it cannot be gone on with: half a sentence.
    pub why: &'static str,
}

impl LeftBehind {
    /// Detaches the programs of a layout's folder and reads what they had counted. The tables stay.
    ///
    /// `instance` and `truth` are read whatever the layout: what they hold must never change its meaning.
    ///
    /// # Errors
    /// When a program stays attached.
    pub(super) fn take(dir: &Path, why: &'static str) -> io::Result<Option<Self>> {
        let maps = dir.join("maps");
        for entry in fs::read_dir(dir.join("links")).into_iter().flatten() {
            fs::remove_file(entry?.path())?;
        }
        let instance = instance_of(&maps.join("instance"));
        Ok(instance.map(|instance| {
            let counted = truth::read_pinned(&maps.join("truth")).map(|truth| truth.sum());
            Self { instance, counted, why }
        }))
    }
}

/// Which tables are there; `None` when there are none.
pub(super) fn instance_of(pinned: &Path) -> Option<u64> {
    let map = Map::Array(MapData::from_pin(pinned).ok()?);
    let instance = Array::<_, u64>::try_from(map).ok()?.get(&0, 0).ok()?;
    (instance != 0).then_some(instance)
}
