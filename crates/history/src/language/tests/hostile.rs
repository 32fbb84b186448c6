use std::time::{Duration, Instant};

use fastrand::Rng;

use super::*;

/// What texts are made of, so that many are read far.
const PIECES: &[&str] = &[
    "app:",
    "port",
    "domain:*.",
    "since:",
    "until:",
    "on:",
    "tx",
    ">",
    "<",
    "=",
    "!",
    "-",
    "(",
    ")",
    "|",
    ",",
    "\"",
    "\\",
    "\\x",
    "\\u{",
    "}",
    " or ",
    " and ",
    " not ",
    " ",
    "*",
    "?",
    ":",
    "80",
    "10MB",
    "7d",
    "2026-03-01",
    "10.0.0.0/8",
    "2001:db8::1",
    "example.org",
    "\u{0}",
    "\x1b",
    "日",
    "\u{301}",
    "İ",
    "\u{10ffff}",
    "\n",
    "state:",
    "user:",
    "hash:",
    "1.",
    "99999999999999999999",
];

fn text(random: &mut Rng) -> String {
    (0..random.usize(..24)).map(|_| PIECES[random.usize(..PIECES.len())]).collect()
}

#[test]
fn no_text_makes_it_panic_and_what_is_read_is_written_so() {
    let mut random = Rng::with_seed(8);
    let now = now();
    let mut read = 0;
    for _ in 0..30_000 {
        let text = text(&mut random);
        let length = text.chars().count();
        match parse(&text, &now) {
            Ok(query) => {
                read += 1;
                assert_eq!(parse(&query.to_string(), &now), Ok(query), "{text:?}");
            }
            Err(problem) => {
                assert!((1..=length + 1).contains(&problem.column), "{text:?}: {problem:?}");
                assert!(
                    problem.length >= 1 && problem.column - 1 + problem.length <= length.max(problem.column),
                    "{text:?}: {problem:?}"
                );
                let shown = format!("{problem}{}", problem.drawn(&text).replacen('\n', "", 1));
                assert!(!shown.contains(|c: char| c.is_control()), "{text:?}: {shown:?}");
            }
        }
        let cursor = random.usize(..length + 3);
        let completion = complete(&text, cursor);
        assert!(
            completion.replace.start <= completion.replace.end && completion.replace.end <= length,
            "{text:?} {cursor}: {completion:?}"
        );
    }
    assert!(read > 1500, "only {read} were queries");
}

#[test]
fn a_long_text_costs_no_more_than_its_length() {
    let now = now();
    let longest = |piece: &str| piece.repeat(MAX_CHARACTERS / piece.chars().count());
    for piece in [
        "(",
        ")",
        "\"",
        "!",
        "-",
        "a ",
        "\\",
        "\\u{",
        "a|",
        "not ",
        "*a",
        ",",
        "port:",
        "1",
        "(a ",
        "\u{10ffff}",
    ] {
        for text in [
            longest(piece),
            format!("port:{}", longest(piece)),
            format!("app:{}", longest(piece)),
            piece.repeat(1 << 20),
        ] {
            let started = Instant::now();
            if let Err(problem) = parse(&text, &now) {
                let _ = problem.drawn(&text);
            }
            let _ = complete(&text, text.len());
            assert!(started.elapsed() < Duration::from_secs(1), "{piece:?} took {:?}", started.elapsed());
        }
    }
}
