//! Any text: what is read of it is written as it is read, and what is wrong with it can be shown.
#![no_main]

use jiff::Timestamp;
use portolan_history::language::{complete, parse};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let now = Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
    let length = text.chars().count();
    match parse(text, &now) {
        Ok(query) => {
            let canonical = query.to_string();
            match parse(&canonical, &now) {
                Ok(again) => assert_eq!(again, query),
                // Escapes can make it longer than what is read.
                Err(problem) => assert!(problem.message.contains("4096"), "{canonical}: {problem}"),
            }
        }
        Err(problem) => {
            assert!((1..=length + 1).contains(&problem.column));
            let drawn = problem.drawn(text);
            assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
    for cursor in [0, length / 2, length] {
        let replace = complete(text, cursor).replace;
        assert!(replace.start <= replace.end && replace.end <= length);
    }
});
