//! Names, places and services in answers.

use portolan_bus::QueryResult;
use serde_json::json;

use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{is_harmless, run},
    samples::{self, HOSTILE},
};

#[tokio::test]
async fn what_is_inferred_or_assumed_or_nowhere_is_marked() {
    let bus = Bus::start(Policy::Everybody).await;
    let row = |keys: &[(&str, &str)], bytes| samples::query_row(keys, bytes, 0);
    let query = samples::result(vec![
        row(
            &[
                ("domain", "example.org"),
                ("name_source", "tls"),
                ("country", "DE"),
                ("asn", "64496"),
                ("asn_name", HOSTILE),
                ("service", "tls"),
                ("recognised", "true"),
            ],
            5,
        ),
        row(
            &[
                ("domain", "cdn.example"),
                ("name_source", "dns"),
                ("inferred", "true"),
                ("range", "private"),
                ("service", "https"),
                ("recognised", "false"),
            ],
            4,
        ),
        row(&[("service", "udp/12345"), ("recognised", "false")], 3),
        row(&[("service", "EtherNet/IP-1"), ("recognised", "false")], 2),
    ]);
    let query = QueryResult { places: vec![samples::places()], ..query };
    let peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    let words = ["country:de", "domain:*.example", "remote_port:-"];
    let asked = [&["query", "--by", "domain,asn,service"][..], &words].concat();
    let ended = run(&bus.address, &asked).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(is_harmless(&ended.stdout), "{:?}", ended.stdout);
    let lines: Vec<Vec<&str>> = ended.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..4], ["DOMAIN", "AS", "NETWORK", "SERVICE"]);
    assert_eq!(lines[1][..2], ["example.org", "64496"]);
    assert_eq!(lines[2][..4], ["~cdn.example", "-", "(private)", "https?"]);
    assert_eq!(lines[3][..4], ["-", "-", "-", "udp/12345"]);
    assert_eq!(lines[4][3], "EtherNet/IP-1?");
    assert!(
        ended.stdout.ends_with(" CC BY-SA 4.0\n") && ended.stdout.contains("Places: libloc of 2026-01-01")
    );
    assert!(ended.stdout.contains("~ before a name") && ended.stdout.contains("? after a service"));
    assert_eq!(peer.answers().asked[0].query, "country:de domain:*.example remote_port:-");

    let by_country = run(&bus.address, &["query", "--by", "country"]).await.stdout;
    let mut countries = by_country.lines().skip(1).map(|line| line.split_whitespace().next());
    assert_eq!((countries.next(), countries.next()), (Some(Some("DE")), Some(Some("(private)"))));
    let ended = run(&bus.address, &["query", "--json", "--by", "domain,asn,service"]).await;
    assert_eq!(ended.json()["places"][0]["attribution"], json!("CC BY-SA 4.0"));
    let rows = &ended.json()["rows"];
    assert_eq!(rows[1]["inferred"], json!(true));
    assert_eq!((&rows[0]["asn"], &rows[0]["asn_name"]), (&json!(64_496), &json!(HOSTILE)));
    assert_eq!((&rows[0]["recognised"], &rows[1]["recognised"]), (&json!(true), &json!(false)));
    assert_eq!((&rows[1]["range"], &rows[2]["domain"]), (&json!("private"), &json!(null)));
    let ended = run(&bus.address, &["query", "--json", "--by", "country,asn,range"]).await;
    assert_eq!(ended.stdout.matches("\"range\"").count(), 5, "once in each row, and in `by`");
}

#[tokio::test]
async fn the_registrable_part_of_an_inferred_name_is_marked_as_well() {
    let bus = Bus::start(Policy::Everybody).await;
    let sure = ("registrable_domain", "example.org");
    let row = |keys: &[(&str, &str)]| samples::query_row(keys, 1, 2);
    let query = samples::result(vec![row(&[sure]), row(&[sure, ("inferred", "true")])]);
    let _peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    let ended = run(&bus.address, &["query", "--by", "registrable_domain"]).await;
    let first = |line: &str| ended.stdout.lines().any(|shown| shown.split_whitespace().next() == Some(line));
    assert!(first("example.org") && first("~example.org"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("Places:"));
    let ended = run(&bus.address, &["query", "--json", "--by", "registrable_domain"]).await;
    let shown = &ended.json()["rows"];
    assert_eq!((&shown[0]["inferred"], &shown[1]["inferred"]), (&json!(null), &json!(true)));
}

#[tokio::test]
async fn conditions_that_mean_nothing_are_refused_before_the_daemon_is_asked() {
    let bus = Bus::start(Policy::Everybody).await;
    for wrong in ["country:Germany", "colour:red", "port:http", "user:nobody-here"] {
        let ended = run(&bus.address, &["query", wrong]).await;
        assert_eq!(ended.code, Some(2), "{wrong}: {}", ended.stderr);
    }
    for wrong in [&["lookup"][..], &["lookup", "example.org"], &["lookup", "192.0.2.0/24"]] {
        assert_eq!(run(&bus.address, wrong).await.code, Some(2), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_look_up_says_who_knows_an_address_by_which_name() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let ended = run(&bus.address, &["lookup", "2002:C000:201::1", "127.0.0.1"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(is_harmless(&ended.stdout), "{:?}", ended.stdout);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "2002:c000:201::1");
    assert!(
        lines[1].starts_with("  6to4, with 192.0.2.1 inside, Berlin, Germany (DE), AS64496 /tmp/a\\u{1b}")
    );
    assert!(lines[1].ends_with("52.50 13.40"), "{}", lines[1]);
    assert!(
        lines[2].starts_with("  example.org, said in TLS, by ")
            && lines[2].contains("as user root: in 1.50 MB")
    );
    assert!(lines[3].starts_with("  ~cdn.example, from a DNS answer to a local resolver, by "));
    assert!(lines[4].starts_with("  no name seen, by "));
    assert_eq!(lines[5], "  spoken with it: tls, https (by its port), udp/12345");
    assert_eq!(lines[6..9], ["127.0.0.1", "  loopback", "  nothing was seen to talk with it"]);
    assert!(ended.stdout.contains("your own traffic only") && ended.stdout.contains("libloc of 2026-01-01"));
    assert!(ended.stdout.contains("CC BY-SA 4.0") && !ended.stdout.contains("reverse"));
    assert_eq!(peer.answers().looked_up, ["2002:c000:201::1", "127.0.0.1"]);

    let ended = run(&bus.address, &["lookup", "--json", "127.0.0.1"]).await;
    let shown = ended.json();
    assert_eq!(shown["addresses"][0]["names"][1]["domain"], json!("cdn.example"));
    assert_eq!(shown["addresses"][1].get("reverse"), None);
    assert_eq!((&shown["access"], &shown["places"][0]["name"]), (&json!("own"), &json!("libloc")));
}

#[tokio::test]
async fn the_resolver_is_asked_only_when_told_to() {
    let bus = Bus::start(Policy::Everybody).await;
    let mut lookup = samples::lookup();
    // In /etc/hosts of every machine, so that nothing is sent for it.
    lookup.addresses.remove(0);
    let _peer = Peer::start(&bus.address, Answers { lookup, ..Answers::default() }).await;
    let ended = run(&bus.address, &["lookup", "--reverse", "127.0.0.1"]).await;
    assert!(ended.stdout.contains("reverse, asked now: localhost"), "{}", ended.stdout);
    let ended = run(&bus.address, &["lookup", "--reverse", "--json", "127.0.0.1"]).await;
    assert_eq!(ended.json()["addresses"][0]["reverse"], json!("localhost"));
}
