//! A history of two users, really asked.

use std::sync::Arc;

use portolan_core::{
    Bytes, Direction, Endpoint, Executable, FileContent, Lineage, Name, NameSource, Network, Owner, Place,
    Placement, Protocol, Provenance, Range, Sha256Digest, Uid, UnixMillis,
};
use portolan_history::{History, Record};
use portoland::pipeline::{Archive, Atlas};
use tempfile::TempDir;

pub(crate) struct Past {
    pub(crate) archive: Archive,
    pub(crate) atlas: Atlas,
    _dir: TempDir,
}

impl Past {
    pub(crate) fn new(records: &[Record]) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("history.sqlite");
        History::open(&path).unwrap().write(records).unwrap();
        let atlas = Atlas::new(Vec::new(), dir.path().to_owned());
        Self { archive: Archive::new(path, |_| {}), atlas, _dir: dir }
    }
}

/// What a user moved, with a word in all that has texts and a number in all that has numbers.
pub(crate) fn record(uid: u32, word: &str, number: u16) -> Record {
    let executable = |name: &str| Executable {
        path: format!("/opt/{word}/{name}").into(),
        sha256: Sha256Digest([u8::try_from(number % 251).unwrap(); 32]),
    };
    let script =
        FileContent { path: format!("/opt/{word}/script").into(), sha256: Some(executable("").sha256) };
    let cgroup = format!("/system.slice/{word}.service/docker-{}.scope", format!("{number:04x}").repeat(16));
    let parent = Lineage { executable: executable("parent"), script: None, parent: None };
    let lineage =
        Lineage { executable: executable("program"), script: Some(script), parent: Some(Arc::new(parent)) };
    let endpoint = |last: u8| Endpoint { address: [203, 0, 113, last].into(), port: number };
    let country = if word == "mine" { "DE" } else { "FR" };
    let network = Network { asn: number.into(), name: Some(Arc::from(word)) };
    Record {
        bucket_start: UnixMillis(1_700_000_000_000),
        bucket_ms: 10_000,
        owner: Owner::Program {
            lineage: Arc::new(lineage),
            application: format!("/opt/{word}/program").parse().unwrap(),
            provenance: Arc::new(Provenance::Unowned),
            code: None,
        },
        command_line: Some(format!("program --{word}").into()),
        placement: Arc::new(Placement::of_cgroup(&cgroup.into())),
        uid: Uid(uid),
        protocol: if word == "mine" { Protocol::Tcp } else { Protocol::Udp },
        direction: if word == "mine" { Direction::Outbound } else { Direction::Inbound },
        local: Some(endpoint(1)),
        remote: Some(endpoint(u8::try_from(number % 251).unwrap())),
        name: Some(Name {
            domain: format!("{word}.example").parse().unwrap(),
            registrable: Some(format!("{word}.example").parse().unwrap()),
            source: NameSource::Tls,
            is_inferred: false,
        }),
        place: Some(Place {
            range: if word == "mine" { Range::Public } else { Range::Documentation },
            country: Some(country.parse().unwrap()),
            network: Some(network),
        }),
        service_port: Some(number),
        recognised: None,
        network_namespace: number.into(),
        bytes: Bytes { tx: number.into(), rx: number.into() },
        flows_opened: 1,
        first: UnixMillis(1_700_000_000_000 + i64::from(number)),
        last: UnixMillis(1_700_000_001_000 + i64::from(number)),
    }
}
