//! The history: how fast it is written, how large it is, how long questions take, beside picosnitch's schema
//! with the last month of it.

mod ask;
mod delay;
mod fill;
mod peer;
mod questions;
mod sizes;
mod writing;

use std::path::Path;

use anyhow::Context as _;
use portolan_core::UnixMillis;
use portolan_fixture::Plan;
use portolan_places::Places;

use crate::{Effort, say, table::Table};

pub(crate) use ask::{Asked, Asking, ask};

/// The last day of the year that is made up.
const UNTIL: UnixMillis = UnixMillis(1_782_777_600_000);

/// So many days are in picosnitch's file: as many as it keeps by default.
const PEER_DAYS: u16 = 30;

/// Writes a year, and asks it.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let folder = tempfile::tempdir_in(effort.tools.parent().unwrap_or(Path::new(".")))
        .context("cannot make a folder")?;
    let places = Places::open(&[&effort.places], folder.path())?;
    let plan = |days| Plan { days, seed: 1, until: UNTIL };
    let mut tables =
        vec![writing::measure(plan(effort.choose(14, 2)), effort.choose(3, 1), &places, folder.path())?];
    say("writing is measured");
    let year = fill::fill(plan(effort.choose(365, 3)), effort.choose(PEER_DAYS, 2), &places, folder.path())?;
    say("the year is written");
    tables.push(sizes::table(&year)?);
    tables.extend(questions::tables(effort, &year)?);
    tables.push(delay::table(effort, &year, &places)?);
    Ok(tables)
}
