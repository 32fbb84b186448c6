//! What Rust's test programs print.

use portolan_testbed::Capability;

use super::report::Counts;

/// A test that is not run without being asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ignored {
    pub(super) name: String,
    /// What stands in `#[ignore = "…"]`; empty when nothing does.
    pub(super) reason: String,
}

/// The sum of all result lines, ignored tests left out; `None` when there is no such line because the program died.
pub(super) fn counts(output: &str) -> Option<Counts> {
    let mut sum = None;
    for line in output.lines().filter_map(|line| line.trim_start().strip_prefix("test result: ")) {
        let number = |what: &str| -> u64 {
            let words: Vec<&str> = line.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
            words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
        };
        let sum = sum.get_or_insert(Counts::default());
        sum.passed += number("passed");
        sum.failed += number("failed");
    }
    sum
}

/// The tests that were not run, with their reasons.
pub(super) fn ignored(output: &str) -> Vec<Ignored> {
    let test = |line: &str| {
        let (name, verdict) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
        let reason = verdict.strip_prefix(", ").unwrap_or("");
        Some(Ignored { name: name.to_owned(), reason: reason.to_owned() })
    };
    output.lines().filter_map(test).collect()
}

/// Reads "needs root, eBPF and a desktop". `None` for words that nobody knows: such a test would never run.
pub(super) fn needs(reason: &str) -> Option<Vec<Capability>> {
    let words = reason.strip_prefix("needs ")?;
    let known = |word: &str| Capability::ALL.into_iter().find(|capability| capability.words() == word);
    words.split(", ").flat_map(|part| part.split(" and ")).map(|word| known(word.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_and_ignored_tests_are_named() {
        let output = "\nrunning 3 tests\ntest a ... ok\ntest b::c ... ignored, needs root and eBPF\ntest d ... ignored\n\n\
            test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(counts(output), Some(Counts { passed: 3, failed: 3, skipped: 0 }));
        assert_eq!(counts("thread panicked"), None);
        let test = |name: &str, reason: &str| Ignored { name: name.to_owned(), reason: reason.to_owned() };
        assert_eq!(ignored(output), [test("b::c", "needs root and eBPF"), test("d", "")]);
    }

    #[test]
    fn needs_are_read_or_refused() {
        assert_eq!(needs("needs root"), Some(vec![Capability::Root]));
        assert_eq!(
            needs("needs root, eBPF and a desktop"),
            Some(vec![Capability::Root, Capability::Ebpf, Capability::Desktop])
        );
        assert_eq!(needs("needs luck"), None);
        assert_eq!(needs("slow"), None);
        assert_eq!(needs(""), None);
    }
}
