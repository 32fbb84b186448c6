use std::{collections::BTreeSet, ops::ControlFlow};

use portolan_core::{Dimension, NameSource, Uid, UnixMillis};
use portolan_history::{
    FlowRow, Limits, Line, Question, Reader, Record, Step,
    language::{Condition, Field, Filter, Query, Wanted},
};

use crate::{
    model,
    world::{
        Dice, Place, UIDS, between, everything, executable, has, lineage, name, placement, program, record,
        records, which,
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

/// Filters that try to get around the viewer.
fn tricks() -> Vec<Filter> {
    let user =
        |range| Filter::Has(Condition { field: Field::Of(Dimension::User), wanted: Wanted::Number(range) });
    let not = |filter| Filter::Not(Box::new(filter));
    let mine = || user(1000..=1000);
    vec![
        Filter::default(),
        user(0..=i64::MAX),
        not(mine()),
        not(not(not(mine()))),
        not(Filter::Any(vec![])),
        Filter::Any(vec![mine(), not(mine())]),
        Filter::Any(vec![has(Field::AnyPort, ""), not(has(Field::AnyPort, "")), not(mine())]),
        Filter::Any(vec![has(Field::Text, "e"), not(has(Field::Text, "e"))]),
        not(Filter::Every(vec![mine(), has(Field::Of(Dimension::Domain), "")])),
        Filter::Any(vec![Filter::Every(vec![]), not(Filter::Every(vec![]))]),
    ]
}

#[test]
fn no_filter_shows_a_viewer_more() {
    let place = Place::new();
    let all = records(&mut Dice(3), 600);
    place.history().write(&all).unwrap();
    let own: Vec<Record> = all.iter().filter(|record| record.uid == Uid(1000)).cloned().collect();
    // What there is where nobody else is there: the viewer must see no more, whatever is asked.
    let alone = Place::new();
    alone.history().write(&own).unwrap();
    let (reader, alone, limits) = (place.reader(), alone.reader(), Limits::default());
    for filter in tricks() {
        let all_by = [
            vec![],
            vec![Dimension::Domain],
            vec![Dimension::User, Dimension::Remote],
            Dimension::ALL.to_vec(),
        ];
        for by in all_by {
            let question = Question { by, viewer: Some(Uid(1000)), ..which([filter.clone()]) };
            let seen = reader.answer(&question, &limits).unwrap();
            let unlimited = Question { viewer: None, ..question.clone() };
            assert_eq!(seen, alone.answer(&unlimited, &limits).unwrap(), "{question:?}");
            for step in [Step::Auto, Step::Bucket, Step::Hour] {
                let seen = reader.series(&question, step, &limits).unwrap();
                let expected = alone.series(&unlimited, step, &limits).unwrap();
                let mut lines: [Vec<Line>; 2] = [seen.lines, expected.lines];
                lines.iter_mut().for_each(|lines| lines.sort_by(|one, other| one.keys.cmp(&other.keys)));
                assert_eq!(lines[0], lines[1], "{question:?}");
                assert_eq!(seen.other, expected.other);
            }
        }
        let rows = |reader: &Reader, viewer| {
            let mut rows = Vec::new();
            let query = Query { filter: filter.clone(), ..Query::default() };
            let mut tell = |row| {
                rows.push(row);
                ControlFlow::Continue(())
            };
            reader.flows(&query, viewer, &limits, &mut tell).unwrap();
            rows.sort_by_key(|row: &FlowRow| format!("{row:?}"));
            rows
        };
        let seen = rows(&reader, Some(Uid(1000)));
        assert_eq!(seen, rows(&alone, None), "{filter:?}");
        assert!(seen.iter().all(|row| row.actor.uid == Uid(1000)));
        assert!(rows(&reader, Some(Uid(77))).is_empty());
    }
}

#[test]
fn a_viewer_learns_no_value_from_anothers_traffic() {
    let place = Place::new();
    let all = records(&mut Dice(9), 60);
    place.history().write(&all).unwrap();
    let alone = Place::new();
    let own: Vec<Record> = all.iter().filter(|record| record.uid == Uid(1000)).cloned().collect();
    alone.history().write(&own).unwrap();
    let others = [
        Field::Sha256,
        Field::Ancestor,
        Field::State,
        Field::Owner,
        Field::Local,
        Field::AnyPort,
        Field::Text,
    ];
    for field in Dimension::ALL.map(Field::Of).into_iter().chain(others) {
        let values = |place: &Place, viewer| {
            let values = place.reader().values(field, "", 1000, viewer, &Limits::default()).unwrap();
            let count = values.len();
            let values: BTreeSet<String> = values.into_iter().collect();
            assert_eq!(values.len(), count, "{field:?}");
            values
        };
        assert_eq!(values(&place, Some(Uid(1000))), values(&alone, None), "{field:?}");
        assert!(values(&place, Some(Uid(77))).is_empty(), "{field:?}");
    }
}

#[test]
fn values_begin_with_what_is_written_and_the_newest_come_first() {
    let place = Place::new();
    let run = |path: &str, domain| Record {
        owner: program(&lineage(executable(path, 1), None)),
        name: Some(name(domain, NameSource::Tls, false)),
        ..record()
    };
    let all =
        [run("/usr/bin/firefox", "a.example"), run("/opt/Fish", "b.example"), run("/usr/bin/curl", "b.org")];
    place.history().write(&all).unwrap();
    let values = |dimension, prefix: &str, limit| {
        place.reader().values(Field::Of(dimension), prefix, limit, None, &Limits::default()).unwrap()
    };
    assert_eq!(values(Dimension::Application, "FI", 10), ["Fish", "firefox"]);
    assert_eq!(
        values(Dimension::Application, "path:/usr", 10),
        ["path:/usr/bin/curl", "path:/usr/bin/firefox"]
    );
    assert_eq!(values(Dimension::Executable, "/usr/bin/f", 10), ["/usr/bin/firefox"]);
    assert_eq!(values(Dimension::Domain, "", 2), ["b.org", "b.example"]);
    assert_eq!(values(Dimension::Domain, "b", 9), ["b.org", "b.example"]);
    assert_eq!(values(Dimension::Asn, "6449", 9), ["64496"]);
    assert_eq!(values(Dimension::Asn, "ex", 9), ["Example"]);
    assert_eq!(values(Dimension::Domain, "'", 9), [""; 0]);
    // By any name that a query finds it by.
    let placed = |cgroup| Record { placement: placement(cgroup), ..record() };
    place.history().write(&[placed("/lxc/web"), placed("/lxc/other/system.slice/cron.service")]).unwrap();
    assert_eq!(values(Dimension::Container, "W", 9), ["web"]);
    assert_eq!(values(Dimension::Container, "lxc:o", 9), ["lxc:other"]);
    assert_eq!(values(Dimension::Container, "", 9), ["lxc:other", "lxc:web"]);
    assert_eq!(values(Dimension::Unit, "cr", 9), ["cron.service"]);
    assert_eq!(values(Dimension::Application, "/usr/bin/f", 9), ["/usr/bin/firefox"]);
}
