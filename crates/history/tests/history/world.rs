//! Records of a small machine: few values for every dimension, so that random records meet in the same groups.

use std::{net::IpAddr, sync::Arc};

use portolan_core::{
    ApplicationKey, Bytes, Dimension, Direction, Endpoint, Executable, FileContent, Lineage, Name,
    NameSource, Network, Owner, Place as Location, Placement, Protocol, Provenance, Range, Recognised,
    Sha256Digest, Uid, Unattributed, UnixMillis,
};
use portolan_history::{
    History, Question, Reader, Record,
    language::{Condition, Field, Filter, Pattern, Query, Wanted},
};
use tempfile::TempDir;

pub(crate) const BUCKET_MS: u32 = 10_000;
pub(crate) const UIDS: [u32; 3] = [0, 1000, 4_294_967_294];

/// A history in a folder of its own.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("history.sqlite")
    }

    pub(crate) fn history(&self) -> History {
        History::open(&self.path()).unwrap()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap().naming_services(service).unwrap()
    }

    /// SQLite itself finds nothing wrong in the file, and no number points nowhere.
    pub(crate) fn assert_sound(&self) {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
        let mut statement = connection.prepare("PRAGMA foreign_key_check").unwrap();
        assert!(!statement.exists([]).unwrap(), "a row points to a row that is not there");
    }
}

/// A question for everything, in one group.
pub(crate) fn everything() -> Question {
    Question { top: 1_000_000, ..Question::default() }
}

/// The condition that a field has this value, as rows show it; empty for "not known".
pub(crate) fn has(field: Field, value: &str) -> Filter {
    use Dimension::{Asn, LocalPort, Namespace, Port, Remote, RemotePort, User};
    let wanted = match field {
        _ if value.is_empty() => Wanted::NotKnown,
        Field::Of(User | Namespace | Asn | Port | RemotePort | LocalPort) | Field::AnyPort => {
            let number = value.parse().unwrap();
            Wanted::Number(number..=number)
        }
        Field::Of(Remote) | Field::Local => {
            let address: IpAddr = value.parse().unwrap();
            Wanted::Network { address, bits: if address.is_ipv4() { 32 } else { 128 } }
        }
        Field::Text => Wanted::Like(Pattern::new(format!("*{value}*").split('*'))),
        _ => Wanted::Like(Pattern::new(value.split('*'))),
    };
    Filter::Has(Condition { field, wanted })
}

/// A question for what fits all of these.
pub(crate) fn which(filters: impl IntoIterator<Item = Filter>) -> Question {
    let filter = Filter::Every(filters.into_iter().collect());
    Question { query: Query { filter, ..Query::default() }, ..everything() }
}

/// A question for the buckets that start in this range.
pub(crate) fn between(since: Option<i64>, until: Option<i64>) -> Question {
    let (since, until) = (since.map(UnixMillis), until.map(UnixMillis));
    Question { query: Query { since, until, ..Query::default() }, ..everything() }
}

/// The same numbers for the same seed (xorshift64*).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_shr(11) % bound
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let index = self.below(u64::try_from(from.len()).unwrap());
        from[usize::try_from(index).unwrap()].clone()
    }
}

pub(crate) fn executable(path: &str, content: u8) -> Executable {
    Executable { path: path.into(), sha256: Sha256Digest([content; 32]) }
}

pub(crate) fn lineage(executable: Executable, parent: Option<Arc<Lineage>>) -> Arc<Lineage> {
    Arc::new(Lineage { executable, script: None, parent })
}

pub(crate) fn program(lineage: &Arc<Lineage>) -> Owner {
    Owner::Program {
        lineage: Arc::clone(lineage),
        application: ApplicationKey::of_path(&lineage.executable),
        provenance: Arc::new(Provenance::not_looked_at()),
        code: None,
    }
}

pub(crate) fn placement(cgroup: &str) -> Arc<Placement> {
    Arc::new(Placement::of_cgroup(&cgroup.into()))
}

/// What ports are called in the small machine.
pub(crate) fn service(protocol: Protocol, port: u16) -> Option<&'static str> {
    match (protocol, port) {
        (Protocol::Tcp, 22) => Some("ssh"),
        (Protocol::Tcp | Protocol::Udp, 443) => Some("https"),
        _ => None,
    }
}

pub(crate) fn name(domain: &str, source: NameSource, is_inferred: bool) -> Name {
    let registrable = ["example.org", "example.net"].into_iter().find(|end| domain.ends_with(end));
    Name {
        domain: domain.parse().unwrap(),
        registrable: registrable.map(|domain| domain.parse().unwrap()),
        source,
        is_inferred,
    }
}

pub(crate) fn location(range: Range, country: Option<&str>, network: Option<(u32, &str)>) -> Location {
    Location {
        range,
        country: country.map(|code| code.parse().unwrap()),
        network: network.map(|(asn, name)| Network { asn, name: Some(name.into()) }),
    }
}

pub(crate) fn endpoint(address: &str, port: u16) -> Endpoint {
    Endpoint { address: address.parse::<IpAddr>().unwrap(), port }
}

/// curl, started by bash, fetches something.
pub(crate) fn record() -> Record {
    let bash = lineage(executable("/usr/bin/bash", 1), None);
    Record {
        bucket_start: UnixMillis(1_700_000_000_000),
        bucket_ms: BUCKET_MS,
        owner: program(&lineage(executable("/usr/bin/curl", 2), Some(bash))),
        command_line: Some("curl https://example.org".into()),
        placement: placement("/system.slice/web.service"),
        uid: Uid(1000),
        protocol: Protocol::Tcp,
        direction: Direction::Outbound,
        local: Some(endpoint("192.0.2.7", 40_000)),
        remote: Some(endpoint("2001:db8::1", 443)),
        name: Some(name("www.example.org", NameSource::Tls, false)),
        place: Some(location(Range::Public, Some("DE"), Some((64_496, "Example")))),
        service_port: Some(443),
        recognised: Some(Recognised::Tls),
        network_namespace: 4_026_531_840,
        bytes: Bytes { tx: 100, rx: 2000 },
        flows_opened: 1,
        first: UnixMillis(1_700_000_001_000),
        last: UnixMillis(1_700_000_009_999),
    }
}

/// Owners of every kind: equal paths with different contents, equal programs with different parents, parents unknown.
pub(crate) fn owners() -> Vec<Owner> {
    let init = lineage(executable("/usr/lib/systemd/systemd", 1), None);
    let bash = lineage(executable("/usr/bin/bash", 2), Some(Arc::clone(&init)));
    let shells = [bash, lineage(executable("/usr/bin/bash", 3), Some(init))];
    let mut owners = vec![Owner::Kernel];
    owners.extend(Unattributed::ALL.map(Owner::Unattributed));
    for (path, content) in [("/usr/bin/curl", 4), ("/usr/bin/curl", 5), ("/usr/bin/ssh", 4)] {
        owners.push(program(&lineage(executable(path, content), None)));
        for shell in &shells {
            owners.push(program(&lineage(executable(path, content), Some(Arc::clone(shell)))));
        }
    }
    let known = Some(Sha256Digest([8; 32]));
    for (path, sha256) in [("/opt/tool.py", known), ("/opt/tool.py", None), ("/opt/other.py", known)] {
        let script = Some(FileContent { path: path.into(), sha256 });
        for parent in [None, Some(Arc::clone(&shells[0]))] {
            owners.push(program(&Arc::new(Lineage {
                executable: executable("/usr/bin/python3", 7),
                script: script.clone(),
                parent,
            })));
        }
    }
    // An application may have executables behind different paths.
    let other = lineage(executable("/opt/curl", 6), None);
    owners.push(Owner::Program {
        lineage: other,
        application: "/usr/bin/curl".parse().unwrap(),
        provenance: Arc::new(Provenance::not_looked_at()),
        code: None,
    });
    owners
}

/// Random records of the small machine over ten buckets, some of them in the same row.
pub(crate) fn records(dice: &mut Dice, count: usize) -> Vec<Record> {
    let owners = owners();
    let placements =
        ["/", "/system.slice/web.service", "/lxc/web", "/lxc/web/system.slice/web.service"].map(placement);
    let domains = ["example.org", "www.example.org", "badexample.org", "cdn.example.net", "localhost"];
    let locations = [
        location(Range::Public, Some("DE"), Some((64_496, "Example"))),
        location(Range::Public, Some("FR"), Some((64_496, "Example"))),
        location(Range::Public, Some("FR"), None),
        location(Range::Public, None, Some((0, "'; DROP TABLE peer; --"))),
        location(Range::Private, None, None),
        location(Range::Public, None, None),
    ];
    let addresses = ["192.0.2.7", "192.0.2.8", "::ffff:192.0.2.7", "2001:db8::1"];
    let side = |dice: &mut Dice, ports: [u16; 3]| {
        (dice.below(4) > 0).then(|| endpoint(dice.pick(&addresses), dice.pick(&ports)))
    };
    (0..count)
        .map(|_| {
            let start = i64::try_from(dice.below(10)).unwrap() * i64::from(BUCKET_MS);
            let first = start + i64::try_from(dice.below(u64::from(BUCKET_MS))).unwrap();
            Record {
                bucket_start: UnixMillis(start),
                bucket_ms: BUCKET_MS,
                owner: dice.pick(&owners),
                command_line: dice.pick(&[None, Some("".into()), Some("a b".into()), Some("c".into())]),
                placement: dice.pick(&placements),
                uid: Uid(dice.pick(&UIDS)),
                protocol: dice.pick(&[
                    Protocol::Tcp,
                    Protocol::Udp,
                    Protocol::Icmp,
                    Protocol::Packet,
                    Protocol::Ip(253),
                ]),
                direction: dice.pick(&[Direction::Outbound, Direction::Inbound, Direction::Unknown]),
                local: side(dice, [0, 22, 65_535]),
                remote: side(dice, [0, 443, 40_000]),
                name: (dice.below(3) > 0)
                    .then(|| name(dice.pick(&domains), dice.pick(&NameSource::ALL), dice.below(2) == 0)),
                place: (dice.below(8) > 0).then(|| dice.pick(&locations)),
                service_port: dice.pick(&[None, Some(22), Some(443), Some(65_535)]),
                recognised: dice.pick(&[None, Some(Recognised::Ssh), Some(Recognised::Tls)]),
                network_namespace: dice.pick(&[1, u32::MAX]),
                bytes: Bytes { tx: dice.below(5000), rx: dice.below(1 << 40) },
                flows_opened: dice.below(3),
                first: UnixMillis(first),
                last: UnixMillis(first + 5),
            }
        })
        .collect()
}
