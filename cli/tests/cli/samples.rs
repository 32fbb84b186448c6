use std::collections::BTreeMap;

use portolan_bus::{
    Access, AddressInfo, Application, Attribution, Covered, DaemonState, Finding, FindingState, Groups,
    HistoryInfo, Hook, Ledger, LedgerState, LiveRow, LiveTick, LookupResult, NetworkLayer, NetworkLine,
    PlaceData, ProtocolBytes, Provenance, QueryResult, QueryRow, Resources, SeenName, SeenService, SelfTest,
    SelfTestPart, SelfTestState, Severity, Status, Sum,
};

/// A name that clears the screen, sets the title, breaks the line and reverses what follows.
pub(crate) const HOSTILE: &str = "/tmp/a\x1b[2J\x1b]0;x\x07\nb\u{9b}31m\u{202e}c";

/// The same as long as a path can be, with spaces that try to begin a line of their own.
pub(crate) fn long_hostile() -> String {
    format!("{HOSTILE}{}#8  approved/{}", " ".repeat(200), "日本/d".repeat(330))
}

/// All is well.
pub(crate) fn status() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        state: DaemonState::Recording,
        notes: Vec::new(),
        access: Access::All,
        started_unix_ms: 1_767_225_600_000,
        self_test: SelfTest {
            state: SelfTestState::Passed,
            detail: "moved 65536 bytes and counted 65536".to_owned(),
            checked_unix_ms: Some(1_767_225_601_000),
            parts: Vec::new(),
        },
        counting: "by the kernel's tracepoints".into(),
        hooks: vec![Hook {
            name: "sock_send_length".to_owned(),
            active: true,
            reason: "counts bytes".to_owned(),
        }],
        attribution: Attribution {
            total: 1_000_000,
            attributed: 998_000,
            kernel: 1_500,
            unattributed: BTreeMap::from([("process-gone".to_owned(), 500)]),
            excluded: 0,
            pending: 0,
        },
        ledger: Ledger {
            state: LedgerState::Balanced,
            truth: 1_200_000,
            protocols: vec![ProtocolBytes {
                protocol: "tcp".to_owned(),
                tx_bytes: 600_000,
                rx_bytes: 600_000,
            }],
            self_test: 200_000,
            difference: 0,
        },
        network: NetworkLayer {
            problem: None,
            lines: vec![
                network_line("tcp-headers", 5200, -1, true),
                network_line("udp-headers", 800, 0, true),
                network_line("retransmissions", 0, 0, true),
            ],
        },
        losses: BTreeMap::from([("ring_buffer_events".to_owned(), 0)]),
        history: HistoryInfo {
            path: "/var/lib/portolan/history.sqlite".to_owned(),
            size_bytes: Some(4096),
            first_unix_ms: None,
            problem: None,
        },
        resources: Resources {
            cpu_ms: 1234,
            pss_bytes: 14_000_000,
            sockets: 3,
            processes: 90,
            process_events: 5,
        },
        unreviewed: 2,
        learning_until_unix_ms: None,
    }
}

pub(crate) fn network_line(name: &str, tx_bytes: i64, rx_bytes: i64, estimate: bool) -> NetworkLine {
    NetworkLine { name: name.to_owned(), tx_bytes, rx_bytes, estimate }
}

/// Much is wrong.
pub(crate) fn troubled_status() -> Status {
    let mut status = status();
    status.state = DaemonState::Reduced;
    status.notes = vec![
        format!("the hook of {HOSTILE} is missing"),
        "fanotify: not permitted: short-lived programs may stay unknown".to_owned(),
    ];
    status.self_test.state = SelfTestState::Failed;
    status.hooks.push(Hook {
        name: "fanotify".to_owned(),
        active: false,
        reason: "not permitted: short-lived programs may stay unknown".to_owned(),
    });
    status.losses = BTreeMap::from([("ring_buffer_events".to_owned(), 7)]);
    status
}

pub(crate) fn result(rows: Vec<QueryRow>) -> QueryResult {
    let mut total = Sum::default();
    let groups = Groups::new(rows, None);
    (0..).map_while(|at| groups.sum(at)).for_each(|sum| total.add(&sum));
    let covered = Covered { since_unix_ms: None, until_unix_ms: None, finest: "bucket".to_owned() };
    QueryResult { groups, total, covered, places: Vec::new(), access: Access::All }
}

pub(crate) fn query_row(keys: &[(&str, &str)], tx_bytes: u64, rx_bytes: u64) -> QueryRow {
    QueryRow {
        keys: keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        tx_bytes,
        rx_bytes,
        flows: 1,
        first_unix_ms: 1_767_225_600_000,
        last_unix_ms: 1_767_225_660_000,
    }
}

/// Of an address with everything, and of one of which nothing is known.
pub(crate) fn lookup() -> LookupResult {
    let name = |domain: Option<&str>, source: &str, inferred| SeenName {
        domain: domain.map(str::to_owned),
        source: domain.map(|_| source.to_owned()),
        inferred,
        application: Some(format!("path:{HOSTILE}")),
        uid: Some(0),
        tx_bytes: 2,
        rx_bytes: 1_500_000,
        last_unix_ms: 1_767_225_600_000,
    };
    let service = |service: &str, recognised| SeenService {
        service: Some(service.to_owned()),
        recognised,
        tx_bytes: 1,
        rx_bytes: 2,
        last_unix_ms: 1_767_225_600_000,
    };
    let nothing = AddressInfo {
        address: "127.0.0.1".to_owned(),
        range: "loopback".to_owned(),
        embedded: None,
        country: None,
        country_name: None,
        asn: None,
        network: None,
        city: None,
        latitude: None,
        longitude: None,
        names: Vec::new(),
        services: Vec::new(),
    };
    let all = AddressInfo {
        address: "2002:c000:201::1".to_owned(),
        range: "6to4".to_owned(),
        embedded: Some("192.0.2.1".to_owned()),
        country: Some("DE".to_owned()),
        country_name: Some("Germany".to_owned()),
        asn: Some(64_496),
        network: Some(HOSTILE.to_owned()),
        city: Some("Berlin".to_owned()),
        latitude: Some(52.5),
        longitude: Some(13.4),
        names: vec![
            name(Some("example.org"), "tls", false),
            name(Some("cdn.example"), "resolver", true),
            name(None, "", false),
        ],
        services: vec![service("tls", true), service("https", false), service("udp/12345", false)],
    };
    LookupResult {
        addresses: vec![all, nothing],
        places: vec![places()],
        truncated: true,
        access: Access::Own,
    }
}

pub(crate) fn places() -> PlaceData {
    PlaceData {
        name: "libloc".to_owned(),
        made_unix_ms: Some(1_767_225_600_000),
        attribution: Some("CC BY-SA 4.0".to_owned()),
    }
}

pub(crate) fn finding(path: &str) -> Finding {
    Finding {
        id: 7,
        kind: "new-application".to_owned(),
        severity: Severity::Normal,
        state: FindingState::Open,
        unix_ms: 1_767_225_600_000,
        updated_unix_ms: 1_767_225_600_000,
        times: 1,
        snoozed_until_unix_ms: None,
        answered_by: None,
        answered_unix_ms: None,
        application: Some(format!("path:{path}")),
        path: Some(path.to_owned()),
        sha256: Some("ab".repeat(32)),
        previous_sha256: None,
        parent_path: Some("/usr/bin/bash".to_owned()),
        uid: Some(0),
        remote: Some("[2001:db8::17]:443".to_owned()),
        remote_name: Some("example.org".to_owned()),
        remote_name_inferred: true,
        detail: None,
        evidence: None,
    }
}

pub(crate) fn application(path: &str, review: &str) -> Application {
    Application {
        application: format!("path:{path}"),
        path: path.to_owned(),
        sha256: "ab".repeat(32),
        provenance: Some(provenance("verified", Some(("curl", "7.88.1-10")))),
        script: None,
        review: review.to_owned(),
        first_unix_ms: 1_767_225_600_000,
        last_unix_ms: 1_767_225_660_000,
        executables: 1,
    }
}

/// As the daemon says it; with the name and the version of a Debian package.
pub(crate) fn provenance(state: &str, package: Option<(&str, &str)>) -> Provenance {
    Provenance {
        state: state.to_owned(),
        package_manager: package.map(|_| "deb".to_owned()),
        package_name: package.map(|(name, _)| name.to_owned()),
        package_version: package.map(|(_, version)| version.to_owned()),
        reason: None,
    }
}

pub(crate) fn live_row(path: &str, tx_bytes: u64, rx_bytes: u64) -> LiveRow {
    LiveRow {
        application: Some(format!("path:{path}")),
        path: path.to_owned(),
        sha256: Some("ab".repeat(32)),
        parent_path: Some("/usr/bin/bash".to_owned()),
        review: Some("unreviewed".to_owned()),
        unit: Some("curl.service".to_owned()),
        container: Some(format!("docker:{}", "c0".repeat(32))),
        uid: 0,
        remote: Some("192.0.2.1:443".to_owned()),
        domain: Some("example.org".to_owned()),
        domain_inferred: false,
        tx_bytes,
        rx_bytes,
        flows: 1,
    }
}

pub(crate) fn tick(unix_ms: i64, rows: Vec<LiveRow>) -> LiveTick {
    LiveTick { unix_ms, interval_ms: 1000, rows }
}

/// A self-test that passed, but for a machine without IPv6.
pub(crate) fn self_test() -> SelfTest {
    let part = |name: &str, state, moved| SelfTestPart {
        name: name.to_owned(),
        state,
        moved_bytes: moved,
        counted_tx_bytes: moved,
        counted_rx_bytes: moved,
    };
    SelfTest {
        state: SelfTestState::Passed,
        detail: format!("fine, {HOSTILE}"),
        checked_unix_ms: Some(1_767_225_601_000),
        parts: vec![
            part("tcp-ipv4", SelfTestState::Passed, 100_003),
            part("udp-ipv6", SelfTestState::Impossible, 0),
        ],
    }
}
