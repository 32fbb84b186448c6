//! Made-up data, with every optional field once there and once not.

use std::collections::BTreeMap;

use portolan_bus::{
    Access, AddressInfo, Application, Attribution, Covered, DaemonState, DetailsResult, Finding,
    FindingState, Gap, Groups, HistoryInfo, Hook, Ledger, LedgerState, Line, LiveRow, LiveTick, LookupResult,
    NetworkLayer, NetworkLine, Other, PlaceData, ProtocolBytes, Provenance, QueryResult, QueryRow, Resources,
    Script, SeenName, SeenService, SelfTest, SelfTestPart, SelfTestState, SeriesResult, Setting, Severity,
    Status, Sum,
};
use portolan_core::{Evidence, Member, Uid};

pub(crate) const OTHER_UID: u32 = 4_000_000;

/// The uid of this process, which is every test connection's.
pub(crate) fn own_uid() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap())
}

pub(crate) fn status(access: Access) -> Status {
    Status {
        version: "0.1.0".into(),
        state: DaemonState::Reduced,
        notes: vec!["a hook is missing".into()],
        access,
        started_unix_ms: 1_700_000_000_000,
        self_test: SelfTest {
            state: SelfTestState::Passed,
            detail: "fine".into(),
            checked_unix_ms: Some(-5),
            parts: vec![SelfTestPart {
                name: "tcp-ipv6".into(),
                state: SelfTestState::Impossible,
                moved_bytes: 1,
                counted_tx_bytes: 2,
                counted_rx_bytes: 3,
            }],
        },
        counting: "by the kernel's tracepoints".into(),
        hooks: vec![Hook { name: "sched_process_exec".into(), active: false, reason: "why not".into() }],
        attribution: Attribution {
            total: u64::MAX,
            attributed: 3,
            kernel: 2,
            unattributed: BTreeMap::from([("process-gone".into(), 1)]),
            excluded: 0,
            pending: 0,
        },
        ledger: Ledger {
            state: LedgerState::InFlight,
            truth: u64::MAX,
            protocols: vec![ProtocolBytes { protocol: "udp".into(), tx_bytes: 1, rx_bytes: u64::MAX }],
            self_test: 9,
            difference: -3,
        },
        network: NetworkLayer {
            problem: Some("it cannot be read".into()),
            lines: vec![NetworkLine { name: "rest".into(), tx_bytes: -1, rx_bytes: 2, estimate: true }],
        },
        losses: BTreeMap::from([("exec_events".into(), 0)]),
        history: HistoryInfo {
            path: "/var/lib/portolan/history.sqlite".into(),
            size_bytes: Some(4096),
            first_unix_ms: None,
            problem: Some("disk full".into()),
        },
        resources: Resources { cpu_ms: 1, pss_bytes: 2, sockets: 3, processes: 4, process_events: 5 },
        unreviewed: 7,
        learning_until_unix_ms: Some(1_700_000_086_400),
    }
}

pub(crate) fn query_result(access: Access) -> QueryResult {
    QueryResult {
        groups: groups(),
        total: Sum { tx_bytes: 2, rx_bytes: u64::MAX, flows: 3, first_unix_ms: Some(-3), last_unix_ms: None },
        covered: covered(),
        places: vec![places()],
        access,
    }
}

fn groups() -> Groups {
    let row = |command: Option<&str>| QueryRow {
        keys: [("command", command), ("user", Some("0"))]
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), text?.to_owned())))
            .collect(),
        tx_bytes: 1,
        rx_bytes: u64::MAX,
        flows: 2,
        first_unix_ms: 3,
        last_unix_ms: 4,
    };
    let other = Other { groups: 7, sum: Sum { tx_bytes: 9, ..Sum::default() } };
    Groups::new(vec![row(Some("curl\0-v")), row(None)], Some(other))
}

fn covered() -> Covered {
    Covered { since_unix_ms: Some(1), until_unix_ms: None, finest: "hour".into() }
}

pub(crate) fn series_result(access: Access) -> SeriesResult {
    let line = Line { tx_bytes: vec![1, u64::MAX], rx_bytes: vec![0, 2], flows: vec![0, 1] };
    SeriesResult {
        step_ms: 60_000,
        times_unix_ms: vec![-60_000, 0],
        keys: groups().keys,
        lines: vec![line.clone(), line],
        other: None,
        gaps: vec![Gap { from_unix_ms: -90_000, until_unix_ms: 0 }],
        covered: covered(),
        places: Vec::new(),
        access,
    }
}

pub(crate) fn details_result(access: Access, findings: Vec<Finding>) -> DetailsResult {
    DetailsResult {
        total: Sum::default(),
        covered: covered(),
        applications: vec![application()],
        applications_left_out: 0,
        groups: [("users".to_owned(), groups()), ("parents".to_owned(), Groups::default())].into(),
        findings,
        findings_left_out: 0,
        places: vec![places()],
        access,
    }
}

/// As many names as users.
pub(crate) fn lookup_result(access: Access, address: String, uids: &[u32]) -> LookupResult {
    let name = |uid: &u32| SeenName {
        domain: Some("example.org".into()),
        source: Some("dns".into()),
        inferred: true,
        application: Some("path:/a\0b".into()),
        uid: Some(*uid),
        tx_bytes: 1,
        rx_bytes: u64::MAX,
        last_unix_ms: 2,
    };
    let info = AddressInfo {
        address,
        range: "public".into(),
        embedded: None,
        country: Some("DE".into()),
        country_name: Some("Ger\0many".into()),
        asn: Some(u32::MAX),
        network: Some("\0".into()),
        city: None,
        latitude: Some(-1.5),
        longitude: Some(f64::MAX),
        names: uids.iter().map(name).collect(),
        services: vec![SeenService {
            service: None,
            recognised: false,
            tx_bytes: 3,
            rx_bytes: 4,
            last_unix_ms: 5,
        }],
    };
    LookupResult { addresses: vec![info], places: vec![places()], truncated: false, access }
}

fn places() -> PlaceData {
    PlaceData { name: "libloc".into(), made_unix_ms: Some(1), attribution: Some("by somebody".into()) }
}

pub(crate) fn finding(id: i64, uid: Option<u32>) -> Finding {
    Finding {
        id,
        kind: "new-application".into(),
        severity: Severity::Loud,
        state: FindingState::Open,
        unix_ms: id,
        updated_unix_ms: id + 1,
        times: 2,
        snoozed_until_unix_ms: Some(-1),
        answered_by: None,
        answered_unix_ms: None,
        application: Some("path:/usr/bin/curl".into()),
        path: Some("/usr/bin/curl".into()),
        sha256: Some("ab".repeat(32)),
        previous_sha256: None,
        parent_path: Some("/usr/bin/bash".into()),
        uid,
        remote: Some("[::1]:443".into()),
        remote_name: Some("example.org".into()),
        remote_name_inferred: true,
        detail: None,
        evidence: Some(r#"{"provenance":{"state":"unowned"}}"#.into()),
    }
}

pub(crate) fn daemon_finding(id: i64) -> Finding {
    Finding {
        kind: "lost-events".into(),
        application: None,
        path: None,
        sha256: None,
        parent_path: None,
        remote: None,
        remote_name: None,
        remote_name_inferred: false,
        detail: Some("7 exec events were lost".into()),
        evidence: None,
        ..finding(id, None)
    }
}

/// What was learned, with an application of each of these users.
pub(crate) fn group(id: i64, uids: &[u32]) -> Finding {
    let member = |uid: &u32| Member {
        application: "/usr/bin/curl".parse().unwrap(),
        uid: Uid(*uid),
        path: "/usr/bin/curl".into(),
        before: None,
        after: None,
        provenance: None,
    };
    let evidence = Evidence { members: uids.iter().map(member).collect(), ..Evidence::default() };
    Finding {
        kind: "baseline".into(),
        detail: None,
        evidence: Some(evidence.to_json()),
        ..daemon_finding(id)
    }
}

pub(crate) fn application() -> Application {
    Application {
        application: "path:/usr/bin/curl".into(),
        path: "/usr/bin/curl".into(),
        sha256: "ab".repeat(32),
        provenance: Some(Provenance {
            state: "verified".into(),
            package_manager: Some("deb".into()),
            package_name: Some("curl".into()),
            package_version: Some("7.88.1-10".into()),
            reason: None,
        }),
        script: Some(Script { path: "/opt/x.py".into(), sha256: "cd".repeat(32), provenance: None }),
        review: "unreviewed".into(),
        first_unix_ms: 1,
        last_unix_ms: 2,
        executables: 3,
    }
}

/// A tick with a row for each of these users.
pub(crate) fn tick(unix_ms: i64, uids: &[u32]) -> LiveTick {
    let row = |uid: &u32| LiveRow {
        application: None,
        path: "kernel".into(),
        sha256: None,
        parent_path: None,
        review: None,
        unit: None,
        container: None,
        uid: *uid,
        remote: Some("192.0.2.1:80".into()),
        domain: Some("example.org".into()),
        domain_inferred: true,
        tx_bytes: 1,
        rx_bytes: 2,
        flows: 3,
    };
    LiveTick { unix_ms, interval_ms: 1000, rows: uids.iter().map(row).collect() }
}

pub(crate) fn setting(key: &str, value: Option<&str>) -> Setting {
    Setting {
        key: key.to_owned(),
        value: value.unwrap_or("default").to_owned(),
        is_default: value.is_none(),
        sources: value.map(|_| "/etc/portolan/portolan.d/50-set.toml:4".to_owned()).into_iter().collect(),
    }
}
