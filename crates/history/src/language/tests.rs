use jiff::{Zoned, civil::date, tz::TimeZone};
use portolan_core::{Dimension, Uid};

use super::{words::Subject, *};

mod completion;
mod hostile;
mod manual;
mod problems;
mod round;

/// A Sunday, 15:05:09 in winter time.
fn now() -> Zoned {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    date(2026, 3, 1).at(15, 5, 9, 0).to_zoned(zone).unwrap()
}

fn read(text: &str) -> Query {
    parse(text, &now()).unwrap_or_else(|problem| panic!("{}\n{problem}", problem.drawn(text)))
}

/// The canonical text.
fn canonical(text: &str) -> String {
    read(text).to_string()
}

fn has(field: Field, wanted: Wanted) -> Filter {
    Filter::Has(Condition { field, wanted })
}

fn like(field: Field, parts: &[&str]) -> Filter {
    has(field, Wanted::Like(Pattern::new(parts)))
}

const APP: Field = Field::Of(Dimension::Application);
const PORT: Field = Field::Of(Dimension::Port);

#[test]
fn the_example_of_the_issue_is_read() {
    let query = read(
        "app:firefox domain:*.example.org country:DE port:443 parent:bash user:1000 state:unreviewed tx>10MB \
         since:7d !container:* \"free text\"",
    );
    let expected = vec![
        like(APP, &["firefox"]),
        has(Field::Of(Dimension::Domain), Wanted::Below("example.org".parse().unwrap())),
        like(Field::Of(Dimension::Country), &["de"]),
        has(PORT, Wanted::Number(443..=443)),
        like(Field::Of(Dimension::Parent), &["bash"]),
        has(Field::Of(Dimension::User), Wanted::Number(1000..=1000)),
        like(Field::State, &["unreviewed"]),
        Filter::but(has(Field::Of(Dimension::Container), Wanted::Known)),
        like(Field::Text, &["", "free text", ""]),
    ];
    assert_eq!(query.filter, Filter::Every(expected));
    assert_eq!(query.totals, [Total { measure: Measure::Tx, range: 10_000_001..=u64::MAX }]);
    assert_eq!(query.since, Some(UnixMillis(now().timestamp().as_millisecond() - 7 * 86_400_000)));
    assert_eq!(query.until, None);
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    let [a, b, c] = ["a", "b", "c"].map(|word| like(Field::Text, &["", word, ""]));
    let every = |filters: &[&Filter]| Filter::Every(filters.iter().copied().cloned().collect());
    let any = |filters: &[&Filter]| Filter::Any(filters.iter().copied().cloned().collect());
    let not = |filter: &Filter| Filter::Not(Box::new(filter.clone()));
    for (text, filter) in [
        ("", every(&[])),
        ("*", every(&[])),
        ("!*", any(&[])),
        ("a", a.clone()),
        ("a b c", every(&[&a, &b, &c])),
        ("a and b AND c", every(&[&a, &b, &c])),
        ("a b or c", any(&[&every(&[&a, &b]), &c])),
        ("a | b|c", any(&[&a, &b, &c])),
        ("a (b or c)", every(&[&a, &any(&[&b, &c])])),
        ("not a b", every(&[&not(&a), &b])),
        ("!a -b", every(&[&not(&a), &not(&b)])),
        ("!(a b) or not (b | c)", any(&[&not(&every(&[&a, &b])), &not(&any(&[&b, &c]))])),
        ("not not a", a.clone()),
        ("((a)(b))", every(&[&a, &b])),
        ("text:a,b", any(&[&a, &b])),
    ] {
        assert_eq!(read(text).filter, filter, "{text}");
    }
}

#[test]
fn values_are_read_as_their_fields_have_them() {
    for (text, expected) in [
        ("PORT:443", "port:443"),
        ("port=443", "port:443"),
        ("port!=443", "!port:443"),
        ("port:80,443", "port:80,443"),
        ("port!=80,443", "!port:80,443"),
        ("port:80 or port:443", "port:80,443"),
        ("port:8000-8999", "port:8000-8999"),
        ("port>=1024", "port>=1024"),
        ("port:>1023", "port>=1024"),
        ("any-port<1024", "any_port<=1023"),
        ("remote_port:-", "remote_port:-"),
        ("local-port:?", "local_port:-"),
        ("user:root", "user:0"),
        ("uid:1000-1999,0", "user:1000-1999,0"),
        ("as:as64496", "asn:AS64496"),
        ("asn:64496", "asn:AS64496"),
        ("netns:4026531840", "namespace:4026531840"),
        ("ip:10.1.2.3/8", "remote:10.0.0.0/8"),
        ("remote:2001:db8::1/32", "remote:2001:db8::/32"),
        ("remote:[2001:DB8::1]", "remote:2001:db8::1"),
        ("remote:::ffff:192.0.2.1", "remote:192.0.2.1"),
        ("remote:::ffff:10.0.0.0/104", "remote:10.0.0.0/8"),
        ("local:0.0.0.0/0", "local:0.0.0.0/0"),
        ("host:WWW.Example.ORG.", "domain:www.example.org"),
        ("domain:*.Example.org", "domain:*.example.org"),
        ("domain:*tracker*", "domain:*tracker*"),
        ("registrable-domain:example.org", "site:example.org"),
        ("country:de,fr", "country:DE,FR"),
        ("direction:in", "direction:inbound"),
        ("direction:OUT", "direction:outbound"),
        ("proto:ip-47", "protocol:ip-47"),
        ("proto:IP-255,ip-58,ip-6", "protocol:ip-255,icmp,tcp"),
        ("uid>=1000", "user>=1000"),
        ("range:link_local", "range:link-local"),
        ("owner:process-gone", "owner:process-gone"),
        ("hash:DEADBEEF", "sha256:deadbeef*"),
        ("service:https", "service:https"),
        ("container:docker:web", "container:docker:web"),
        ("container:-", "container:-"),
        ("container:\"-\"", "container:\"-\""),
        ("container:*", "container:*"),
        ("container:\\*", "container:\"*\""),
        ("exe:\"/opt/My App/\"*", "exe:\"/opt/my app/\"*"),
        ("exe:/opt/My\\ App", "exe:\"/opt/my app\""),
        ("unit:dev-disk\\x2dby.device", "unit:\"dev-disk\\\\x2dby.device\""),
        ("exe:/tmp/\\xff\\x1b\\u{202e}", "exe:\"/tmp/\\\\xff\\u{1b}\\u{202e}\""),
        ("cmd:\"say \\\"a\\\\b\\\"\"", "command:\"say \\\"a\\\\b\\\"\""),
        ("text:or", "text:or"),
        ("\"or\"", "text:or"),
        ("\"-x\"", "text:-x"),
        ("fire*fox", "fire*fox"),
        ("2001:db8::1", "text:2001:db8::1"),
        ("fe80::1", "text:fe80::1"),
        ("a b or c", "a b or c"),
        ("(a or b) c", "text:a,b c"),
        ("(a or app:b) c", "(a or app:b) c"),
        ("!(a b)", "!(a b)"),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
        assert_eq!(canonical(expected), expected, "{text}");
    }
}

#[test]
fn no_protocol_and_no_user_has_a_number_that_is_too_large() {
    for text in ["proto:ip-256", "proto:ip-999", "proto:ip-262", "proto:ip--1", "user:4294967295"] {
        assert!(parse(text, &now()).is_err(), "{text}");
    }
    let Filter::Has(users) = read("uid>=1000").filter else { panic!() };
    assert!(users.fits_number(Some(4_294_967_294)) && !users.fits_number(Some(Uid::UNKNOWN.0.into())));
}

#[test]
fn amounts_are_written_with_the_unit_that_is_theirs() {
    for (text, range, expected) in [
        ("tx>10MB", 10_000_001..=u64::MAX, "tx>10MB"),
        ("sent>=10mb", 10_000_000..=u64::MAX, "tx>=10MB"),
        ("rx<1.5GiB", 0..=1_610_612_735, "rx<1536MiB"),
        ("rx<=20k", 0..=20_000, "rx<=20kB"),
        ("bytes=0", 0..=0, "bytes=0"),
        ("bytes:1KiB-2KiB", 1024..=2048, "bytes:1KiB-2KiB"),
        ("flows>1000", 1001..=u64::MAX, "flows>1000"),
        ("bytes>\"10 MB\"", 10_000_001..=u64::MAX, "bytes>10MB"),
        ("bytes>=18446744073709551615", u64::MAX..=u64::MAX, "bytes=18446744073709551615"),
    ] {
        let query = read(text);
        assert_eq!(
            query.totals.iter().map(|total| total.range.clone()).collect::<Vec<_>>(),
            [range],
            "{text}"
        );
        assert_eq!(query.to_string(), expected, "{text}");
    }
}

#[test]
fn times_are_of_the_zone_of_now_and_the_narrowest_counts() {
    for (text, expected) in [
        ("since:today", "since:2026-02-28T23:00:00Z"),
        ("since:2h30m", "since:2026-03-01T11:35:09Z"),
        ("since:2026-02-01T12:00", "since:2026-02-01T11:00:00Z"),
        ("since:\"2026-07-01 12:00\"", "since:2026-07-01T10:00:00Z"),
        ("until:2026-02-01T12:00:00.25Z", "until:2026-02-01T12:00:00.25Z"),
        ("on:yesterday", "since:2026-02-27T23:00:00Z until:2026-02-28T23:00:00Z"),
        // 23 hours.
        ("on:2026-03-29", "since:2026-03-28T23:00:00Z until:2026-03-29T22:00:00Z"),
        (
            "since:2026-02-03 since:2026-02-01 until:2026-02-05 until:2026-02-09",
            "since:2026-02-02T23:00:00Z until:2026-02-04T23:00:00Z",
        ),
        ("a since:@0", "a since:1970-01-01T00:00:00Z"),
        ("(a or app:b) since:@0", "(a or app:b) since:1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
}

#[test]
fn every_word_is_read_as_its_subject() {
    for (subject, word) in words::all() {
        assert_eq!(words::subject(&word.to_uppercase().replace('_', "-")), Some(subject), "{word}");
    }
    for dimension in Dimension::ALL.into_iter().filter(|dimension| *dimension != Dimension::Time) {
        assert_eq!(words::subject(dimension.as_str()), Some(Subject::Field(Field::Of(dimension))));
    }
}

#[test]
fn a_pattern_fits_what_has_its_parts_in_order() {
    let fits = |parts: &[&str], text: &str| Pattern::new(parts).fits(text);
    assert!(fits(&["ΟΔΟΣ"], "ΟΔΟΣ") && fits(&["ΟΔΟΣ", ""], "οδοσ!"));
    assert!(fits(&["Ärger"], "äRGER") && !fits(&["a"], "ab"));
    assert!(
        fits(&["a", ""], "ab")
            && fits(&["", "b"], "ab")
            && fits(&["a", "b"], "ab")
            && !fits(&["ab", "ab"], "ab")
    );
    assert!(fits(&["", "b", "d", ""], "abcde") && !fits(&["", "d", "b", ""], "abcde"));
    assert!(!fits(&["a", "b", "b"], "ab") && fits(&["a", "b", "b"], "abb"));
}

#[test]
fn a_condition_fits_what_its_field_calls_so() {
    let fits = |text: &str, value: Option<&str>| match read(text).filter {
        Filter::Has(condition) => condition.fits_text(value),
        other => panic!("{other:?}"),
    };
    let key = Some("deb:firefox-esr:/usr/lib/firefox/firefox");
    for name in ["firefox", "firefox-esr", "fire*", "/usr/lib/firefox/firefox", "deb:*"] {
        assert!(fits(&format!("app:{name}"), key), "{name}");
    }
    assert!(!fits("app:lib", key) && !fits("app:fire", key) && !fits("app:-", key) && fits("app:-", None));
    let script = Some("script:/usr/bin/python3:/home/me/x.py");
    assert!(fits("app:x.py", script) && fits("app:/home/me/*", script) && !fits("app:python3", script));
    assert!(fits("app:firefox", Some("flatpak:org.mozilla.firefox")) && !fits("app:org", key));
    assert!(fits("parent:bash", Some("/usr/bin/bash")) && !fits("cmd:bash", Some("/usr/bin/bash")));
    assert!(
        fits("unit:cron", Some("cron.service")) && fits("unit:a.scope", Some("user@1000.service/a.scope"))
    );
    assert!(
        fits("container:web", Some("docker:web"))
            && fits("container:*", Some("x"))
            && !fits("container:*", None)
    );
    assert!(
        fits("domain:*.example.org", Some("example.org"))
            && fits("domain:*.example.org", Some("a.example.org"))
    );
    assert!(
        !fits("domain:*.example.org", Some("badexample.org"))
            && !fits("domain:example.org", Some("a.example.org"))
    );
    let is_in = |text: &str, address: &str| match read(text).filter {
        Filter::Has(condition) => condition.fits_address(Some(address.parse().unwrap())),
        other => panic!("{other:?}"),
    };
    assert!(is_in("remote:10.0.0.0/8", "10.255.0.1") && !is_in("remote:10.0.0.0/8", "11.0.0.1"));
    assert!(is_in("remote:::/0", "2001:db8::1") && !is_in("remote:::/0", "10.0.0.1"));
    assert!(is_in("remote:0.0.0.0/0", "::ffff:10.0.0.1") && is_in("remote:2001:db8::/33", "2001:db8:7fff::"));
}
