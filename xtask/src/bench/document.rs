//! The place of a table in `docs/benchmarks.md`.

use anyhow::Context as _;

/// Puts `tables` between `<!-- WORD -->` and `<!-- /WORD -->`.
///
/// # Errors
/// The page has no such place.
pub(super) fn replace(page: &str, word: &str, tables: &str) -> anyhow::Result<String> {
    let (from, to) = (format!("<!-- {word} -->\n"), format!("<!-- /{word} -->"));
    let split = || {
        let (head, rest) = page.split_once(&from)?;
        let (_, tail) = rest.split_once(&to)?;
        Some(format!("{head}{from}{tables}\n{to}{tail}"))
    };
    split().with_context(|| {
        format!("docs/benchmarks.md has no place for {word}: a line {}and a line {to}", from.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::ValueEnum as _;

    use super::*;
    use crate::bench::Bench;

    #[test]
    fn the_tables_of_one_bench_are_replaced() {
        let page = "a\n<!-- x -->\nold\n<!-- /x -->\nb <!-- y -->\n<!-- /y -->\n";
        let expected = "a\n<!-- x -->\nnew\n<!-- /x -->\nb <!-- y -->\n<!-- /y -->\n";
        assert_eq!(replace(page, "x", "new").unwrap(), expected);
        assert!(replace(page, "z", "new").is_err());
    }

    #[test]
    fn the_page_has_a_place_for_every_bench() {
        let page = fs::read_to_string(portolan_testbed::source_path("docs/benchmarks.md")).unwrap();
        for bench in Bench::value_variants() {
            replace(&page, &bench.word(), "").unwrap();
        }
    }
}
