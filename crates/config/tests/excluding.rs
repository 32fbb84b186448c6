//! What exclusions cover.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as expected"
)]

use std::{net::IpAddr, path::PathBuf};

use portolan_config::{Source, Traffic, read};
use portolan_core::{Domain, Sha256Digest};

const HASH: Sha256Digest = Sha256Digest([7; 32]);

/// Whether a line of `[exclusions]` covers the traffic.
fn covers(line: &str, traffic: &Traffic<'_>) -> bool {
    let text = format!("[exclusions]\n{line}\n");
    let loaded =
        read(&[Source { path: PathBuf::from("test"), text }]).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.config.exclusions.cover(traffic, |address| !address.to_string().starts_with("10."))
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn each_kind_covers_what_it_says_and_nothing_unknown() {
    let domain: Domain = "www.example.org".parse().unwrap();
    let traffic = Traffic {
        application: Some("deb:curl:/usr/bin/curl"),
        files: [Some(("/usr/bin/curl", Some(HASH))), None],
        container: Some("lxc:build-1"),
        uid: 1001,
        local: address("10.1.2.3"),
        remote: address("192.0.2.7"),
        service_port: Some(6885),
        domain: Some(&domain),
    };
    let unknown = Traffic {
        application: None,
        files: [None, None],
        container: None,
        uid: 0,
        local: None,
        remote: None,
        service_port: None,
        domain: None,
    };
    let hash = format!("executables = [\"{HASH}\"]");
    for (line, expected) in [
        ("applications = [\"deb:curl:/usr/bin/curl\"]", true),
        ("applications = [\"deb:curl:*\"]", true),
        ("applications = [\"/usr/bin/*\"]", true),
        ("applications = [\"*/curl\"]", true),
        ("applications = [\"Curl\"]", true),
        ("applications = [\"cur\"]", false),
        ("applications = [\"deb\"]", false),
        ("applications = [\"/usr/bin/cur\"]", false),
        ("applications = [\"/usr/*/bin/*url\"]", false),
        (hash.as_str(), true),
        ("networks = [\"192.0.2.0/24\"]", true),
        ("networks = [\"10.0.0.0/8\"]", false),
        ("networks = [{ network = \"10.0.0.0/8\", side = \"local\" }]", true),
        ("networks = [{ network = \"10.0.0.0/8\", side = \"either\" }]", true),
        ("networks = [{ network = \"10.0.0.0/8\", side = \"both\" }]", false),
        ("networks = [\"192.0.2.7\"]", true),
        ("networks = [\"192.0.2.6\", \"2001:db8::/32\"]", false),
        ("between_local = true", false),
        ("ports = [\"6881-6889\"]", true),
        ("ports = [53]", false),
        ("domains = [\"*.example.org\"]", true),
        ("domains = [\"example.org\", \"*.ample.org\"]", false),
        ("users = [\"1000-1999\"]", true),
        ("containers = [\"lxc:*\"]", true),
        ("containers = [\"build-1\"]", true),
        ("containers = [\"lxc\"]", false),
        ("containers = [\"docker:*\"]", false),
    ] {
        assert_eq!(covers(line, &traffic), expected, "{line}");
        assert!(!covers(line, &unknown), "{line}");
    }
    assert!(covers("between_local = true", &Traffic { remote: address("10.9.9.9"), ..traffic }));
    assert!(!covers("between_local = true", &Traffic { remote: None, ..traffic }));
    let root: Domain = "example.org".parse().unwrap();
    assert!(covers("domains = [\"*.example.org\"]", &Traffic { domain: Some(&root), ..unknown }));
    let script = Traffic { files: [None, Some(("/opt/b/run", Some(HASH)))], ..unknown };
    assert!(covers("applications = [\"/opt/*\"]", &script) && covers(&hash, &script));
}

#[test]
fn what_would_be_everything_or_nothing_is_refused() {
    for line in [
        "applications = [\"*\"]",
        "containers = [\"\"]",
        "networks = [\"0.0.0.0/0\"]",
        "networks = [\"10.0.0.1/8\"]",
        "networks = [\"10.0.0.0/33\"]",
        "networks = [\"10.0.0.0/-1\"]",
        "networks = [{ side = \"local\" }]",
        "networks = [{ network = \"10.0.0.0/8\", side = \"left\" }]",
        "networks = [{ network = \"10.0.0.0/8\", sides = \"local\" }]",
        "networks = [5]",
        "ports = [70000]",
        "ports = [-1]",
        "ports = [\"9-1\"]",
        "ports = [\"-\"]",
        "users = [4294967296]",
        "domains = [\"*\"]",
        "domains = [\"192.0.2.1\"]",
        "domains = \"example.org\"",
        "executables = [\"abc\"]",
    ] {
        let text = format!("[exclusions]\n{line}\n");
        let problems = read(&[Source { path: PathBuf::from("test"), text }]).expect_err(line);
        assert_eq!((problems.0[0].line, problems.0.len()), (2, 1), "{problems}");
    }
}
