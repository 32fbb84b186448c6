use std::collections::{BTreeMap, BTreeSet};

use portolan_core::{Bytes, Dimension, NameSource, Only, Uid, UnixMillis};
use portolan_history::{Group, Question, Reader, Record};

use crate::{
    model,
    world::{BUCKET_MS, Dice, Place, everything, executable, lineage, name, program, record, records},
};

/// Asks, and checks what holds of every answer: the order, and that it is the same each time.
fn ask(reader: &Reader, question: &Question) -> BTreeMap<BTreeMap<String, String>, Group> {
    let answer = reader.query(question).unwrap();
    assert!(!answer.truncated);
    assert!(answer.rows.is_sorted_by_key(|group| std::cmp::Reverse(group.bytes.total())));
    assert_eq!(reader.query(question).unwrap(), answer);
    let count = answer.rows.len();
    let groups: BTreeMap<_, _> = answer.rows.into_iter().map(|group| (group.keys.clone(), group)).collect();
    assert_eq!(groups.len(), count, "two groups with the same keys");
    groups
}

#[test]
fn every_dimension_gives_exactly_what_was_recorded() {
    let place = Place::new();
    let mut dice = Dice(7);
    let all = records(&mut dice, 3000);
    let mut history = place.history();
    for part in all.chunks(700) {
        history.write(part).unwrap();
    }
    let reader = place.reader();
    let mut combinations: Vec<Vec<Dimension>> = Dimension::ALL.iter().map(|one| vec![*one]).collect();
    combinations.push(Dimension::ALL.to_vec());
    for _ in 0..40 {
        combinations.push((0..3).map(|_| dice.pick(&Dimension::ALL)).collect());
    }
    for by in combinations {
        let question = Question { by, ..everything() };
        assert_eq!(ask(&reader, &question), model::answer(&all, &question), "{question:?}");
    }
    place.assert_sound();
}

/// Conditions of every dimension: on each value that some record has, on one that none has, and on none at all.
fn conditions(all: &[Record]) -> Vec<Only> {
    let mut conditions = Vec::new();
    for dimension in Dimension::ALL {
        let question = Question { by: vec![dimension], ..everything() };
        let values: BTreeSet<_> = model::answer(all, &question)
            .into_keys()
            .filter_map(|mut keys| keys.remove(dimension.as_str()))
            .filter(|value| !value.is_empty())
            .collect();
        assert!(!values.is_empty(), "{dimension} has no value");
        conditions.extend(values.iter().map(|value| Only::new(dimension, value).unwrap()));
        conditions.push(Only::new(dimension, "").unwrap());
    }
    let others = [
        "application='; DROP TABLE peer; --",
        "remote=203.0.113.9",
        "port=1",
        "domain=*.example.org",
        "domain=*.org",
        "domain=*.le.org",
        "domain=org",
        "country=XX",
        "service=:viewer",
        "command=?1",
        "unit=%",
        "asn=1",
    ];
    conditions.extend(others.map(|text| text.parse::<Only>().unwrap()));
    conditions
}

#[test]
fn conditions_on_every_dimension_are_kept() {
    let place = Place::new();
    let mut dice = Dice(11);
    let all = records(&mut dice, 1500);
    place.history().write(&all).unwrap();
    let reader = place.reader();
    let conditions = conditions(&all);
    let mut filters: Vec<_> = conditions.iter().map(|one| vec![one.clone()]).collect();
    filters.extend((0..100).map(|_| (0..3).map(|_| dice.pick(&conditions)).collect()));
    for only in filters {
        for viewer in [None, Some(Uid(1000))] {
            let by = vec![only[0].dimension(), dice.pick(&Dimension::ALL)];
            let question = Question { by, only: only.clone(), viewer, ..everything() };
            assert_eq!(ask(&reader, &question), model::answer(&all, &question), "{question:?}");
        }
    }
}

#[test]
fn values_of_one_dimension_are_alternatives_and_dimensions_narrow() {
    let place = Place::new();
    let to = |port: u16, uid: u32| Record {
        service_port: Some(port),
        uid: Uid(uid),
        bytes: Bytes { tx: port.into(), rx: 0 },
        ..record()
    };
    place
        .history()
        .write(&[to(1, 7), to(2, 7), to(4, 8), Record { service_port: None, ..to(8, 7) }])
        .unwrap();
    let sum = |only: &[&str]| {
        let only = only.iter().map(|text| text.parse().unwrap()).collect();
        place.reader().query(&Question { only, ..everything() }).unwrap().rows[0].bytes.tx
    };
    assert_eq!(sum(&["port=1", "port=4"]), 5);
    assert_eq!(sum(&["port=1", "port=4", "user=7"]), 1);
    assert_eq!(sum(&["port=-", "port=2"]), 10);
    assert_eq!(sum(&["port=2", "user=8"]), 0);
}

#[test]
fn a_name_has_one_row_with_its_surest_source() {
    let place = Place::new();
    let named = |source, is_inferred| Record {
        name: Some(name("example.org", source, is_inferred)),
        bytes: Bytes { tx: 1, rx: 0 },
        ..record()
    };
    let unnamed = Record { name: None, place: None, recognised: None, ..record() };
    use NameSource::{Dns, Resolver, Tls};
    let all = [named(Dns, false), named(Tls, false), named(Dns, true), named(Resolver, true), unnamed];
    place.history().write(&all).unwrap();
    let by = vec![Dimension::Domain, Dimension::Country, Dimension::Service];
    let rows = place.reader().query(&Question { by, ..everything() }).unwrap().rows;
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let key = |key: &str| row.keys.get(key).map(String::as_str);
            (row.bytes.tx, key("domain"), key("name_source"), key("inferred"), key("service"))
        })
        .collect();
    let name = Some("example.org");
    assert_eq!(
        shown,
        [
            (100, None, None, None, Some("https")),
            (2, name, Some("tls"), None, Some("tls")),
            (2, name, Some("dns"), Some("true"), Some("tls")),
        ]
    );
}

#[test]
fn a_range_of_time_takes_the_buckets_that_it_touches() {
    let place = Place::new();
    let mut dice = Dice(99);
    let all = records(&mut dice, 1500);
    place.history().write(&all).unwrap();
    let reader = place.reader();
    let end = u64::from(BUCKET_MS) * 11;
    let mut edges: Vec<Option<UnixMillis>> =
        [-1, 0, 1, 9_999, 10_000, 10_001, 100_000, 100_001].map(|ms| Some(UnixMillis(ms))).to_vec();
    edges.extend([None, Some(UnixMillis(i64::MIN)), Some(UnixMillis(i64::MAX))]);
    edges.extend((0..10).map(|_| Some(UnixMillis(i64::try_from(dice.below(end)).unwrap()))));
    for since in &edges {
        for until in &edges {
            let by = vec![Dimension::Time, Dimension::Protocol];
            let question = Question { since: *since, until: *until, by, ..everything() };
            assert_eq!(ask(&reader, &question), model::answer(&all, &question), "{question:?}");
        }
    }
}

#[test]
fn buckets_of_different_widths_end_where_they_end() {
    let place = Place::new();
    let at = |start: i64, bucket_ms| {
        let start = UnixMillis(start);
        Record { bucket_start: start, bucket_ms, first: start, last: start, ..record() }
    };
    let (day, short) = (at(0, 86_400_000), at(20_000, 1));
    let all = vec![day, short];
    place.history().write(&all).unwrap();
    let reader = place.reader();
    for since in [19_999, 20_000, 20_001, 86_399_999, 86_400_000] {
        let question = Question { since: Some(UnixMillis(since)), by: vec![Dimension::Time], ..everything() };
        assert_eq!(ask(&reader, &question), model::answer(&all, &question), "{since}");
    }
}

#[test]
fn the_total_is_always_one_group() {
    let place = Place::new();
    let mut history = place.history();
    let nothing = Group { keys: BTreeMap::new(), bytes: Bytes::default(), flows: 0, first: None, last: None };
    assert_eq!(place.reader().query(&everything()).unwrap().rows, std::slice::from_ref(&nothing));
    let by_user = Question { by: vec![Dimension::User], ..everything() };
    assert_eq!(place.reader().query(&by_user).unwrap().rows, []);

    history.write(&[record()]).unwrap();
    let total = place.reader().query(&everything()).unwrap();
    let expected = Group {
        bytes: record().bytes,
        flows: 1,
        first: Some(record().first),
        last: Some(record().last),
        ..nothing.clone()
    };
    assert_eq!(total.rows, [expected]);
    let stranger = Question { viewer: Some(Uid(1)), ..everything() };
    assert_eq!(place.reader().query(&stranger).unwrap().rows, [nothing]);
}

#[test]
fn the_same_row_adds_up_within_and_across_writes_and_openings() {
    let place = Place::new();
    let earlier =
        Record { first: UnixMillis(1_700_000_000_001), last: UnixMillis(1_700_000_000_002), ..record() };
    place.history().write(&[record(), record()]).unwrap();
    let mut history = place.history();
    history.write(&[earlier]).unwrap();
    history.write(&[]).unwrap();
    let answer = place.reader().query(&Question { by: Dimension::ALL.to_vec(), ..everything() }).unwrap();
    let [group] = answer.rows.as_slice() else { panic!("{answer:?}") };
    assert_eq!(group.bytes, Bytes { tx: 300, rx: 6000 });
    assert_eq!(group.flows, 3);
    assert_eq!(group.first, Some(UnixMillis(1_700_000_000_001)));
    assert_eq!(group.last, Some(record().last));
    assert_eq!(group.keys["application"], "path:/usr/bin/curl");
    assert_eq!(group.keys["parent_path"], "/usr/bin/bash");
    assert_eq!(group.keys["remote"], "2001:db8::1");
}

#[test]
fn an_answer_says_when_it_is_cut() {
    let place = Place::new();
    let by_content = |content: u8| Record {
        owner: program(&lineage(executable("/usr/bin/curl", content), None)),
        bytes: Bytes { tx: u64::from(content), rx: 0 },
        ..record()
    };
    place.history().write(&[by_content(1), by_content(3), by_content(2)]).unwrap();
    let ask = |limit| {
        let question = Question { by: vec![Dimension::Executable], limit, ..everything() };
        let answer = place.reader().query(&question).unwrap();
        (answer.rows.iter().map(|group| group.bytes.tx).collect::<Vec<_>>(), answer.truncated)
    };
    assert_eq!(ask(0), (vec![], true));
    assert_eq!(ask(2), (vec![3, 2], true));
    assert_eq!(ask(3), (vec![3, 2, 1], false));
    assert_eq!(ask(usize::MAX), (vec![3, 2, 1], false));
}

#[test]
fn sums_stop_at_the_largest_number() {
    let place = Place::new();
    let mut history = place.history();
    let huge = Record { bytes: Bytes { tx: u64::MAX, rx: 1 << 62 }, ..record() };
    let later = Record { bucket_start: UnixMillis(0), ..huge.clone() };
    let small = Record { uid: Uid(7), ..record() };
    history.write(&[huge.clone(), huge, small]).unwrap();
    let bytes = |by: Vec<Dimension>| {
        let answer = place.reader().query(&Question { by, ..everything() }).unwrap();
        answer.rows.iter().map(|group| group.bytes).collect::<Vec<_>>()
    };
    let largest = u64::try_from(i64::MAX).unwrap();
    assert_eq!(bytes(vec![Dimension::User]), [Bytes { tx: largest, rx: largest }, record().bytes]);
    history.write(&[later.clone(), Record { bucket_start: UnixMillis(10_000), ..later }]).unwrap();
    assert_eq!(bytes(vec![]), [Bytes { tx: u64::MAX, rx: u64::MAX }]);
}

#[test]
fn times_at_the_end_of_the_scale_are_stored() {
    let place = Place::new();
    let odd = |start: i64, first: i64, last: i64| Record {
        bucket_start: UnixMillis(start),
        bucket_ms: u32::MAX,
        first: UnixMillis(first),
        last: UnixMillis(last),
        ..record()
    };
    let mut history = place.history();
    history.write(&[odd(i64::MIN, i64::MAX, i64::MIN), odd(i64::MAX, i64::MIN, i64::MAX)]).unwrap();
    let by_time = Question { by: vec![Dimension::Time], ..everything() };
    assert_eq!(place.reader().query(&by_time).unwrap().rows.len(), 2);
    assert_eq!(place.reader().info().unwrap().first_bucket, Some(UnixMillis(i64::MIN)));
}
