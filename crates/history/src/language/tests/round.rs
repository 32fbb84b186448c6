//! What is written is read back.

use fastrand::Rng;

use super::*;

/// Characters that mean something, and some that deceive.
const LETTERS: &[char] = &[
    'a', 'Z', '0', '-', '_', '.', '/', ':', '*', '?', '!', '"', '\\', '(', ')', '|', ',', ' ', '<', '>', '=',
    'x', 'u', '{', '}', '\n', '\x1b', '\0', '\u{202e}', 'ß', 'İ', 'Σ', '日', '\u{301}', 'o', 'r',
];

fn text(random: &mut Rng, least: usize) -> String {
    (0..random.usize(least..8)).map(|_| LETTERS[random.usize(..LETTERS.len())]).collect()
}

fn pattern(random: &mut Rng) -> Pattern {
    loop {
        let parts: Vec<String> = (0..random.usize(1..4)).map(|_| text(random, 0)).collect();
        if parts.iter().any(|part| !part.is_empty()) {
            return Pattern::new(parts);
        }
    }
}

fn condition(random: &mut Rng) -> Condition {
    let fields: Vec<Field> = words::names()
        .filter_map(|(subject, _)| match subject {
            Subject::Field(field) => Some(field),
            _ => None,
        })
        .collect();
    let field = fields[random.usize(..fields.len())];
    let wanted = match field {
        Field::Text => Wanted::Like(Pattern::new(
            ["".to_owned()].into_iter().chain(pattern(random).parts).chain(["".to_owned()]),
        )),
        _ if random.u8(..8) == 0 => Wanted::NotKnown,
        _ if random.u8(..8) == 0 => Wanted::Known,
        Field::Of(Dimension::Remote) | Field::Local => {
            let (address, width) = if random.bool() {
                (IpAddr::V4(random.u32(..).into()), 32)
            } else {
                (IpAddr::V6((1 << 127 | random.u128(..)).into()), 128)
            };
            let bits = random.u8(0..=width);
            Wanted::Network { address: fits::network(address, bits), bits }
        }
        Field::Of(Dimension::Domain) if random.bool() => Wanted::Below("a.example".parse().unwrap()),
        Field::Of(Dimension::Domain | Dimension::RegistrableDomain) => {
            Wanted::Like(Pattern::new(["a.example"]))
        }
        Field::Of(Dimension::Country) => Wanted::Like(Pattern::new(["de"])),
        Field::Sha256 => Wanted::Like(Pattern::new([format!("{:064x}", random.u128(..))])),
        field => match field.largest() {
            Some(largest) => {
                let (one, some) = (random.i64(0..=largest), random.i64(0..=largest));
                let other = random.choice([0, largest, some]).unwrap();
                Wanted::Number(one.min(other)..=one.max(other))
            }
            None if field.words().is_empty() => Wanted::Like(pattern(random)),
            None => Wanted::Like(Pattern::new([random.choice(field.words()).unwrap()])),
        },
    };
    Condition { field, wanted }
}

fn filter(random: &mut Rng, depth: u32) -> Filter {
    let some = |random: &mut Rng| (0..random.usize(0..4)).map(|_| filter(random, depth - 1)).collect();
    match random.u8(..if depth == 0 { 1 } else { 5 }) {
        1 => Filter::every(some(random)),
        2 => Filter::any(some(random)),
        3 => Filter::but(filter(random, depth - 1)),
        _ => Filter::Has(condition(random)),
    }
}

fn query(random: &mut Rng) -> Query {
    let mut moment =
        || random.bool().then(|| UnixMillis(random.i64(-62_000_000_000_000..253_000_000_000_000)));
    let (since, until) = (moment(), moment());
    let totals = (0..random.usize(0..3)).map(|_| {
        let mut bound = || {
            let any = random.u64(..);
            random.choice([0, 1, 10_000_000, 1 << 30, u64::MAX, any]).unwrap()
        };
        let (one, other) = (bound(), bound());
        let measure = random.choice([Measure::Tx, Measure::Rx, Measure::Bytes, Measure::Flows]).unwrap();
        Total { measure, range: one.min(other)..=one.max(other) }
    });
    let totals = totals.collect();
    Query { filter: filter(random, 3), since, until, totals }
}

#[test]
fn every_query_reads_back_as_it_was_written() {
    let mut random = Rng::with_seed(6);
    let mut longest = 0;
    for _ in 0..20_000 {
        let query = query(&mut random);
        let text = query.to_string();
        longest = longest.max(text.len());
        match parse(&text, &now()) {
            Ok(read) => assert_eq!(read, query, "{text:?}"),
            Err(problem) => {
                assert!(problem.message.contains("at most"), "{}\n{problem}", problem.drawn(&text))
            }
        }
    }
    assert!(longest > 300);
}

#[test]
fn every_value_can_be_said_behind_a_field_and_as_text() {
    let mut random = Rng::with_seed(7);
    for _ in 0..20_000 {
        let value = text(&mut random, 1);
        let wanted = Pattern::new([&value]);
        let said = read(&format!("command:{} a", quoted(&value)));
        assert_eq!(
            said.filter,
            Filter::every(vec![has(Field::Of(Dimension::Command), Wanted::Like(wanted)), read("a").filter]),
            "{value:?}"
        );
        assert!(quoted(&value).chars().all(|c| !c.is_control()));
    }
}
