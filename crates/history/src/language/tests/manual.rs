//! `docs/query.md` says what is so.

use super::*;

const MANUAL: &str = include_str!("../../../../../docs/query.md");

/// What stands in the blocks of this kind, line by line.
fn lines(kind: &str) -> Vec<&'static str> {
    let fence = format!("```{kind}\n");
    let blocks = MANUAL.split(fence.as_str()).skip(1);
    blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines()).collect()
}

#[test]
fn every_example_is_a_query() {
    let examples = lines("query");
    assert!(examples.len() > 20, "{examples:?}");
    for example in examples {
        let text = example.split("  # ").next().unwrap();
        assert_eq!(read(&canonical(text)), read(text), "{text}");
    }
}

#[test]
fn every_problem_is_drawn_as_it_stands_there() {
    let shown = lines("problem");
    let [text, carets, message] = shown.as_slice() else { panic!("{shown:?}") };
    let problem = parse(text, &now()).unwrap_err();
    assert_eq!(problem.drawn(text), format!("{text}\n{carets}"));
    assert_eq!(problem.to_string(), *message);
}

#[test]
fn every_word_is_in_the_tables() {
    let cells: Vec<&str> = MANUAL.lines().filter(|line| line.starts_with("| `")).collect();
    let listed =
        |word: &str| cells.iter().any(|line| line.split('|').nth(1).unwrap().contains(&format!("`{word}`")));
    for (_, word) in words::all() {
        assert!(listed(word), "{word} is missing");
    }
    let words = cells.iter().flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    for word in words {
        assert!(words::subject(word).is_some(), "{word} is none");
    }
    for field in words::names().filter_map(|(subject, _)| match subject {
        Subject::Field(field) => Some(field),
        _ => None,
    }) {
        let line = cells.iter().find(|line| line.starts_with(&format!("| `{}`", field.as_str()))).unwrap();
        assert!(field.words().iter().all(|word| line.contains(&format!("`{word}`"))), "{line}");
    }
}

#[test]
fn the_limits_are_those() {
    for limit in [MAX_CHARACTERS, MAX_TERMS, MAX_DEPTH] {
        assert!(MANUAL.contains(&limit.to_string()), "{limit}");
    }
}
