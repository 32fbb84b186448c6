//! /etc/hosts, read by a thread of its own: the disk that it is on may be slow.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use foldhash::fast::RandomState;
use portolan_core::{Domain, MonotonicNs, Name, NameSource};

use super::store::called;

/// Where it is.
const PATH: &str = "/etc/hosts";
/// Lists of what is to be blocked make it long; all but their first addresses are the same.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
const MOST_ADDRESSES: usize = 4_096;
/// How often it is looked whether it has changed.
const EVERY_NS: u64 = 5_000_000_000;

/// The names that the machine's administrator gave to addresses.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Hosts(HashMap<IpAddr, Arc<Name>, RandomState>);

impl Hosts {
    /// What is in a file of this form (hosts(5)). The first name of a line is the one that its address has, those behind it are other
    /// words for it; the first line of an address counts. Lines that make no sense are passed over.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn parse(file: impl Read) -> io::Result<Self> {
        let mut names = HashMap::default();
        for line in BufReader::new(file.take(MOST_BYTES)).split(b'\n') {
            let line = line?;
            let text = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let address =
                words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse::<IpAddr>().ok());
            let (Some(address), Some(domain)) = (address, words.next().and_then(Domain::from_bytes)) else {
                continue;
            };
            if !address.is_unspecified() && names.len() < MOST_ADDRESSES {
                names
                    .entry(address.to_canonical())
                    .or_insert_with(|| called(domain, NameSource::Hosts, true));
            }
        }
        names.shrink_to_fit();
        Ok(Self(names))
    }

    /// The name of an address.
    #[must_use]
    pub fn name_of(&self, address: IpAddr) -> Option<&Arc<Name>> {
        self.0.get(&address)
    }
}

/// Has the file looked at now and then.
#[derive(Debug)]
pub struct HostsReader {
    look: SyncSender<()>,
    next: MonotonicNs,
}

impl HostsReader {
    /// Starts the thread. It hands the names to `learn` when it is first asked to look, and when they have changed.
    ///
    /// # Errors
    /// The machine refuses a thread.
    pub fn start(learn: impl Fn(Hosts) + Send + 'static) -> io::Result<Self> {
        Self::start_at(PathBuf::from(PATH), learn)
    }

    fn start_at(path: PathBuf, learn: impl Fn(Hosts) + Send + 'static) -> io::Result<Self> {
        let (look, looks) = sync_channel(1);
        thread::Builder::new().name("hosts".to_owned()).spawn(move || {
            let mut last = None;
            while let Ok(()) = looks.recv() {
                let stamp = stamp(&path);
                if last.as_ref() != Some(&stamp) {
                    // Nobody has names where there is no such file, or it cannot be read.
                    learn(File::open(&path).and_then(Hosts::parse).unwrap_or_default());
                    last = Some(stamp);
                }
            }
        })?;
        Ok(Self { look, next: MonotonicNs(0) })
    }

    /// Has it looked at, when it is time to. Does not wait for that.
    pub fn look(&mut self, now: MonotonicNs) {
        if now < self.next {
            return;
        }
        self.next = MonotonicNs(now.0.saturating_add(EVERY_NS));
        match self.look.try_send(()) {
            // It has not finished the last look.
            Ok(()) | Err(TrySendError::Full(())) => {}
            Err(TrySendError::Disconnected(())) => tracing::error!("nobody reads {PATH} any more"),
        }
    }
}

/// What changes when the file does; `None` while there is none.
fn stamp(path: &Path) -> Option<[u64; 5]> {
    let meta = fs::metadata(path).ok()?;
    let seconds = |time: i64| time.cast_unsigned();
    Some([meta.dev(), meta.ino(), meta.size(), seconds(meta.ctime()), seconds(meta.ctime_nsec())])
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, time::Duration};

    use super::*;

    fn name(hosts: &Hosts, address: &str) -> Option<String> {
        hosts.name_of(address.parse().unwrap()).map(|name| name.domain.to_string())
    }

    #[test]
    fn the_first_name_of_the_first_line_is_the_one() {
        let text = "127.0.0.1 localhost\n127.0.0.1\tvm\n\n# 10.0.0.9 comment\n 10.0.0.1  DB1.Example. db1 # db2\n\
                    ::ffff:10.0.0.2 db2\n0.0.0.0 ads.example\nfe80::1%eth0 link\n10.0.0.3\nnonsense\n10.0.0.4 b\u{fc}cher \u{fc}\n";
        let hosts = Hosts::parse(text.as_bytes()).unwrap();
        assert_eq!(name(&hosts, "127.0.0.1").as_deref(), Some("localhost"));
        assert_eq!(name(&hosts, "10.0.0.1").as_deref(), Some("db1.example"));
        assert_eq!(name(&hosts, "10.0.0.2").as_deref(), Some("db2"));
        for none in ["10.0.0.9", "0.0.0.0", "10.0.0.3", "10.0.0.4"] {
            assert_eq!(name(&hosts, none), None);
        }
    }

    #[test]
    fn a_file_that_is_replaced_is_read_again_and_an_endless_one_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        let (send, hosts) = channel();
        let mut reader = HostsReader::start_at(path.clone(), move |hosts| send.send(hosts).unwrap()).unwrap();
        let mut now = MonotonicNs(0);
        let mut look = |reader: &mut HostsReader| {
            now.0 += EVERY_NS;
            reader.look(now);
            hosts.recv_timeout(Duration::from_secs(10)).unwrap()
        };
        assert_eq!(look(&mut reader), Hosts::default(), "there is none");
        fs::write(&path, "10.0.0.1 one").unwrap();
        assert_eq!(name(&look(&mut reader), "10.0.0.1").as_deref(), Some("one"));
        let next = folder.path().join("next");
        fs::write(&next, "10.0.0.1 two").unwrap();
        fs::rename(&next, &path).unwrap();
        assert_eq!(name(&look(&mut reader), "10.0.0.1").as_deref(), Some("two"));
        assert!(Hosts::parse(io::repeat(b'x')).is_ok());
        let many = (0..MOST_ADDRESSES + 10).map(|n| format!("10.0.{}.{} n\n", n / 256, n % 256));
        assert_eq!(Hosts::parse(many.collect::<String>().as_bytes()).unwrap().0.len(), MOST_ADDRESSES);
    }
}
