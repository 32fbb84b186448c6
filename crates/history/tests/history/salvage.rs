//! What a damaged file still holds is in the next one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
};

use portolan_core::{Bytes, FindingKind, ReviewState, Uid, UnixMillis};
use portolan_history::{Checkpoint, History, Limits, NewFinding, OpenError, Salvage, Saved, WriteError};
use rusqlite::types::Value;

use crate::{
    disk::Disk,
    world::{Dice, Place, everything, records},
};

type Rows = BTreeMap<String, BTreeSet<String>>;

/// All rows of all tables.
fn rows(path: &Path) -> Rows {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut list = connection
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'")
        .unwrap();
    let names: Vec<String> = list.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let of = |name: &String| {
        let mut rows = connection.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = rows.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            (0..columns).map(|at| Ok(format!("{:?} ", row.get::<_, Value>(at)?))).collect()
        };
        rows.query_map([], row).unwrap().map(Result::unwrap).collect()
    };
    names.into_iter().map(|name| (name.clone(), of(&name))).collect()
}

/// A file with something in every table, part of it in the log.
fn world(place: &Place) -> History {
    let mut history = place.history();
    let mut dice = Dice(41);
    history.begin_learning(UnixMillis(5)).unwrap();
    let checkpoint = Checkpoint {
        journal: 5,
        epoch: 6,
        tables: 7,
        accounted: Bytes { tx: 8, rx: 9 },
        waiting: Bytes::default(),
    };
    history.write_up_to(&records(&mut dice, 700), Some(checkpoint)).unwrap();
    for at in 0..50 {
        let lost = NewFinding::about_the_daemon(FindingKind::LostEvents, UnixMillis(at), "x".repeat(6000));
        history.raise(&lost).unwrap();
    }
    for application in history.known_applications().unwrap() {
        history.review(&application.application, ReviewState::Approved, Uid(7), UnixMillis(8)).unwrap();
    }
    history
}

fn save(path: &Path) -> Saved {
    let mut salvage = Some(Salvage::begin(path, UnixMillis(9)).unwrap());
    finish(path, &mut salvage)
}

fn finish(path: &Path, salvage: &mut Option<Salvage>) -> Saved {
    let mut history = History::open(path).unwrap();
    loop {
        if let Some(saved) = history.save(salvage, 7).unwrap() {
            return saved;
        }
        assert!(salvage.is_some());
    }
}

/// Moves a file and its log as a killed daemon leaves them.
fn crashed(history: History, place: &Place) -> [(std::path::PathBuf, Vec<u8>); 2] {
    let files = [place.path(), place.dir.path().join("history.sqlite-wal")];
    let contents = files.map(|path| (path.clone(), fs::read(path).unwrap()));
    drop(history);
    contents
}

fn put(files: &[(std::path::PathBuf, Vec<u8>)], dir: &Path) {
    fs::read_dir(dir).unwrap().for_each(|entry| fs::remove_file(entry.unwrap().path()).unwrap());
    files.iter().for_each(|(path, content)| fs::write(path, content).unwrap());
}

#[test]
fn a_file_that_is_not_damaged_is_the_same_afterwards() {
    let place = Place::new();
    let history = world(&place);
    let all = rows(&place.path());
    let files = crashed(history, &place);
    for with_log in [true, false] {
        if with_log {
            put(&files, place.dir.path());
        }
        let saved = save(&place.path());
        assert_eq!(rows(&place.path()), all, "{with_log}");
        assert_eq!((saved.lost.len(), saved.lost_pages.len(), saved.stand_ins), (0, 0, 0));
        place.assert_sound();
        assert!(!place.dir.path().join("history.sqlite.salvaging").exists());
    }
}

/// What is there afterwards was there before, apart from stand-ins; how many rows are gone.
fn compare(place: &Place, before: &Rows, says: &str) -> BTreeMap<String, usize> {
    place.assert_sound();
    place.reader().answer(&everything(), &Limits::default()).unwrap();
    place.reader().findings(true, None).unwrap();
    place.reader().applications(None).unwrap();
    let after = rows(&place.path());
    let gone = |(name, all): (&String, &BTreeSet<String>)| {
        let gone = all.difference(&after[name]).count();
        (gone > 0).then(|| (name.clone(), gone))
    };
    let lost: BTreeMap<_, _> = before.iter().filter_map(gone).collect();
    let reviews = |rows: &Rows| rows["application"].iter().filter(|row| row.contains("approved")).count();
    assert!(reviews(&after) <= reviews(before), "{says}");
    lost
}

#[test]
fn a_page_that_is_damaged_costs_what_stood_on_it_and_nothing_else() {
    let place = Place::new();
    drop(world(&place));
    let all = rows(&place.path());
    let sound = fs::read(place.path()).unwrap();
    let mut dice = Dice(43);
    let mut costly = 0;
    for page in 0..sound.len() / 4096 {
        let mut damaged = sound.clone();
        let garbage: Vec<u8> = (0..4096).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        damaged[page * 4096..][..4096].copy_from_slice(&garbage);
        put(&[(place.path(), damaged)], place.dir.path());
        let saved = save(&place.path());
        let lost = compare(&place, &all, &format!("page {page}"));
        costly += usize::from(!lost.is_empty());
        // One page of one table, and what cannot be there without it.
        assert!(lost.values().sum::<usize>() < 450, "page {page}: {lost:?} {saved:?}");
        assert!(lost.len() <= 4, "page {page}: {lost:?}");
    }
    let pages = sound.len() / 4096;
    println!("{costly} of {pages} pages cost rows");
    assert!(costly < pages * 3 / 4, "indexes and whole trees cost nothing: {costly} of {pages}");
}

#[test]
fn no_damage_whatever_is_a_panic_or_makes_a_file_that_is_not_sound() {
    let place = Place::new();
    let history = world(&place);
    let all = rows(&place.path());
    let files = crashed(history, &place);
    let mut dice = Dice(47);
    for turn in 0..60 {
        let mut damaged = files.clone();
        let which = usize::try_from(dice.below(2)).unwrap();
        let bytes = &mut damaged[which].1;
        let length = u64::try_from(bytes.len()).unwrap();
        if dice.below(4) == 0 {
            bytes.truncate(usize::try_from(dice.below(length)).unwrap());
        }
        // The header, one byte anywhere, and many.
        let (within, flips) = dice.pick(&[(100, 3), (length, 1), (length, 200)]);
        for _ in 0..flips {
            let at = usize::try_from(dice.below(within.max(1))).unwrap();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= u8::try_from(1 + dice.below(255)).unwrap();
            }
        }
        put(&damaged, place.dir.path());
        save(&place.path());
        compare(&place, &all, &format!("turn {turn}"));
    }
}

#[test]
fn damage_in_the_log_is_noticed_and_costs_that_page_only() {
    let place = Place::new();
    let history = world(&place);
    let all = rows(&place.path());
    let files = crashed(history, &place);
    let mut damaged = files.clone();
    damaged[1].1[32 + 3 * 4120 + 2000] ^= 1;
    put(&damaged, place.dir.path());
    assert!(matches!(History::open(&place.path()), Err(OpenError::Damaged { .. })));
    save(&place.path());
    let lost = compare(&place, &all, "log");
    assert!(lost.values().sum::<usize>() < 450, "{lost:?}");
    // The end of a log that was being written is nothing to complain of.
    let mut cut = files;
    let length = cut[1].1.len();
    cut[1].1.truncate(length - 100);
    cut[1].1[length - 4000] ^= 1;
    put(&cut, place.dir.path());
    place.history();
}

#[test]
fn a_transaction_of_which_only_the_end_reached_the_disk_never_was() {
    let place = Place::new();
    let mut history = world(&place);
    let before = rows(&place.path());
    let length = |place: &Place| fs::metadata(format!("{}-wal", place.path().display())).unwrap().len();
    let begun = usize::try_from(length(&place)).unwrap();
    history.write(&records(&mut Dice(9), 50)).unwrap();
    let mut files = crashed(history, &place);
    // The first frame of the last transaction is what stood there before: of another turn of the log.
    files[1].1[begun + 8] ^= 1;
    put(&files, place.dir.path());
    drop(place.history());
    assert_eq!(rows(&place.path()), before);
}

#[test]
fn whoever_is_killed_while_saving_goes_on() {
    let place = Place::new();
    drop(world(&place));
    let path = place.path();
    let all = rows(&path);
    assert!(Salvage::resume(&path).unwrap().is_none());
    // After everything but the traffic, and in the middle of that.
    drop(Salvage::begin(&path, UnixMillis(1)).unwrap());
    let mut salvage = Salvage::resume(&path).unwrap();
    let mut history = History::open(&path).unwrap();
    assert!(history.save(&mut salvage, 30).unwrap().is_none());
    assert_eq!(rows(&path)["application"], all["application"]);
    assert_ne!(rows(&path), all);
    drop(history);
    finish(&path, &mut Salvage::resume(&path).unwrap());
    assert_eq!(rows(&path), all);
    assert!(Salvage::resume(&path).unwrap().is_none());
    // Before the next file was in its place, and before the damaged one was moved.
    let aside = Salvage::begin(&path, UnixMillis(2)).unwrap().saved().aside.clone();
    fs::remove_file(&path).unwrap();
    finish(&path, &mut Salvage::resume(&path).unwrap());
    assert_eq!(rows(&path), all);
    fs::write(
        path.with_extension("sqlite.salvaging"),
        aside.with_extension("sqlite.damaged-99").to_str().unwrap(),
    )
    .unwrap();
    assert!(Salvage::resume(&path).unwrap().is_none());
    assert_eq!(rows(&path), all);
}

#[test]
#[ignore = "needs root"]
fn pages_that_a_full_disk_refuses_are_read_again() {
    let place = Place::new();
    drop(world(&place));
    let all = rows(&place.path());
    let disk = Disk::of_memory(place.dir.path(), "16m");
    let path = disk.path().join("history.sqlite");
    fs::copy(place.path(), &path).unwrap();
    let mut salvage = Some(Salvage::begin(&path, UnixMillis(9)).unwrap());
    let mut history = History::open(&path).unwrap();
    let ballast = disk.path().join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let mut refused = 0;
    while refused < 3 {
        match history.save(&mut salvage, 5) {
            Ok(saved) => assert!(saved.is_none(), "the disk is full"),
            Err(error) => {
                assert!(matches!(error, WriteError::DiskFull(_)), "{error:?}");
                refused += 1;
            }
        }
    }
    drop(file);
    fs::remove_file(ballast).unwrap();
    let saved = loop {
        if let Some(saved) = history.save(&mut salvage, 7).unwrap() {
            break saved;
        }
    };
    drop(history);
    assert_eq!(rows(&path), all);
    assert_eq!(saved.kept["block"], u64::try_from(all["block"].len()).unwrap());
    assert_eq!((saved.lost.len(), saved.lost_pages.len(), saved.stand_ins), (0, 0, 0));
}

#[test]
fn sums_that_are_lost_are_made_again_of_what_is_left_below_them() {
    const DAY: i64 = 86_400_000;
    let place = Place::new();
    let mut history = place.history();
    let mut dice = Dice(53);
    for day in 0..3 {
        for (at, mut record) in (0..).zip(records(&mut dice, 40)) {
            record.bucket_start = UnixMillis(day * DAY + at * 2_000_000);
            (record.first, record.last) = (record.bucket_start, record.bucket_start);
            history.write(&[record]).unwrap();
        }
    }
    drop(history);
    let all = rows(&place.path());
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    // The first minute with its hour, the last minute, the last hour and the last day.
    let gone = "DELETE FROM block WHERE id IN (SELECT min(id) FROM block WHERE level = 1 UNION SELECT max(id) FROM block WHERE level = 1)
            OR level = 2 AND start_ms / 3600000 IN (SELECT start_ms / 3600000 FROM block WHERE level = 1 ORDER BY start_ms LIMIT 1)
            OR id = (SELECT max(id) FROM block WHERE level = 2) OR id = (SELECT max(id) FROM block WHERE level = 3)";
    let gone = u64::try_from(connection.execute(gone, []).unwrap()).unwrap();
    assert!(gone >= 5, "{gone}");
    drop(connection);
    let saved = save(&place.path());
    assert_eq!(saved.restored, gone);
    // The same blocks, under other numbers.
    let without_numbers = |rows: &Rows| -> BTreeSet<String> {
        rows["block"].iter().map(|row| row.split_once(' ').unwrap().1.to_owned()).collect()
    };
    assert_eq!(without_numbers(&rows(&place.path())), without_numbers(&all));
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let old = "INSERT OR REPLACE INTO deleted SELECT 2, max(start_ms) + 1 FROM block WHERE level = 2";
    connection.execute(old, []).unwrap();
    connection.execute("DELETE FROM block WHERE level = 2", []).unwrap();
    drop(connection);
    assert_eq!(save(&place.path()).restored, 0, "what was deleted for its age is not lost");
    // A file that was too large lost the finest up to the middle of a minute.
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let first: i64 = connection
        .query_row("SELECT min(start_ms) FROM block WHERE level = 1", [], |row| row.get(0))
        .unwrap();
    connection.execute("INSERT OR REPLACE INTO deleted VALUES (0, ?1)", [first + 1]).unwrap();
    let lost = "DELETE FROM block WHERE level = 1 AND start_ms IN (SELECT start_ms FROM block WHERE level = 1 ORDER BY start_ms LIMIT 2)";
    connection.execute(lost, []).unwrap();
    drop(connection);
    let saved = save(&place.path());
    assert_eq!((saved.restored, saved.restored_in_part), (1, 1));
}

#[test]
fn what_was_half_moved_aside_is_moved_with_its_log() {
    for has_new_log in [false, true] {
        let place = Place::new();
        let history = world(&place);
        let all = rows(&place.path());
        put(&crashed(history, &place), place.dir.path());
        let (path, aside) = (place.path(), place.dir.path().join("history.sqlite.damaged-7"));
        let log = |of: &Path| std::path::PathBuf::from(format!("{}-wal", of.display()));
        fs::write(path.with_extension("sqlite.salvaging"), aside.to_str().unwrap()).unwrap();
        let content = fs::read(log(&path)).unwrap();
        fs::rename(log(&path), log(&aside)).unwrap();
        if has_new_log {
            fs::write(log(&path), "of nothing").unwrap();
        }
        assert!(Salvage::is_under_way(&path).unwrap());
        assert!(aside.exists() && !path.exists() && !log(&path).exists());
        assert_eq!(fs::read(log(&aside)).unwrap(), content);
        finish(&path, &mut Salvage::resume(&path).unwrap());
        assert_eq!(rows(&path), all);
    }
}

#[test]
fn what_a_damaged_file_has_of_a_journal_is_known_before_it_is_saved() {
    let place = Place::new();
    let history = world(&place);
    let checkpoint = history.checkpoint().unwrap();
    let mut files = crashed(history, &place);
    files[0].1.get_mut(..4096).unwrap().fill(0xa5);
    put(&files, place.dir.path());
    let path = place.path();
    assert!(checkpoint.is_some());
    assert_eq!(Salvage::checkpoint(&path), checkpoint);
    assert!(!Salvage::is_under_way(&path).unwrap());
    drop(Salvage::begin(&path, UnixMillis(1)).unwrap());
    assert!(Salvage::is_under_way(&path).unwrap());
    fs::remove_file(&path).unwrap();
    assert_eq!(Salvage::checkpoint(&path), checkpoint, "of the file that is aside");
}
