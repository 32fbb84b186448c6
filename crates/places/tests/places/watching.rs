use std::{fs, path::Path};

use portolan_core::MonotonicNs;
use portolan_places::Watched;

use crate::{address, asn, database};

/// A clock, and what is answered for 8.8.8.8.
struct Bed {
    dir: tempfile::TempDir,
    watched: Watched,
    now: u64,
}

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("own")).unwrap();
        let watched = Watched::new(vec![dir.path().join("places")], dir.path().join("own"));
        Self { dir, watched, now: 1_000_000_000_000 }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("places")
    }

    /// The AS after so many seconds, looked at once.
    fn after(&mut self, seconds: u64) -> Option<u32> {
        self.now += seconds * 1_000_000_000;
        let places = self.watched.current(MonotonicNs(self.now))?;
        Some(places.place_of(address("8.8.8.8")).network.unwrap().asn)
    }

    fn problem(&self) -> &str {
        self.watched.problem().unwrap_or("")
    }
}

fn put(path: &Path, number: u32) {
    let beside = path.with_extension("new");
    fs::write(&beside, database(&[("8.0.0.0/8", &[asn(number)])])).unwrap();
    fs::rename(&beside, path).unwrap();
}

#[test]
fn a_file_is_read_again_when_it_is_replaced_and_stays_so() {
    let mut bed = Bed::new();
    put(&bed.path(), 1);
    assert_eq!(bed.after(0), Some(1));
    put(&bed.path(), 2);
    assert_eq!(bed.after(4), Some(1), "not looked at yet");
    assert_eq!(bed.after(1), Some(1), "seen, and may still be written");
    assert_eq!(bed.after(5), Some(2));
    put(&bed.path(), 3);
    assert_eq!(bed.after(5), Some(2));
    put(&bed.path(), 4);
    assert_eq!(bed.after(5), Some(2), "changed again");
    assert_eq!(bed.after(5), Some(4));
    assert_eq!(bed.problem(), "");
}

#[test]
fn a_broken_or_removed_file_is_said_and_the_old_one_stays() {
    let mut bed = Bed::new();
    put(&bed.path(), 1);
    assert_eq!(bed.after(0), Some(1));
    // In place, as cp does.
    fs::write(bed.path(), "broken").unwrap();
    assert_eq!((bed.after(5), bed.problem()), (Some(1), ""));
    assert_eq!(bed.after(5), Some(1));
    assert!(bed.problem().contains("it is broken"), "{}", bed.problem());
    assert!(bed.problem().ends_with("What was read before stays in use"), "{}", bed.problem());
    fs::remove_file(bed.path()).unwrap();
    assert_eq!((bed.after(5), bed.after(5)), (Some(1), Some(1)));
    assert!(bed.problem().contains("there is no database"), "{}", bed.problem());
    put(&bed.path(), 2);
    assert_eq!((bed.after(5), bed.after(5), bed.problem()), (Some(1), Some(2), ""));
}

#[test]
fn without_a_file_nothing_is_known_until_there_is_one() {
    let mut bed = Bed::new();
    assert_eq!(bed.after(0), None);
    assert!(bed.problem().contains("there is no database of places"), "{}", bed.problem());
    put(&bed.path(), 1);
    assert_eq!((bed.after(5), bed.after(5)), (None, Some(1)));
    let mut off = Watched::new(Vec::new(), bed.dir.path().into());
    assert!(off.current(MonotonicNs(0)).is_none() && off.problem().is_none());
}

#[test]
fn where_there_is_no_room_for_a_copy_it_is_tried_again() {
    let mut bed = Bed::new();
    put(&bed.path(), 1);
    let own = bed.dir.path().join("own");
    fs::remove_dir(&own).unwrap();
    assert_eq!(bed.after(0), None);
    assert!(bed.problem().contains("needs room for a copy"), "{}", bed.problem());
    fs::create_dir(&own).unwrap();
    assert_eq!((bed.after(59), bed.after(1), bed.problem()), (None, Some(1), ""));
}
