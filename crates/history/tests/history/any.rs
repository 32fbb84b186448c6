//! Histories and queries of any kind: hostile words, numbers at their ends, days apart.

use jiff::Zoned;
use portolan_core::{ApplicationKey, Bytes, Dimension, NameSource, Owner, Range, UnixMillis};
use portolan_history::{
    Record,
    language::{self, Condition, Field, Filter, Measure, Query, Total, Wanted},
};

use crate::{
    model,
    world::{
        BUCKET_MS, Dice, endpoint, executable, has, lineage, location, name, placement, program, records,
    },
};

const WORDS: [&str; 20] = [
    "",
    "*",
    "a*b",
    "\"",
    "\\",
    "\\x1b",
    "%",
    "'; DROP TABLE peer; --",
    "\u{202e}evil",
    "ΟΔΟΣ",
    "ß",
    "-",
    "?",
    "or",
    "a,b",
    "(x)",
    "日本 語",
    "\x1b[31m",
    "x:y/z",
    "!a -b",
];
const DAY: i64 = 86_400_000;
const ADDRESSES: [&str; 8] =
    ["::", "::1", "fe80::1", "2001:db8:ffff::1", "0.0.0.0", "255.255.255.255", "10.0.0.1", "10.255.0.1"];

/// Records of any kind, over three days somewhere.
pub(crate) fn any(dice: &mut Dice, count: usize) -> Vec<Record> {
    let begin = dice.pick(&[0, -2 * DAY, 1_699_920_000_000]);
    let is_huge = dice.below(3) == 0;
    let places = [
        location(Range::Public, Some("DE"), Some((u32::MAX, WORDS[7]))),
        location(Range::Public, None, Some((7, WORDS[16]))),
        location(Range::LinkLocal, None, None),
    ];
    let mut all = records(dice, count);
    for record in &mut all {
        let day = i64::try_from(dice.below(3)).unwrap() * DAY;
        let within =
            i64::try_from(dice.below(8640)).unwrap() / dice.pick(&[1, 100, 8640]) * i64::from(BUCKET_MS);
        let start = begin + day + within;
        record.bucket_start = UnixMillis(start);
        let first = start + i64::try_from(dice.below(5000)).unwrap();
        (record.first, record.last) = (UnixMillis(first), UnixMillis(first + 4000));
        if dice.below(2) == 0 {
            let path = format!("/opt/{}/{}", dice.pick(&WORDS), dice.pick(&WORDS));
            let parent = lineage(executable(&format!("/{}", dice.pick(&WORDS)), 1), None);
            record.owner = program(&lineage(executable(&path, 2), Some(parent)));
        }
        if let Owner::Program { application, .. } = &mut record.owner
            && dice.below(4) == 0
        {
            let kind =
                dice.pick(&["deb:tool:/usr/bin/", "flatpak:org.example.", "script:/usr/bin/python3:/home/"]);
            *application = ApplicationKey::from_stored(format!("{kind}{}", dice.pick(&WORDS)).into());
        }
        if dice.below(2) == 0 {
            record.command_line = Some(dice.pick(&WORDS).into());
            let cgroup = dice.pick(&["/lxc/", "/system.slice/", "/user.slice/user-1000.slice/"]);
            record.placement = placement(&format!("{cgroup}{}.service", dice.pick(&WORDS).replace('/', "")));
        }
        if dice.below(3) == 0 {
            record.remote = Some(endpoint(dice.pick(&ADDRESSES), dice.pick(&[0, 1, 65_535])));
            record.local = Some(endpoint(dice.pick(&ADDRESSES), dice.pick(&[0, 1, 65_535])));
            record.place = Some(dice.pick(&places));
            let domain =
                dice.pick(&["xn--nxasmq6b.example.org", "a.b.c.d.example.net", "1.example.org", "-"]);
            record.name = Some(name(domain, dice.pick(&NameSource::ALL), false));
            record.network_namespace = dice.pick(&[0, 1]);
            record.service_port = dice.pick(&[Some(1), Some(65_535)]);
        }
        if is_huge && dice.below(4) == 0 {
            let mut huge = || dice.pick(&[u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1, 1 << 53]);
            (record.bytes, record.flows_opened) = (Bytes { tx: huge(), rx: huge() }, huge());
        }
    }
    all
}

fn some(text: &str, dice: &mut Dice) -> String {
    let length = text.chars().count();
    let start = dice.below(u64::try_from(length).unwrap() + 1);
    text.chars().skip(usize::try_from(start).unwrap()).take(4).collect()
}

fn condition(dice: &mut Dice, all: &[Record]) -> Filter {
    let fields: Vec<Field> = Dimension::ALL
        .into_iter()
        .filter(|dimension| *dimension != Dimension::Time)
        .map(Field::Of)
        .chain([
            Field::Sha256,
            Field::Ancestor,
            Field::State,
            Field::Owner,
            Field::Local,
            Field::AnyPort,
            Field::Text,
        ])
        .collect();
    let field = dice.pick(&fields);
    let values = model::values(&dice.pick(all), field);
    let number = field.largest().is_some();
    let wanted = match (values.first(), dice.below(6)) {
        (_, 0) if field != Field::Text => Wanted::Known,
        (_, 1) if number => {
            let largest = field.largest().unwrap();
            let any = i64::try_from(dice.below(70_000)).unwrap();
            let (one, other) = (dice.pick(&[0, 1, 22, 443, any]), dice.pick(&[1, 443, 65_535, any, largest]));
            Wanted::Number(one.min(other)..=one.max(other).min(largest))
        }
        (Some(value), 2) if field == Field::Of(Dimension::Remote) || field == Field::Local => {
            let width = if value.contains(':') { 128 } else { 32 };
            let bits = dice.below(width + 1);
            let text = format!("remote:{value}/{bits}");
            let Filter::Has(condition) = parsed(&text).unwrap().filter else { panic!("{text}") };
            condition.wanted
        }
        (Some(value), 3) if field == Field::Of(Dimension::Domain) && value.contains('.') => {
            let above = value.split_once('.').unwrap().1;
            Wanted::Below(dice.pick(&[value.as_str(), above]).parse().unwrap())
        }
        (Some(value), 4) if matches!(field, Field::Of(Dimension::Application | Dimension::Executable)) => {
            Wanted::Exactly(value.clone())
        }
        (Some(value), 3..)
            if field == Field::Text
                || (!number && !matches!(field, Field::Local | Field::Of(Dimension::Remote))) =>
        {
            let part = some(value, dice);
            return has(
                field,
                &dice.pick(&[
                    format!("*{part}"),
                    format!("{part}*"),
                    format!("*{part}*x"),
                    format!("*{part}*"),
                ]),
            );
        }
        (Some(value), _) if !value.is_empty() => return has(field, value),
        _ if field == Field::Text => return has(field, "e"),
        _ => Wanted::NotKnown,
    };
    Filter::Has(Condition { field, wanted })
}

fn filter(dice: &mut Dice, all: &[Record], depth: u64) -> Filter {
    let some = |dice: &mut Dice| (0..dice.below(4)).map(|_| filter(dice, all, depth - 1)).collect();
    match dice.below(if depth == 0 { 2 } else { 6 }) {
        0..=2 => condition(dice, all),
        3 => Filter::but(filter(dice, all, depth - 1)),
        4 => Filter::every(some(dice)),
        _ => Filter::any(some(dice)),
    }
}

pub(crate) fn parsed(text: &str) -> Result<Query, language::Problem> {
    language::parse(text, &Zoned::now())
}

/// A query of any shape, about what these records have.
pub(crate) fn query(dice: &mut Dice, all: &[Record]) -> Query {
    let first = all.iter().map(|record| record.bucket_start.0).min().unwrap();
    let time = |dice: &mut Dice| {
        let any = i64::try_from(dice.below(3 * DAY.unsigned_abs())).unwrap();
        let ends =
            [0, 1, DAY, DAY + 60_000, 2 * DAY, any, any / 10_000 * 10_000, any / 3_600_000 * 3_600_000];
        (dice.below(3) == 0).then(|| UnixMillis(first + dice.pick(&ends)))
    };
    let (since, until) = (time(dice), time(dice));
    let totals = (0..dice.below(3).saturating_sub(1)).map(|_| {
        let sum = dice.pick(all).bytes.rx;
        let (one, other) = (
            dice.pick(&[0, 1, sum, sum.saturating_add(1)]),
            dice.pick(&[0, sum, 10_000_000, 1 << 40, u64::MAX]),
        );
        let measure = dice.pick(&[Measure::Tx, Measure::Rx, Measure::Bytes, Measure::Flows]);
        Total { measure, range: one.min(other)..=one.max(other) }
    });
    let totals = totals.collect();
    Query { filter: filter(dice, all, 3), since, until, totals }
}
