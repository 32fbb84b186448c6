//! Conditions of every field, and filters of every shape, against the model.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Zoned;
use portolan_core::{Bytes, Dimension, NameSource, Owner, Provenance, Range, Uid};
use portolan_history::{
    History, Limits, Question, Record,
    language::{self, Condition, Field, Filter, Wanted},
};

use crate::{
    model,
    queries::ask,
    world::{
        Dice, Place, everything, executable, has, lineage, location, name, placement, record, records, which,
    },
};

/// Conditions on every field: on each value that some record has, on some that none has, and on none at all.
fn conditions(all: &[Record]) -> Vec<Filter> {
    let mut conditions = Vec::new();
    for dimension in Dimension::ALL.into_iter().filter(|dimension| *dimension != Dimension::Time) {
        let question = Question { by: vec![dimension], ..everything() };
        let values: BTreeSet<_> = model::answer(all, &question)
            .into_keys()
            .filter_map(|mut keys| keys.remove(dimension.as_str()))
            .filter(|value| !value.is_empty())
            .collect();
        assert!(!values.is_empty(), "{dimension} has no value");
        conditions.extend(values.iter().map(|value| has(Field::Of(dimension), value)));
        conditions.push(has(Field::Of(dimension), ""));
    }
    let fields = Dimension::ALL.into_iter().filter(|dimension| *dimension != Dimension::Time).map(Field::Of);
    let others = [Field::Sha256, Field::Ancestor, Field::State, Field::Owner, Field::Local, Field::AnyPort];
    for field in fields.chain(others) {
        conditions.push(Filter::Has(Condition { field, wanted: Wanted::Known }));
        conditions.push(has(field, ""));
    }
    use Dimension::{
        Application, Asn, Command, Container, Country, Domain, Executable, LocalPort, Parent, Port,
        RegistrableDomain, Remote, RemotePort, Script, Service, Unit, User,
    };
    conditions.extend(
        [
            (Application, "'; DROP TABLE peer; --"),
            (Application, "curl"),
            (Application, "path:*"),
            (Application, "*ool*"),
            (Executable, "CURL"),
            (Executable, "/opt/*"),
            (Parent, "bash"),
            (Script, "*.py"),
            (Remote, "203.0.113.9"),
            (Port, "1"),
            (Domain, "org"),
            (Domain, "*.org"),
            (RegistrableDomain, "EXAMPLE.*"),
            (Country, "XX"),
            (Service, ":viewer"),
            (Service, "tcp/*"),
            (Command, "?1"),
            (Unit, "%"),
            (Unit, "web"),
            (Unit, "we*e"),
            (Container, "WEB"),
            (Container, "lxc:*"),
            (Application, "/usr/bin/curl"),
            (Asn, "1"),
        ]
        .map(|(dimension, value)| has(Field::Of(dimension), value)),
    );
    let wanted = |dimension, wanted| Filter::Has(Condition { field: Field::Of(dimension), wanted });
    let network = |address: &str, bits| Wanted::Network { address: address.parse().unwrap(), bits };
    conditions.extend([
        has(Field::Sha256, &"04".repeat(32)),
        has(Field::Sha256, "08*"),
        has(Field::Ancestor, "systemd"),
        has(Field::Ancestor, "/usr/bin/*"),
        has(Field::State, "unreviewed"),
        has(Field::State, "approved"),
        has(Field::Owner, "kernel"),
        has(Field::Local, "192.0.2.7"),
        has(Field::AnyPort, "443"),
        has(Field::AnyPort, "0"),
        wanted(User, Wanted::Number(1..=i64::MAX)),
        wanted(RemotePort, Wanted::Number(0..=1000)),
        wanted(LocalPort, Wanted::Number(-5..=22)),
        wanted(Remote, network("192.0.2.255", 24)),
        wanted(Remote, network("0.0.0.0", 0)),
        wanted(Remote, network("2001:db8::", 32)),
        wanted(Remote, network("::", 0)),
        wanted(Domain, Wanted::Below("example.org".parse().unwrap())),
        wanted(Domain, Wanted::Below("le.org".parse().unwrap())),
        wanted(RegistrableDomain, Wanted::Below("example.net".parse().unwrap())),
        Filter::Every(vec![]),
        Filter::Any(vec![]),
    ]);
    conditions
}

/// A filter of any shape.
fn filter(dice: &mut Dice, conditions: &[Filter], depth: u64) -> Filter {
    let some = |dice: &mut Dice| (0..=dice.below(2)).map(|_| filter(dice, conditions, depth - 1)).collect();
    match dice.below(if depth == 0 { 1 } else { 5 }) {
        0 | 1 => dice.pick(conditions),
        2 => Filter::Not(Box::new(filter(dice, conditions, depth - 1))),
        3 => Filter::Every(some(dice)),
        _ => Filter::Any(some(dice)),
    }
}

#[test]
fn a_user_that_is_not_known_is_no_user() {
    let place = Place::new();
    let of = |uid: u32| Record { uid: Uid(uid), ..record() };
    place.history().write(&[of(Uid::UNKNOWN.0), of(1000)]).unwrap();
    let reader = place.reader();
    let user = Field::Of(Dimension::User);
    let count = |wanted: Wanted| {
        let filter = Filter::Has(Condition { field: user, wanted });
        let question = Question { by: vec![Dimension::User], ..which([filter]) };
        let groups = reader.answer(&question, &Limits::default()).unwrap().groups;
        groups.iter().map(|group| group.keys.get("user").cloned()).collect::<Vec<_>>()
    };
    let known = [Some("1000".to_owned())];
    assert_eq!(count(Wanted::NotKnown), [None]);
    assert_eq!(count(Wanted::Known), known);
    assert_eq!(count(Wanted::Number(1..=i64::MAX)), known);
    assert_eq!(reader.values(user, "", 9, None, &Limits::default()).unwrap(), ["1000"]);
}

#[test]
fn filters_of_every_field_and_shape_are_kept() {
    let place = Place::new();
    let mut dice = Dice(11);
    let all = records(&mut dice, 300);
    place.history().write(&all).unwrap();
    let reader = place.reader();
    let conditions = conditions(&all);
    let mut filters = conditions.clone();
    filters.extend(conditions.iter().map(|one| Filter::Not(Box::new(one.clone()))));
    filters.extend((0..300).map(|_| filter(&mut dice, &conditions, 4)));
    for filter in filters {
        for viewer in [None, Some(Uid(1000))] {
            let by = vec![dice.pick(&Dimension::ALL), dice.pick(&Dimension::ALL)];
            let question = Question { by, viewer, ..which([filter.clone()]) };
            assert_eq!(ask(&reader, &question), model::answer(&all, &question), "{question:?}");
        }
    }
}

#[test]
fn a_value_is_found_by_each_of_its_names() {
    let place = Place::new();
    let mut history = place.history();
    let write = |history: &mut History, application: &str, cgroup: &str| {
        let owner = Owner::Program {
            lineage: lineage(executable("/usr/bin/ΟΔΟΣ", 1), None),
            application: application.parse().unwrap(),
            provenance: Arc::new(Provenance::not_looked_at()),
            code: None,
        };
        let record = Record { owner, placement: placement(cgroup), flows_opened: 1, ..record() };
        history.write(&[record]).unwrap();
    };
    write(&mut history, "deb:firefox-esr:/usr/lib/firefox/firefox", "/system.slice/cron.service");
    write(&mut history, "script:/usr/bin/python3:/home/me/x.py", "/lxc/web/system.slice/cron.service");
    write(&mut history, "flatpak:org.mozilla.firefox", "/lxc/web");
    let reader = place.reader();
    for (text, flows) in [
        ("app:firefox", 2),
        ("app:firefox-esr", 1),
        ("app:/usr/lib/firefox/firefox", 1),
        ("app:x.py", 1),
        ("app:/home/me/x.py", 1),
        ("app:python3", 0),
        ("app:mozilla", 0),
        ("unit:cron", 2),
        ("unit:cron container:-", 1),
        ("container:web", 2),
        ("!container:web", 1),
        ("container:lxc", 0),
        ("exe:οδοσ", 3),
        ("οδο", 3),
    ] {
        let query = language::parse(text, &Zoned::now()).unwrap();
        let question = Question { query, ..everything() };
        let answer = reader.answer(&question, &Limits::default()).unwrap();
        assert_eq!(answer.total.flows, flows, "{text}");
    }
}

#[test]
fn free_text_is_found_on_either_side() {
    let place = Place::new();
    let quiet = Record { place: None, name: None, ..record() };
    let here = Record { bytes: Bytes { tx: 1, rx: 0 }, ..quiet.clone() };
    let there = Record {
        owner: Owner::Kernel,
        command_line: None,
        placement: placement("/"),
        name: Some(name("curlew.example", NameSource::Dns, false)),
        place: Some(location(Range::Public, Some("SE"), Some((64_500, "Wetland Networks")))),
        bytes: Bytes { tx: 2, rx: 0 },
        ..quiet.clone()
    };
    let neither = Record {
        owner: Owner::Kernel,
        command_line: None,
        placement: placement("/"),
        remote: None,
        bytes: Bytes { tx: 4, rx: 0 },
        ..quiet
    };
    place.history().write(&[here, there, neither]).unwrap();
    let tx =
        |filter| place.reader().answer(&which([filter]), &Limits::default()).unwrap().groups[0].sum.bytes.tx;
    for (text, expected) in [
        ("curl", 3),
        ("CURLEW", 2),
        ("/usr/bin/", 1),
        ("https://example", 1),
        ("web.service", 1),
        ("wetland", 2),
        ("se", 3),
        ("2001:db8::", 3),
        ("tcp", 0),
        ("e*l", 3),
        ("%", 0),
    ] {
        assert_eq!(tx(has(Field::Text, text)), expected, "{text}");
        assert_eq!(tx(Filter::Not(Box::new(has(Field::Text, text)))), 7 - expected, "not {text}");
    }
}
