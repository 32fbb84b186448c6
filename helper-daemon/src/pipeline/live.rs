//! The ticks that people watch.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use foldhash::fast::RandomState;
use portolan_bus::{LiveRow, LiveTick};
use portolan_core::{
    ApplicationKey, Bytes, Container, Endpoint, Executable, Lineage, Name, Owner, Placement, ReviewState,
    Uid, Unit, Untrusted,
};

/// Ticks that a new subscriber is shown: five minutes of the default tick.
const RECENT: usize = 300;

/// The last ticks, shared with the bus.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent(Arc<Mutex<VecDeque<Arc<LiveTick>>>>);

impl Recent {
    pub(super) fn all(&self) -> Vec<Arc<LiveTick>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Keeps what moved bytes: that something was open is of no interest afterwards.
    fn keep(&self, tick: &LiveTick) {
        let rows = tick.rows.iter().filter(|row| row.tx_bytes + row.rx_bytes > 0).cloned().collect();
        let kept = LiveTick { rows, ..*tick };
        let mut ticks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ticks.len() >= RECENT {
            ticks.pop_front();
        }
        ticks.push_back(Arc::new(kept));
    }
}

/// Whose bytes or flows these are, and where.
#[derive(Debug, Clone)]
pub(super) struct Who<'a> {
    pub(super) owner: &'a Owner,
    pub(super) placement: Arc<Placement>,
    pub(super) uid: Uid,
}

/// The same without looking at any text: those of one program may be several.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    owner: Result<*const Lineage, &'static str>,
    placement: *const Placement,
    uid: Uid,
}

/// What the tick holds of one key.
#[derive(Debug)]
struct Part {
    // These two also keep what the key points to where it is.
    owner: Owner,
    placement: Arc<Placement>,
    what: What,
}

/// Who a row of the live view stands for.
#[derive(PartialEq, Eq, Hash)]
struct Shown {
    executable: Result<(ApplicationKey, Executable, Option<Untrusted>), &'static str>,
    placement: Arc<Placement>,
    uid: Uid,
}

#[derive(Debug, Default)]
struct What {
    bytes: Bytes,
    flows: u32,
    by_remote: HashMap<Endpoint, There, RandomState>,
    /// Of a flow that is open, whether it moves anything or not, and its name.
    open_remote: Option<(Endpoint, Option<Name>)>,
}

/// What moved with one remote side, and what that is called.
#[derive(Debug, Default)]
struct There {
    bytes: u64,
    name: Option<Name>,
}

/// Collects one tick.
#[derive(Debug, Default)]
pub(super) struct Tick {
    parts: HashMap<Key, Part, RandomState>,
}

impl Tick {
    /// Bytes of a flow, 0 when it was only opened, and the name of its other side.
    pub(super) fn moved(
        &mut self,
        who: Who<'_>,
        remote: Option<Endpoint>,
        name: Option<&Name>,
        bytes: Bytes,
    ) {
        let what = self.what(who);
        what.bytes += bytes;
        if let Some(remote) = remote {
            let there = what.by_remote.entry(remote).or_default();
            there.bytes += bytes.total();
            there.is_called(name.cloned());
        }
    }

    /// Flows that have a socket in use, and the remote side of one of them with its name.
    pub(super) fn open(&mut self, who: Who<'_>, flows: u32, remote: Option<Endpoint>, name: Option<&Name>) {
        let what = self.what(who);
        what.flows = what.flows.saturating_add(flows);
        what.note_open(remote.map(|remote| (remote, name.cloned())));
    }

    fn what(&mut self, who: Who<'_>) -> &mut What {
        let Who { owner, placement, uid } = who;
        let key = Key {
            owner: match owner {
                Owner::Program { lineage, .. } => Ok(Arc::as_ptr(lineage)),
                Owner::Kernel => Err("kernel"),
                Owner::Unattributed(reason) => Err(reason.as_str()),
            },
            placement: Arc::as_ptr(&placement),
            uid,
        };
        let part = || Part { owner: owner.clone(), placement, what: What::default() };
        &mut self.parts.entry(key).or_insert_with(part).what
    }

    pub(super) fn finish(
        self,
        unix_ms: i64,
        interval_ms: u32,
        review_of: impl Fn(&ApplicationKey) -> Option<ReviewState>,
        recent: &Recent,
    ) -> LiveTick {
        let mut by_program: HashMap<Shown, What> = HashMap::new();
        for (key, Part { owner, placement, what }) in self.parts {
            by_program.entry(Shown::new(&owner, placement, key.uid)).or_default().absorb(what);
        }
        let mut rows: Vec<LiveRow> =
            by_program.into_iter().map(|(shown, what)| row(shown, &what, &review_of)).collect();
        rows.sort_by(|a, b| {
            let size = |row: &LiveRow| row.tx_bytes.saturating_add(row.rx_bytes);
            size(b).cmp(&size(a)).then_with(|| a.path.cmp(&b.path)).then_with(|| a.uid.cmp(&b.uid))
        });
        let tick = LiveTick { unix_ms, interval_ms, rows };
        recent.keep(&tick);
        tick
    }
}

impl What {
    fn absorb(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.flows = self.flows.saturating_add(other.flows);
        self.note_open(other.open_remote);
        if self.by_remote.is_empty() {
            self.by_remote = other.by_remote;
            return;
        }
        for (remote, There { bytes, name }) in other.by_remote {
            let there = self.by_remote.entry(remote).or_default();
            there.bytes += bytes;
            there.is_called(name);
        }
    }

    /// The one with the highest address is shown: it stays the same from tick to tick.
    fn note_open(&mut self, other: Option<(Endpoint, Option<Name>)>) {
        let remote = |open: &Option<(Endpoint, Option<Name>)>| open.as_ref().map(|(remote, _)| *remote);
        if remote(&other) > remote(&self.open_remote) {
            self.open_remote = other;
        }
    }
}

impl There {
    /// Another name at the same place makes the first one doubtful: only one is shown.
    fn is_called(&mut self, name: Option<Name>) {
        match (&mut self.name, name) {
            (Some(known), Some(name)) => known.is_inferred |= known.domain != name.domain,
            (known, name) => *known = known.take().or(name),
        }
    }
}

impl Shown {
    fn new(owner: &Owner, placement: Arc<Placement>, uid: Uid) -> Self {
        let executable = match owner {
            Owner::Kernel => Err("kernel"),
            Owner::Unattributed(reason) => Err(reason.as_str()),
            Owner::Program { lineage, application, .. } => Ok((
                application.clone(),
                lineage.executable.clone(),
                lineage.parent.as_ref().map(|parent| parent.executable.path.clone()),
            )),
        };
        Self { executable, placement, uid }
    }
}

fn row(who: Shown, what: &What, review_of: impl Fn(&ApplicationKey) -> Option<ReviewState>) -> LiveRow {
    let most = what.by_remote.iter().max_by_key(|(remote, there)| (there.bytes, **remote));
    let moved = most.map(|(remote, there)| (remote, there.name.as_ref()));
    let open = || what.open_remote.as_ref().map(|(remote, name)| (remote, name.as_ref()));
    let (remote, name) = moved.or_else(open).unzip();
    let name = name.flatten();
    let raw = |text: Untrusted| text.as_raw().to_owned();
    let mut row = LiveRow {
        application: None,
        path: String::new(),
        sha256: None,
        parent_path: None,
        review: None,
        unit: who.placement.unit.as_ref().map(Unit::to_text).map(raw),
        container: who.placement.container.as_ref().map(Container::to_text).map(raw),
        uid: who.uid.0,
        remote: remote.map(ToString::to_string),
        domain: name.map(|name| name.domain.to_string()),
        domain_inferred: name.is_some_and(|name| name.is_inferred),
        tx_bytes: what.bytes.tx,
        rx_bytes: what.bytes.rx,
        flows: what.flows,
    };
    match who.executable {
        Err(word) => row.path = word.to_owned(),
        Ok((application, executable, parent)) => {
            row.review = review_of(&application).map(|review| review.to_string());
            row.application = Some(application.as_untrusted().as_raw().to_owned());
            row.path = executable.path.as_raw().to_owned();
            row.sha256 = Some(executable.sha256.to_string());
            row.parent_path = parent.map(|parent| parent.as_raw().to_owned());
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use portolan_core::NameSource;

    use super::*;

    const REMOTE: &str = "192.0.2.1";

    fn name(domain: &str) -> Name {
        let domain = domain.parse().unwrap();
        Name { domain, registrable: None, source: NameSource::Tls, is_inferred: false }
    }

    /// What the only row of a tick shows of its remote side.
    fn shown(fill: impl Fn(&mut Tick, Who<'_>, Endpoint)) -> (Option<String>, bool) {
        let remote = Endpoint { address: REMOTE.parse().unwrap(), port: 443 };
        let who = Who { owner: &Owner::Kernel, placement: Arc::default(), uid: Uid(0) };
        let mut tick = Tick::default();
        fill(&mut tick, who, remote);
        let tick = tick.finish(1, 1000, |_| None, &Recent::default());
        let [row] = <[LiveRow; 1]>::try_from(tick.rows).unwrap();
        assert_eq!(row.remote, Some(format!("{REMOTE}:443")));
        (row.domain, row.domain_inferred)
    }

    #[test]
    fn one_of_several_names_at_a_place_is_marked() {
        let bytes = Bytes { tx: 1, rx: 1 };
        let of = |names: &[Option<&str>]| {
            shown(|tick, who, remote| {
                for called in names {
                    let called = called.map(name);
                    tick.moved(who.clone(), Some(remote), called.as_ref(), bytes);
                }
            })
        };
        let one = Some("one.example".to_owned());
        assert_eq!(of(&[Some("one.example"), None, Some("one.example")]), (one.clone(), false));
        assert_eq!(of(&[None, Some("one.example"), Some("two.example")]), (one, true));
    }

    #[test]
    fn what_is_only_open_has_its_name() {
        let open = shown(|tick, who, remote| {
            let lower = Endpoint { port: 1, ..remote };
            tick.open(who.clone(), 1, Some(lower), Some(&name("lower.example")));
            tick.open(who.clone(), 1, Some(remote), Some(&name("one.example")));
            tick.open(who, 1, None, None);
        });
        assert_eq!(open, (Some("one.example".to_owned()), false));
    }
}
