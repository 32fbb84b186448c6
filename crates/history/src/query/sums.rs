use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt};
use portolan_core::{Bytes, Dimension, UnixMillis};
use rusqlite::Connection;

use super::{
    Ports, Sight, Sum,
    classes::Classes,
    columns::{self, Of},
};
use crate::{
    ReadError,
    scan::{Block, Row, Scan, Seen, Wants},
};

/// The most groups that an answer is made of.
const GROUPS_MAX: usize = 1_000_000;
/// The most pairs of classes that have a place each.
const PLACES_MAX: usize = 1 << 20;
/// The same where the places are new for each interval.
const PLACES_EACH_TIME_MAX: usize = 1 << 12;

/// What rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Key {
    pub(super) actor: u32,
    pub(super) peer: u32,
    pub(super) ports: Ports,
    pub(super) time: i64,
}

/// How a question groups.
#[derive(Debug)]
pub(super) struct Grouping {
    pub(super) by: Vec<Dimension>,
    pub(super) actors: Option<Classes>,
    pub(super) peers: Option<Classes>,
    /// How long the intervals of [`Dimension::Time`] are.
    step_ms: i64,
}

/// A sum that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    tx: u64,
    rx: u64,
    flows: u64,
    first_ms: i64,
    last_ms: i64,
    /// The surest source of its names.
    pub(super) source: u8,
}

/// Sums by key.
#[derive(Debug)]
pub(super) struct Sums {
    pub(super) keys: Vec<Key>,
    pub(super) cells: Vec<Cell>,
    index: Index,
}

/// Where the cell of a key is.
#[derive(Debug)]
enum Index {
    /// By actor and peer: one more than its number, of those of the last time.
    Places {
        places: Vec<u32>,
        peers: usize,
        time: i64,
    },
    Map(HashMap<Key, u32>),
}

impl Grouping {
    pub(super) fn read(
        connection: &Connection,
        by: &[Dimension],
        sight: &Sight,
        step_ms: i64,
    ) -> Result<Self, ReadError> {
        let mut by = by.to_vec();
        by.sort_unstable();
        by.dedup();
        Ok(Self {
            actors: Classes::read(connection, Of::Actor, &by, sight.actors_end(), sight.actors())?,
            peers: Classes::read(connection, Of::Peer, &by, sight.peers_end(), sight.peers())?,
            step_ms,
            by,
        })
    }

    fn is_by(&self, of: Of) -> bool {
        self.by.iter().any(|dimension| columns::of(*dimension).of == of)
    }

    fn wants(&self) -> Wants {
        Wants {
            actor: self.actors.is_some(),
            local: false,
            peer: self.peers.is_some(),
            ports: self.is_by(Of::LocalPort) || self.is_by(Of::RemotePort),
            sums: true,
            times: true,
        }
    }

    /// Sums up what is seen.
    pub(super) fn sum(&self, scan: &Scan<'_>) -> Result<Sums, ReadError> {
        let mut sums = Sums::new(self);
        let keys = self.keys();
        let sources = self.peers.as_ref().and_then(|peers| peers.sources.as_ref());
        let (mut actors, mut peers, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        // Column by column: each loop is short, so that the CPU waits for many places in memory at once.
        scan.blocks(self.wants(), |block, seen| {
            groups.clear();
            if let Index::Places { .. } = sums.index {
                let classes = |of: &Option<Classes>, numbers: &[u64], into: &mut Vec<u32>| match of {
                    Some(of) => of.of_each(numbers, into),
                    None => {
                        into.clear();
                        into.resize(numbers.len(), 0);
                        Ok(())
                    }
                };
                classes(&self.actors, seen.actor, &mut actors)?;
                classes(&self.peers, seen.peer, &mut peers)?;
                let key = keys(block, &Row::default(), (0, 0));
                sums.places(key, &actors, &peers, &mut groups)?;
            } else {
                for row in seen.rows(block) {
                    groups.push(sums.group(keys(block, &row, self.classes(&row)?))?);
                }
            }
            sums.add(&groups, block, seen);
            if let Some(sources) = sources {
                for (group, peer) in groups.iter().zip(seen.peer) {
                    let source = usize::try_from(*peer).ok().and_then(|peer| sources.get(peer));
                    if let (Some(cell), Some(source)) = (sums.cells.get_mut(index(*group)), source) {
                        cell.source = cell.source.min(*source);
                    }
                }
            }
            Ok(())
        })?;
        Ok(sums)
    }

    /// The same without times of flows, told with the number of the group of each row; `None` for a group that `sums` has not.
    pub(super) fn tell(
        &self,
        scan: &Scan<'_>,
        sums: &mut Sums,
        mut tell: impl FnMut(Option<usize>, &Block, &Row),
    ) -> Result<(), ReadError> {
        let keys = self.keys();
        scan.each(Wants { times: false, ..self.wants() }, |block, row| {
            tell(sums.find(keys(block, row, self.classes(row)?)), block, row);
            Ok(())
        })
    }

    /// The classes of a row: of its actor and of its peer.
    fn classes(&self, row: &Row) -> Result<(u32, u32), ReadError> {
        let class = |classes: &Option<Classes>, number| classes.as_ref().map_or(Ok(0), |of| of.of(number));
        Ok((class(&self.actors, row.actor)?, class(&self.peers, row.peer)?))
    }

    /// What gives the key of a row of these classes.
    fn keys(&self) -> impl Fn(&Block, &Row, (u32, u32)) -> Key + use<> {
        let (local, remote, time) =
            (self.is_by(Of::LocalPort), self.is_by(Of::RemotePort), self.is_by(Of::Time));
        let (step_ms, last) = (self.step_ms, std::cell::Cell::new((0, 0)));
        // Once for each block: a division takes longer than all else.
        let time_of = move |start_ms: i64| {
            let (start, time) = last.get();
            if start == start_ms {
                return time;
            }
            last.set((start_ms, floor(start_ms, step_ms)));
            last.get().1
        };
        move |block, row, (actor, peer)| Key {
            actor,
            peer,
            ports: Ports {
                local: if local { row.ports.local } else { 0 },
                remote: if remote { row.ports.remote } else { 0 },
            },
            time: if time { time_of(block.start_ms) } else { 0 },
        }
    }
}

/// The start of the interval of this length in which a time lies.
pub(super) fn floor(time_ms: i64, step_ms: i64) -> i64 {
    time_ms.saturating_sub(time_ms.checked_rem_euclid(step_ms).unwrap_or(0))
}

impl Sums {
    fn new(grouping: &Grouping) -> Self {
        let classes = |classes: &Option<Classes>| classes.as_ref().map_or(1, |classes| classes.len().max(1));
        let (actors, peers) = (classes(&grouping.actors), classes(&grouping.peers));
        let places = actors.saturating_mul(peers);
        let has_ports = grouping.is_by(Of::LocalPort) || grouping.is_by(Of::RemotePort);
        let most = if grouping.is_by(Of::Time) { PLACES_EACH_TIME_MAX } else { PLACES_MAX };
        let index = if places <= most && !has_ports {
            Index::Places { places: vec![0; places], peers, time: i64::MIN }
        } else {
            Index::Map(HashMap::new())
        };
        Self { keys: Vec::new(), cells: Vec::new(), index }
    }

    /// The numbers of the groups of pairs of classes, where each pair has a place. Such a group there is from now on.
    fn places(
        &mut self,
        key: Key,
        actors: &[u32],
        peers: &[u32],
        groups: &mut Vec<u32>,
    ) -> Result<(), ReadError> {
        let Self { keys, cells, index: Index::Places { places, peers: width, time } } = self else {
            return Ok(());
        };
        // Blocks come in the order of time.
        if *time != key.time {
            *time = key.time;
            places.fill(0);
        }
        for (actor, peer) in actors.iter().zip(peers) {
            // Every class has a place.
            let place = places.get_mut(index(*actor) * *width + index(*peer));
            let place = place.ok_or(ReadError::NumberUnknown(*peer))?;
            if *place == 0 {
                *place = 1 + begin(keys, cells, Key { actor: *actor, peer: *peer, ..key })?;
            }
            groups.push(*place - 1);
        }
        Ok(())
    }

    /// The number of any other group.
    fn group(&mut self, key: Key) -> Result<u32, ReadError> {
        let Self { keys, cells, index: Index::Map(map) } = self else { return Ok(0) };
        Ok(match map.entry(key) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(begin(keys, cells, key)?),
        })
    }

    /// Adds the rows of a block to their groups.
    fn add(&mut self, groups: &[u32], block: &Block, seen: Seen<'_>) {
        let sums = seen.tx.iter().zip(seen.rx).zip(seen.flows);
        for ((group, ((tx, rx), flows)), (first_ms, last_ms)) in
            groups.iter().zip(sums).zip(seen.times(block))
        {
            if let Some(cell) = self.cells.get_mut(index(*group)) {
                cell.tx = cell.tx.saturating_add(*tx);
                cell.rx = cell.rx.saturating_add(*rx);
                cell.flows = cell.flows.saturating_add(*flows);
                cell.first_ms = cell.first_ms.min(first_ms);
                cell.last_ms = cell.last_ms.max(last_ms);
            }
        }
    }

    /// The number of a group; `None` where no row of it was summed. Not for groups by time.
    fn find(&self, key: Key) -> Option<usize> {
        match &self.index {
            Index::Places { places, peers, .. } => {
                let place = places.get(index(key.actor) * *peers + index(key.peer))?;
                place.checked_sub(1).map(index)
            }
            Index::Map(map) => map.get(&key).copied().map(index),
        }
    }
}

/// The number of a group that begins.
#[cold]
fn begin(keys: &mut Vec<Key>, cells: &mut Vec<Cell>, key: Key) -> Result<u32, ReadError> {
    if cells.len() == GROUPS_MAX {
        return Err(ReadError::TooManyGroups { limit: GROUPS_MAX });
    }
    let number = u32::try_from(cells.len()).unwrap_or(u32::MAX);
    keys.push(key);
    cells.push(Cell::NOTHING);
    Ok(number)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Cell {
    const NOTHING: Self =
        Self { tx: 0, rx: 0, flows: 0, first_ms: i64::MAX, last_ms: i64::MIN, source: u8::MAX };

    pub(super) fn sum(&self) -> Sum {
        Sum {
            bytes: Bytes { tx: self.tx, rx: self.rx },
            flows: self.flows,
            first: Some(UnixMillis(self.first_ms)),
            last: Some(UnixMillis(self.last_ms)),
        }
    }

    /// What the order of groups goes by.
    pub(super) fn bytes(&self) -> u128 {
        u128::from(self.tx) + u128::from(self.rx)
    }
}
