use std::{fs, sync::Barrier, thread};

use portolan_core::Dimension;
use portolan_history::{History, Limits, Question, Reader, Record, WriteError};

use crate::{
    disk::Disk,
    model,
    world::{Dice, Place, everything, record, records, service},
};

#[test]
#[ignore = "needs root"]
fn a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_room() {
    let place = Place::new();
    let disk = Disk::of_memory(place.dir.path(), "2m");
    let path = disk.path().join("history.sqlite");
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 1024 * 1024]).unwrap();

    let mut history = History::open(&path).unwrap();
    let mut dice = Dice(31);
    let mut written = Vec::new();
    let mut minute = 0;
    let refused = loop {
        let mut batch = records(&mut dice, 300);
        // New text in each batch, so that a batch that fails has given new numbers.
        minute += 1;
        for record in &mut batch {
            record.command_line = Some(format!("batch {minute} {}", record.bytes.tx).into());
        }
        match history.write(&batch) {
            Ok(()) => written.extend(batch),
            Err(WriteError::DiskFull(_)) => break batch,
            Err(other) => panic!("{other:?}"),
        }
        assert!(minute < 1000, "the disk never filled up");
    };
    assert!(!written.is_empty());
    let question = Question { by: Dimension::ALL.to_vec(), ..everything() };
    let check = |expected: &[Record]| {
        let reader = Reader::open(&path).unwrap().naming_services(service).unwrap();
        let rows = reader.answer(&question, &Limits::default()).unwrap().groups;
        let expected = model::answer(expected, &question);
        assert_eq!(rows.len(), expected.len());
        assert!(rows.iter().all(|row| expected.get(&row.keys) == Some(row)));
    };
    check(&written);
    assert!(matches!(history.write(&refused), Err(WriteError::DiskFull(_))), "it is still full");
    check(&written);
    fs::remove_file(&ballast).unwrap();
    history.write(&refused).unwrap();
    written.extend(refused);
    check(&written);
    drop(history);
    History::open(&path).unwrap();
    check(&written);
}

#[test]
#[ignore = "needs root"]
fn a_file_on_a_read_only_disk_is_named_as_that() {
    let place = Place::new();
    let disk = Disk::of_memory(place.dir.path(), "2m");
    let path = disk.path().join("history.sqlite");
    History::open(&path).unwrap().write(&[record()]).unwrap();
    disk.remount("ro");
    let error = History::open(&path).unwrap_err();
    assert!(matches!(error, portolan_history::OpenError::ReadOnly { .. }), "{error:?}");
    let error = History::open(&disk.path().join("other.sqlite")).unwrap_err();
    assert!(matches!(error, portolan_history::OpenError::Create { .. }), "{error:?}");
}

#[test]
fn a_write_that_fails_half_way_leaves_no_trace_and_can_be_repeated() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[record()]).unwrap();
    // The last statement of the transaction fails, after all dimensions have got their numbers.
    let break_it = "CREATE TRIGGER broken BEFORE INSERT ON sighting BEGIN SELECT raise(ABORT, 'broken'); END";
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch(break_it).unwrap();
    let batch = records(&mut Dice(8), 500);
    assert!(matches!(history.write(&batch), Err(WriteError::Failed(_))));
    let rows = |table: &str| -> i64 {
        other.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!([rows("block"), rows("actor"), rows("closed"), rows("text")], [1, 1, 3, 4]);

    other.execute_batch("DROP TRIGGER broken").unwrap();
    // Numbers of the failed transaction may be taken by others before the batch comes again.
    history.write(&records(&mut Dice(9), 20)).unwrap();
    history.write(&batch).unwrap();
    let mut all = vec![record()];
    all.extend(records(&mut Dice(9), 20));
    all.extend(batch);
    let question = Question { by: Dimension::ALL.to_vec(), ..everything() };
    let rows = place.reader().answer(&question, &Limits::default()).unwrap().groups;
    let expected = model::answer(&all, &question);
    assert_eq!(rows.len(), expected.len());
    assert!(rows.iter().all(|row| expected.get(&row.keys) == Some(row)));
    place.assert_sound();
}

#[test]
fn two_writers_wait_for_each_other_and_add_up() {
    let place = Place::new();
    drop(place.history());
    let start = Barrier::new(2);
    thread::scope(|scope| {
        for seed in [1, 2] {
            let (place, start) = (&place, &start);
            scope.spawn(move || {
                let mut history = place.history();
                let mut dice = Dice(seed);
                start.wait();
                for _ in 0..15 {
                    history.write(&records(&mut dice, 60)).unwrap();
                }
            });
        }
    });
    let mut all = records(&mut Dice(1), 900);
    all.extend(records(&mut Dice(2), 900));
    let question = Question { by: Dimension::ALL.to_vec(), ..everything() };
    let rows = place.reader().answer(&question, &Limits::default()).unwrap().groups;
    let expected = model::answer(&all, &question);
    assert_eq!(rows.len(), expected.len());
    assert!(rows.iter().all(|row| expected.get(&row.keys) == Some(row)));
    place.assert_sound();
}
