//! The year in our file, and its last days in picosnitch's.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use portolan_core::UnixMillis;
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
    /// Records that were given to us.
    pub(super) records: u64,
    /// From here on they were given to both.
    pub(super) both_since: UnixMillis,
    /// What it took to make them up.
    pub(super) made_in: Duration,
    /// What it took us to write them.
    pub(super) own_in: Duration,
    /// What it took us to delete what is not kept.
    pub(super) kept_in: Duration,
    /// What it took to write the other's rows, and then its indexes.
    pub(super) peer_in: Duration,
}

/// Writes every hour in a transaction, and after each day deletes what a daemon would; the last `peer_days` into both.
pub(super) fn fill(plan: Plan, peer_days: u16, places: &Places, folder: &Path) -> anyhow::Result<Year> {
    let (own, peer) = (folder.join("year.sqlite"), folder.join("picosnitch.db"));
    let mut history = History::open(&own)?;
    let mut other = Peer::create(&peer)?;
    let mut days = Days::new(plan, places)?;
    let both_since = Plan { days: peer_days, ..plan }.since();
    let mut records = 0;
    let [mut made_in, mut own_in, mut kept_in, mut peer_in] = [Duration::ZERO; 4];
    loop {
        let begin = Instant::now();
        let is_for_both = days.now() >= both_since;
        let Some(day) = days.next(Some(&mut history))? else { break };
        made_in += begin.elapsed();
        let begin = Instant::now();
        portolan_fixture::write_day(&mut history, &day)?;
        own_in += begin.elapsed();
        let begin = Instant::now();
        portolan_fixture::keep(&mut history, days.now())?;
        kept_in += begin.elapsed();
        if is_for_both {
            let begin = Instant::now();
            other.write(&day)?;
            peer_in += begin.elapsed();
        }
        records += u64::try_from(day.len())?;
    }
    let begin = Instant::now();
    other.finish()?;
    peer_in += begin.elapsed();
    Ok(Year { plan, own, peer, records, both_since, made_in, own_in, kept_in, peer_in })
}
