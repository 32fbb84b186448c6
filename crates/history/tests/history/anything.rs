//! Any question to any history, against the model. `SEEDS=1000` asks for longer, `SEED=7` from that on.

use std::{collections::BTreeMap, ops::ControlFlow};

use portolan_core::{Bytes, Dimension, Owner, Uid, lower};
use portolan_history::{
    FlowRow, Group, Keys, Limits, Line, Question, ReadError, Reader, Record, Step, Sum,
    language::{Field, Measure, Query, Total},
};

use crate::{
    any::{any, parsed, query},
    model,
    world::{Dice, Place, UIDS},
};

fn is_kept(sum: &Sum, totals: &[Total]) -> bool {
    totals.iter().all(|total| {
        let of = match total.measure {
            Measure::Tx => sum.bytes.tx,
            Measure::Rx => sum.bytes.rx,
            Measure::Bytes => sum.bytes.tx.saturating_add(sum.bytes.rx),
            Measure::Flows => sum.flows,
        };
        total.range.contains(&of)
    })
}

fn size(bytes: Bytes) -> u128 {
    u128::from(bytes.tx) + u128::from(bytes.rx)
}

fn added<'g>(groups: impl IntoIterator<Item = &'g Group>) -> (Bytes, u64) {
    let mut sum = Sum::default();
    groups.into_iter().for_each(|group| sum.add(&group.sum));
    (sum.bytes, sum.flows)
}

/// What it is told, and what of it is not.
fn check_answer(reader: &Reader, question: &Question, all: &[Record]) {
    let expected = expected(all, question);
    let answer = match reader.answer(question, &Limits::default()) {
        Err(ReadError::EndsNotKept) => return assert!(expected.is_empty(), "{question:?}"),
        answer => answer.unwrap(),
    };
    let mut sizes: Vec<u128> = expected.values().map(|group| size(group.sum.bytes)).collect();
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    let (mut groups, of) = (answer.groups, &expected);
    if question.by.is_empty() && of.is_empty() {
        let is_nothing = model::answer(all, question).is_empty();
        let has_one = is_nothing && question.top > 0 && is_kept(&Sum::default(), &question.query.totals);
        assert_eq!(groups.len(), usize::from(has_one), "{question:?}");
        groups.clear();
    }
    let found: Vec<u128> = groups.iter().map(|group| size(group.sum.bytes)).collect();
    assert_eq!(found, sizes[..sizes.len().min(question.top)], "{question:?}");
    for group in &groups {
        let expected = of.get(&group.keys).unwrap_or_else(|| panic!("{question:?}: {group:?}"));
        let sums = |group: &Group| (group.sum.bytes, group.sum.flows);
        assert_eq!(sums(group), sums(expected), "{question:?}: {group:?}");
        assert!(group.sum.first <= expected.sum.first && group.sum.last >= expected.sum.last, "{question:?}");
    }
    let rest = of.values().filter(|group| groups.iter().all(|told| told.keys != group.keys));
    let other = answer.other.map(|(sum, count)| (sum.bytes, sum.flows, count));
    let count = u64::try_from(rest.clone().count()).unwrap();
    let (bytes, flows) = added(rest);
    assert_eq!(other, (count > 0).then_some((bytes, flows, count)), "{question:?}");
    assert_eq!((answer.total.bytes, answer.total.flows), added(of.values()), "{question:?}");
}

fn check_series(reader: &Reader, question: &Question, all: &[Record], step: Step) {
    let series = match reader.series(question, step, &Limits::default()) {
        Err(ReadError::EndsNotKept) => return,
        series => series.unwrap(),
    };
    let timed = Question { query: Query { totals: vec![], ..question.query.clone() }, ..question.clone() };
    let kept = expected(all, question);
    let mut lines: BTreeMap<Keys, Line> = BTreeMap::new();
    let zeros = || vec![0_u64; series.times.len()];
    let line = |keys| Line { keys, tx: zeros(), rx: zeros(), flows: zeros() };
    for record in all {
        for keys in expected(std::slice::from_ref(record), &timed).into_keys() {
            // The surest source is that of the group.
            let is_same = |other: &&Keys| {
                other.iter().all(|(key, value)| key == "name_source" || keys.get(key) == Some(value))
                    && other.iter().count() == keys.iter().count()
            };
            let Some(keys) = kept.keys().find(is_same) else { continue };
            let line = lines.entry(keys.clone()).or_insert_with(|| line(keys.clone()));
            let after = record.bucket_start.0 - series.times[0];
            let at = usize::try_from(after / series.step_ms).unwrap();
            for (sum, number) in [
                (&mut line.tx[at], record.bytes.tx),
                (&mut line.rx[at], record.bytes.rx),
                (&mut line.flows[at], record.flows_opened),
            ] {
                *sum = sum.saturating_add(number);
            }
        }
    }
    let told: Vec<&Line> = series.lines.iter().filter(|line| lines.contains_key(&line.keys)).collect();
    // A series has a million numbers of each kind at most.
    let most = question.top.min(1_000_000 / series.times.len().max(1));
    assert_eq!(told.len(), lines.len().min(most), "{question:?} {step:?}");
    assert!(told.len() == series.lines.len() || question.by.is_empty(), "{question:?}");
    assert!(told.iter().all(|line| lines.get(&line.keys) == Some(*line)), "{question:?} {step:?}");
    let mut other = line(Keys::new());
    let rest = lines.iter().filter(|(keys, _)| told.iter().all(|line| line.keys != **keys));
    for (_, line) in rest {
        for (sums, numbers) in
            [(&mut other.tx, &line.tx), (&mut other.rx, &line.rx), (&mut other.flows, &line.flows)]
        {
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum = sum.saturating_add(*number));
        }
    }
    assert_eq!(series.other, (lines.len() > told.len()).then_some(other), "{question:?} {step:?}");
}

fn expected(all: &[Record], question: &Question) -> BTreeMap<Keys, Group> {
    let mut groups = model::answer(all, question);
    groups.retain(|_, group| is_kept(&group.sum, &question.query.totals));
    groups
}

fn check_flows(reader: &Reader, question: &Question, all: &[Record]) {
    let query = Query { totals: vec![], ..question.query.clone() };
    let mut told: BTreeMap<String, (Bytes, u64)> = BTreeMap::new();
    let mut add = |key: String, bytes: Bytes, flows: u64| {
        let sum = told.entry(key).or_default();
        *sum = (sum.0 + bytes, sum.1.saturating_add(flows));
    };
    let mut tell = |row: FlowRow| {
        let (actor, peer) = (&row.actor, &row.peer);
        let parents: Vec<&str> = actor.parents.iter().map(|parent| parent.path.as_raw()).collect();
        let key = (
            (row.start.0, actor.uid, &actor.application, &actor.command_line, &actor.unit, &actor.container),
            (peer.protocol, peer.direction, peer.remote, row.local, row.local_port, row.remote_port),
            (peer.name.as_ref().map(|name| name.domain.as_str()), peer.service_port, parents),
        );
        add(format!("{key:?}"), row.bytes, row.flows);
        ControlFlow::Continue(())
    };
    match reader.flows(&query, question.viewer, &Limits::default(), &mut tell) {
        Err(ReadError::EndsNotKept) => return,
        covered => drop(covered.unwrap()),
    }
    let question = Question { query, by: vec![], ..question.clone() };
    let mut sums: BTreeMap<String, (Bytes, u64)> = BTreeMap::new();
    for record in
        all.iter().filter(|record| !model::answer(std::slice::from_ref(*record), &question).is_empty())
    {
        let application = match &record.owner {
            Owner::Program { application, .. } => Some(application.as_untrusted().as_raw().to_owned()),
            _ => None,
        };
        let parents = model::values(record, Field::Ancestor);
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        let text = |text: Option<String>| text;
        let unit = record.placement.unit.as_ref().map(|unit| unit.to_text().as_raw().to_owned());
        let container = record.placement.container.as_ref().map(|one| one.to_text().as_raw().to_owned());
        let port =
            |side: Option<portolan_core::Endpoint>| side.map(|side| side.port).filter(|port| *port > 0);
        let key = (
            (
                record.bucket_start.0,
                record.uid,
                &text(application),
                &record.command_line,
                &text(unit),
                &text(container),
            ),
            (
                record.protocol,
                record.direction,
                record.remote.map(|side| side.address),
                record.local.map(|side| side.address),
                port(record.local),
                port(record.remote),
            ),
            (record.name.as_ref().map(|name| name.domain.as_str()), record.service_port, parents),
        );
        let sum = sums.entry(format!("{key:?}")).or_default();
        *sum = (sum.0 + record.bytes, sum.1.saturating_add(record.flows_opened));
    }
    assert_eq!(told, sums, "{question:?}");
}

/// Each value is offered by a name that begins so and finds it, and nothing else is.
fn check_values(reader: &Reader, dice: &mut Dice, all: &[Record], viewer: Option<Uid>) {
    use Dimension::{
        Application, Command, Container, Direction, Domain, Executable, Parent, Protocol, Range, Remote,
        Script, Service, Unit,
    };
    let dimension = dice.pick(&[
        Application,
        Command,
        Container,
        Direction,
        Domain,
        Executable,
        Parent,
        Protocol,
        Range,
        Remote,
        Script,
        Service,
        Unit,
    ]);
    let field = Field::Of(dimension);
    let seen = |record: &&Record| viewer.is_none_or(|viewer| viewer == record.uid);
    let values: Vec<String> = all
        .iter()
        .filter(seen)
        .flat_map(|record| model::values(record, field))
        .filter(|value| !value.is_empty())
        .collect();
    let prefix = match values.is_empty() {
        true => String::new(),
        false => {
            let names = names(field, &dice.pick(&values));
            dice.pick(&names).chars().take(usize::try_from(dice.below(4)).unwrap()).collect()
        }
    };
    let begins = |name: &str| !name.is_empty() && lower(name).starts_with(&*lower(&prefix));
    let offered = reader.values(field, &prefix, 10_000, viewer, &Limits::default()).unwrap();
    for offer in &offered {
        assert!(begins(offer), "{dimension} {prefix:?}: {offer:?}");
        let finds =
            values.iter().any(|value| names(field, value).iter().any(|name| lower(name) == lower(offer)));
        assert!(finds, "{dimension} {prefix:?}: {offer:?}");
    }
    for value in values.iter().filter(|value| names(field, value).iter().any(|name| begins(name))) {
        let names = names(field, value);
        let is_offered = offered.iter().any(|offer| names.iter().any(|name| name == offer));
        assert!(is_offered, "{dimension} {prefix:?}: {value:?} is not among {offered:?}");
    }
}

/// What a query can call a value.
fn names(field: Field, value: &str) -> Vec<String> {
    let names = field.names_in(value).into_iter().map(std::borrow::Cow::into_owned);
    std::iter::once(value.to_owned()).chain(names).collect()
}

#[test]
fn any_question_to_any_history_is_answered_as_the_records_say() {
    let number = |name, otherwise| std::env::var(name).map_or(otherwise, |number| number.parse().unwrap());
    let first = number("SEED", 1);
    let seeds = first..first + number("SEEDS", 6);
    let (mut said, mut asked) = (0, 0);
    for seed in seeds {
        let mut dice = Dice(seed * 7919);
        eprintln!("seed {seed}");
        let place = Place::new();
        let count = 100 + usize::try_from(dice.below(300)).unwrap();
        let all = any(&mut dice, count);
        let mut history = place.history();
        all.chunks(90).for_each(|part| history.write(part).unwrap());
        let reader = place.reader();
        for _ in 0..60 {
            let query = query(&mut dice, &all);
            // As somebody would say it, where that can be said.
            let text = query.to_string();
            let query = match parsed(&text) {
                Ok(read) => {
                    said += 1;
                    read
                }
                Err(_) => query,
            };
            asked += 1;
            let question = Question {
                query,
                by: (0..dice.below(4)).map(|_| dice.pick(&Dimension::ALL)).collect(),
                top: usize::try_from(dice.pick(&[0, 1, 2, 5, 1000])).unwrap(),
                viewer: dice.pick(&[None, Some(Uid(UIDS[0])), Some(Uid(UIDS[1])), Some(Uid(77))]),
                step: Step::Bucket,
            };
            check_answer(&reader, &question, &all);
            check_flows(&reader, &question, &all);
            let by = question.by.iter().copied().filter(|dimension| *dimension != Dimension::Time).collect();
            let question = Question { by, ..question };
            let step = dice.pick(&[Step::Auto, Step::Bucket, Step::Minute, Step::Hour, Step::Day]);
            check_series(&reader, &question, &all, step);
            check_values(&reader, &mut dice, &all, question.viewer);
        }
        place.assert_sound();
    }
    assert!(said > asked / 2, "{said} of {asked}");
}
