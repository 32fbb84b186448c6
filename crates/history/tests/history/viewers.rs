use portolan_core::{Dimension, Uid, UnixMillis};
use portolan_history::{Limits, Question, Record, language::Field};

use crate::{
    model,
    world::{
        Dice, Place, UIDS, between, everything, executable, has, lineage, program, record, records, which,
    },
};

#[test]
fn a_viewer_sees_only_their_own_rows_by_every_dimension() {
    let place = Place::new();
    let mut dice = Dice(5);
    let all = records(&mut dice, 1500);
    place.history().write(&all).unwrap();
    let reader = place.reader();
    let mut kinds: Vec<Vec<Dimension>> = Dimension::ALL.iter().map(|one| vec![*one]).collect();
    kinds.extend([vec![], Dimension::ALL.to_vec(), vec![Dimension::Parent, Dimension::Command]]);
    for by in kinds {
        for (viewer, since) in UIDS.map(Uid).into_iter().flat_map(|uid| [(uid, None), (uid, Some(45_000))]) {
            let question = Question { viewer: Some(viewer), by: by.clone(), ..between(since, None) };
            let rows = reader.answer(&question, &Limits::default()).unwrap().groups;
            let expected = model::answer(&all, &question);
            assert_eq!(rows.len(), expected.len(), "{question:?}");
            assert!(rows.iter().all(|row| expected.get(&row.keys) == Some(row)), "{question:?}");
        }
        // A condition opens nothing, whatever it is on.
        for filter in by.iter().map(|dimension| has(Field::Of(*dimension), "")) {
            let question = Question { viewer: Some(Uid(77)), ..which([filter]) };
            assert!(
                reader
                    .answer(&question, &Limits::default())
                    .unwrap()
                    .groups
                    .iter()
                    .all(|row| row.sum.bytes.is_zero()),
                "{by:?}"
            );
        }
        // Somebody without any traffic sees no group, at most an empty total.
        let stranger = Question { viewer: Some(Uid(77)), by: by.clone(), ..everything() };
        let rows = reader.answer(&stranger, &Limits::default()).unwrap().groups;
        assert!(rows.iter().all(|row| row.sum.bytes.is_zero() && row.keys.is_empty()), "{by:?}");
        assert_eq!(rows.is_empty(), !by.is_empty());
    }
}

#[test]
fn a_viewer_sees_of_an_application_only_what_they_ran() {
    let place = Place::new();
    let run = |content: u8, uid: u32, first: i64| Record {
        owner: program(&lineage(executable("/usr/bin/curl", content), None)),
        uid: Uid(uid),
        first: UnixMillis(first),
        last: UnixMillis(first + 1),
        ..record()
    };
    place.history().write(&[run(1, 1000, 10), run(2, 0, 20), run(1, 0, 5), run(2, 0, 30)]).unwrap();
    let reader = place.reader();
    let seen = |viewer: Option<u32>| -> Vec<(u8, i64, i64, u32)> {
        let rows = reader.applications(viewer.map(Uid)).unwrap();
        rows.iter()
            .map(|row| (row.executable.file.sha256.0[0], row.first.0, row.last.0, row.executables))
            .collect()
    };
    assert_eq!(seen(None), [(2, 5, 31, 2)]);
    assert_eq!(seen(Some(0)), [(2, 5, 31, 2)]);
    assert_eq!(seen(Some(1000)), [(1, 10, 11, 1)]);
    assert_eq!(seen(Some(1)), []);
}
