use std::collections::BTreeMap;

use portolan_core::{Bytes, Dimension, NameSource, Uid, UnixMillis};
use portolan_history::{
    Group, Keys, Limits, Question, Reader, Record, Sum,
    language::{Measure, Query, Total},
};

use crate::{
    model,
    world::{Dice, Place, between, everything, executable, lineage, name, program, record, records},
};

/// Asks, and checks what holds of every answer: the order, the total, and that it is the same each time.
pub(crate) fn ask(reader: &Reader, question: &Question) -> BTreeMap<Keys, Group> {
    let answer = reader.answer(question, &Limits::default()).unwrap();
    assert_eq!(answer.other, None);
    assert!(answer.groups.is_sorted_by_key(|group| std::cmp::Reverse(group.sum.bytes.total())));
    assert_eq!(reader.answer(question, &Limits::default()).unwrap(), answer);
    let mut total = Sum::default();
    answer.groups.iter().for_each(|group| total.add(&group.sum));
    assert_eq!(answer.total, total);
    let count = answer.groups.len();
    let groups: BTreeMap<_, _> = answer.groups.into_iter().map(|group| (group.keys.clone(), group)).collect();
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
    let rows = place.reader().answer(&Question { by, ..everything() }, &Limits::default()).unwrap().groups;
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let key = |key: &str| row.keys.get(key).map(String::as_str);
            (row.sum.bytes.tx, key("domain"), key("name_source"), key("inferred"), key("service"))
        })
        .collect();
    let name = Some("example.org");
    assert_eq!(
        shown,
        [
            (100, None, None, None, Some("https")),
            (2, name, Some("dns"), Some("true"), Some("tls")),
            (2, name, Some("tls"), None, Some("tls")),
        ]
    );
}

#[test]
fn a_range_of_time_takes_the_buckets_that_start_in_it() {
    let place = Place::new();
    let mut dice = Dice(99);
    let mut all = records(&mut dice, 200);
    // Over three days, so that every level has something of its own.
    for record in &mut all {
        let later = dice.pick(&[0, 50_000_000, 100_000_000, 200_000_000]);
        record.bucket_start.0 += later;
        record.first.0 += later;
        record.last.0 += later;
    }
    let mut history = place.history();
    all.sort_by_key(|record| record.bucket_start);
    all.chunks(97).for_each(|part| history.write(part).unwrap());
    let late: Vec<_> = records(&mut dice, 50);
    history.write(&late).unwrap();
    all.extend(late);
    let reader = place.reader();
    let end = 200_100_000;
    let mut edges =
        [-1, 0, 1, 9_999, 10_000, 60_000, 3_600_000, 86_400_000, end, i64::MIN, i64::MAX].map(Some).to_vec();
    edges.push(None);
    edges.extend((0..5).map(|_| Some(i64::try_from(dice.below(end.unsigned_abs())).unwrap())));
    let sums = |question: &Question, groups: BTreeMap<Keys, Group>| -> Vec<_> {
        assert!(!question.by.is_empty());
        groups.into_values().map(|group| (group.keys, group.sum.bytes, group.sum.flows)).collect()
    };
    for since in &edges {
        for until in &edges {
            for by in
                [vec![Dimension::Time, Dimension::Protocol], vec![Dimension::User, Dimension::Direction]]
            {
                let question = Question { by, ..between(*since, *until) };
                let expected = model::answer(&all, &question);
                assert_eq!(
                    sums(&question, ask(&reader, &question)),
                    sums(&question, expected),
                    "{question:?}"
                );
                let covered = reader.answer(&question, &Limits::default()).unwrap().covered;
                let asked = (since.map(UnixMillis), until.map(UnixMillis));
                assert_eq!((covered.since, covered.until), asked, "{question:?}");
            }
        }
    }
}

#[test]
fn the_total_is_always_one_group() {
    let place = Place::new();
    let mut history = place.history();
    let nothing = Group { keys: Keys::new(), sum: Sum::default() };
    assert_eq!(
        place.reader().answer(&everything(), &Limits::default()).unwrap().groups,
        std::slice::from_ref(&nothing)
    );
    let by_user = Question { by: vec![Dimension::User], ..everything() };
    assert_eq!(place.reader().answer(&by_user, &Limits::default()).unwrap().groups, []);

    history.write(&[record()]).unwrap();
    let total = place.reader().answer(&everything(), &Limits::default()).unwrap();
    let sum = Sum { bytes: record().bytes, flows: 1, first: Some(record().first), last: Some(record().last) };
    assert_eq!(total.groups, [Group { sum, ..nothing.clone() }]);
    let stranger = Question { viewer: Some(Uid(1)), ..everything() };
    assert_eq!(place.reader().answer(&stranger, &Limits::default()).unwrap().groups, [nothing]);
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
    let answer = place
        .reader()
        .answer(&Question { by: Dimension::ALL.to_vec(), ..everything() }, &Limits::default())
        .unwrap();
    let [group] = answer.groups.as_slice() else { panic!("{answer:?}") };
    assert_eq!(group.sum.bytes, Bytes { tx: 300, rx: 6000 });
    assert_eq!(group.sum.flows, 3);
    assert_eq!(group.sum.first, Some(UnixMillis(1_700_000_000_001)));
    assert_eq!(group.sum.last, Some(record().last));
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
    let ask = |top| {
        let question = Question { by: vec![Dimension::Executable], top, ..everything() };
        let answer = place.reader().answer(&question, &Limits::default()).unwrap();
        assert_eq!(answer.total.bytes.tx, 6);
        let other = answer.other.map(|(sum, count)| (sum.bytes.tx, count));
        (answer.groups.iter().map(|group| group.sum.bytes.tx).collect::<Vec<_>>(), other)
    };
    assert_eq!(ask(0), (vec![], Some((6, 3))));
    assert_eq!(ask(2), (vec![3, 2], Some((1, 1))));
    assert_eq!(ask(3), (vec![3, 2, 1], None));
    assert_eq!(ask(usize::MAX), (vec![3, 2, 1], None));
}

#[test]
fn totals_are_conditions_on_groups() {
    let place = Place::new();
    let of = |uid, tx, rx, flows_opened| Record {
        uid: Uid(uid),
        bytes: Bytes { tx, rx },
        flows_opened,
        ..record()
    };
    place.history().write(&[of(1, 5, 5, 1), of(1, 5, 5, 1), of(2, 9, 0, 2), of(3, 0, 30, 9)]).unwrap();
    let ask = |by: Vec<Dimension>, totals: &[(Measure, std::ops::RangeInclusive<u64>)]| {
        let totals = totals.iter().map(|(measure, range)| Total { measure: *measure, range: range.clone() });
        let query = Query { totals: totals.collect(), ..Query::default() };
        let answer =
            place.reader().answer(&Question { query, by, ..everything() }, &Limits::default()).unwrap();
        let users = answer.groups.iter().map(|group| group.keys.get("user").cloned().unwrap_or_default());
        (users.collect::<Vec<_>>().join(" "), answer.total.bytes.total())
    };
    let by_user = || vec![Dimension::User];
    assert_eq!(ask(by_user(), &[(Measure::Tx, 9..=u64::MAX)]), ("1 2".to_owned(), 29));
    assert_eq!(ask(by_user(), &[(Measure::Rx, 0..=10)]), ("1 2".to_owned(), 29));
    assert_eq!(ask(by_user(), &[(Measure::Bytes, 20..=30), (Measure::Flows, 0..=2)]), ("1".to_owned(), 20));
    assert_eq!(ask(by_user(), &[(Measure::Flows, 10..=20)]), (String::new(), 0));
    assert_eq!(ask(vec![], &[(Measure::Bytes, 59..=59)]), (String::new(), 59));
    let none = Query { totals: vec![Total { measure: Measure::Tx, range: 100..=200 }], ..Query::default() };
    let answer =
        place.reader().answer(&Question { query: none, ..everything() }, &Limits::default()).unwrap();
    assert_eq!((answer.groups, answer.total), (vec![], Sum::default()));
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
        let answer = place.reader().answer(&Question { by, ..everything() }, &Limits::default()).unwrap();
        answer.groups.iter().map(|group| group.sum.bytes).collect::<Vec<_>>()
    };
    assert_eq!(bytes(vec![Dimension::User]), [Bytes { tx: u64::MAX, rx: 1 << 63 }, record().bytes]);
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
    assert_eq!(place.reader().answer(&by_time, &Limits::default()).unwrap().groups.len(), 2);
    assert_eq!(place.reader().info().unwrap().first_bucket, Some(UnixMillis(i64::MIN)));
}

#[test]
fn questions_that_are_asked_together_see_one_state() {
    let place = Place::new();
    let mut history = place.history();
    let opened = Record { flows_opened: 1, ..record() };
    history.write(std::slice::from_ref(&opened)).unwrap();
    let reader = place.reader();
    let flows = || reader.answer(&everything(), &Limits::default()).map(|answer| answer.total.flows);
    let together = reader.together(|| {
        let before = flows()?;
        history.write(std::slice::from_ref(&opened)).unwrap();
        Ok([before, flows()?])
    });
    assert_eq!(together.unwrap(), [1, 1]);
    assert_eq!(flows().unwrap(), 2);
}
