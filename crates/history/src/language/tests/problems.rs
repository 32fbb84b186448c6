use super::*;

fn problem(text: &str) -> Problem {
    match parse(text, &now()) {
        Err(problem) => problem,
        Ok(query) => panic!("{text} is read as {query}"),
    }
}

#[test]
fn problems_say_where_they_are_and_what_to_do() {
    for (text, marked, says) in [
        (
            "domian:example.org",
            "domian",
            "“domian” is no field; put the word in quotes to find it as text; did you mean “domain”?",
        ),
        ("a contry:DE", "contry", "did you mean “country”?"),
        ("https://example.org", "https", "put the word in quotes"),
        ("time:7d", "time", "did you mean “since”?"),
        (
            "state:unreviwed",
            "unreviwed",
            "expected unreviewed, approved, ignored; did you mean “unreviewed”?",
        ),
        ("direction:outbond", "outbond", "did you mean “outbound”?"),
        ("country:Germany", "Germany", "expected two letters such as DE"),
        ("port:80,htps", "htps", "service:https"),
        ("port:65536", "65536", "from 0 to 65535"),
        ("port>65535", "65535", "they go from 0 to 65535"),
        ("port<0", "0", "they go from 0"),
        ("port:90-80", "90-80", "did you mean “80-90”?"),
        ("user:alice", "alice", "`id -u NAME`"),
        ("asn:AS", "AS", "AS64496"),
        ("remote:example.org", "example.org", "domain:example.org"),
        ("remote:10.0.0.0/33", "10.0.0.0/33", "a network such as 10.0.0.0/8"),
        ("remote:10.0.0.0/+8", "10.0.0.0/+8", "a network such as 10.0.0.0/8"),
        ("domain:\"a b\"", "a b", "*.example.org for all below it"),
        ("hash:xyz", "xyz", "hexadecimal"),
        ("app:", "app:", "a value of app is missing"),
        ("app: firefox", "app:", "directly behind the sign"),
        ("port:80,", "80,", "a value of port is missing"),
        ("app>3", "3", "app is no number"),
        ("tx>10MX", "10MX", "an amount such as 10MB"),
        ("tx>0.5", "0.5", "an amount such as 10MB"),
        ("flows>10MB", "10MB", "a number such as 100"),
        ("tx<0", "0", "no sum is that"),
        ("tx!=5", "5", "no sum is that"),
        ("tx:5-4", "5-4", "no sum is that"),
        ("tx>99999999999999999999", "99999999999999999999", "an amount"),
        ("a or tx>1", "tx>1", "this is about the whole query; put parentheses"),
        ("tx>1 or a", "tx>1", "this is about the whole query; put parentheses"),
        ("(since:7d)", "since:7d", "cannot stand in parentheses"),
        ("!since:7d", "since:7d", "behind “not”"),
        ("since>7d", "since>7d", "since:2026-03-01"),
        ("since:yestreday", "yestreday", "did you mean “yesterday”?"),
        ("on:7d", "7d", "a date such as 2026-03-01"),
        ("on:2026-03-01T12:00", "2026-03-01T12:00", "a date such as 2026-03-01"),
        ("(a", "(", "not closed"),
        ("a (", "(", "not closed"),
        ("a)", ")", "no parenthesis is open"),
        (")", ")", "no parenthesis is open"),
        ("()", ")", "nothing stands in these parentheses"),
        ("(a or )", "or", "nothing stands behind this “or”"),
        ("a or", "or", "nothing stands behind this “or”"),
        ("a | | b", "|", "nothing stands behind this “or”"),
        ("or a", "or", "nothing stands before"),
        ("and a", "and", "nothing stands before"),
        ("a and", "and", "nothing stands behind this “and”"),
        ("a and or b", "and", "nothing stands behind this “and”"),
        ("a not", "not", "nothing stands behind this “not”"),
        ("a - b", "-", "directly before"),
        ("curl --insecure", "-", "put it in quotes"),
        ("a \"b", "\"", "these quotes are not closed"),
        ("\\u{110000}", "\\u{110000}", "as in \\u{1b}"),
        ("\"\"", "\"\"", "* finds everything"),
        ("app:\"\"", "app:\"\"", "a value of app is missing"),
    ] {
        let problem = problem(text);
        let at: String = text.chars().skip(problem.column - 1).take(problem.length).collect();
        assert_eq!(at, marked, "{text}: {problem}");
        assert!(problem.to_string().contains(says), "{text}: {problem}");
    }
}

#[test]
fn what_is_wrong_is_underlined() {
    let drawn = |text: &str| problem(text).drawn(text);
    assert_eq!(drawn("a domian:x b"), "a domian:x b\n  ^^^^^^");
    assert_eq!(drawn("日本 domian:x"), "日本 domian:x\n     ^^^^^^");
    assert_eq!(drawn("\"\x1b[31m\" domian:x"), "\"\\u{1b}[31m\" domian:x\n             ^^^^^^");
    // What has no width of its own is shown by its number.
    assert_eq!(drawn("e\u{301} domian:x"), "e\\u{301} domian:x\n         ^^^^^^");
    assert_eq!(drawn("(a"), "(a\n^");
    let long = format!("{}domian:x {}", "a ".repeat(50), "b ".repeat(50));
    let shown = "a ".repeat(15);
    assert_eq!(
        drawn(&long),
        format!("…{}domian:x {}…\n{}^^^^^^", &shown, "b ".repeat(14)[..27].to_owned(), " ".repeat(31))
    );
    for line in drawn(&format!("{}:x", "d".repeat(400))).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn messages_are_safe_and_short() {
    let problem = problem(&format!("port:\"\x1b[31m{}\"", "9".repeat(1000)));
    assert!(problem.message.chars().count() < 200, "{problem}");
    assert!(!problem.message.contains('\x1b'), "{problem}");
}

#[test]
fn what_is_too_much_is_refused() {
    let depth = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(canonical(&depth(MAX_DEPTH)), "a");
    let deepest = (1..=MAX_DEPTH).fold("text:a,b".to_owned(), |inner, depth| {
        if depth % 2 == 0 { format!("a ({inner})") } else { format!("app:b or ({inner} c)") }
    });
    assert_eq!(read(&canonical(&deepest)), read(&deepest));
    assert!(problem(&depth(MAX_DEPTH + 1)).message.contains("16 parentheses"));
    let terms = |terms: usize| "a ".repeat(terms);
    read(&terms(MAX_TERMS));
    assert_eq!(problem(&terms(MAX_TERMS + 1)).column, 2 * MAX_TERMS + 1);
    read(&format!("port:{}", ["80"; MAX_TERMS].join(",")));
    assert!(problem(&format!("port:{}", ["80"; MAX_TERMS + 1].join(","))).message.contains("64 terms"));
    assert!(problem(&format!("port!={}", ["80"; MAX_TERMS + 1].join(","))).message.contains("64 terms"));
    read(&"ä".repeat(MAX_CHARACTERS));
    assert_eq!(problem(&"ä".repeat(MAX_CHARACTERS + 1)).column, MAX_CHARACTERS + 1);
}
