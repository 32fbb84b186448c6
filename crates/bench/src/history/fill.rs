//! The same year in both files.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use portolan_fixture::{Days, Plan};
use portolan_history::History;
use portolan_places::Places;

use super::peer::Peer;

/// A year that was written.
#[derive(Debug)]
pub(super) struct Year {
    pub(super) plan: Plan,
    /// Ours.
    pub(super) own: PathBuf,
    /// picosnitch's.
    pub(super) peer: PathBuf,
    /// Records that were given to both.
    pub(super) records: u64,
    /// What it took to make them up.
    pub(super) made_in: Duration,
    /// What it took us to write them.
    pub(super) own_in: Duration,
    /// What it took to write the other's rows, and then its indexes.
    pub(super) peer_in: Duration,
}

/// Writes every hour in a transaction.
pub(super) fn fill(plan: Plan, places: &Places, folder: &Path) -> anyhow::Result<Year> {
    let (own, peer) = (folder.join("year.sqlite"), folder.join("picosnitch.db"));
    let mut history = History::open(&own)?;
    let mut other = Peer::create(&peer)?;
    let mut days = Days::new(plan, places)?;
    let (mut records, mut made_in, mut own_in, mut peer_in) =
        (0, Duration::ZERO, Duration::ZERO, Duration::ZERO);
    loop {
        let begin = Instant::now();
        let Some(day) = days.next(Some(&mut history))? else { break };
        made_in += begin.elapsed();
        let begin = Instant::now();
        portolan_fixture::write_day(&mut history, &day)?;
        own_in += begin.elapsed();
        let begin = Instant::now();
        other.write(&day)?;
        peer_in += begin.elapsed();
        records += u64::try_from(day.len())?;
    }
    let begin = Instant::now();
    other.finish()?;
    peer_in += begin.elapsed();
    Ok(Year { plan, own, peer, records, made_in, own_in, peer_in })
}
