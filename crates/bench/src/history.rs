//! The history: how fast it is written, how large it is, how long questions take, beside picosnitch's schema with the same year.

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

pub(crate) use questions::{Asked, ask};

/// The last day of the year that is made up.
const UNTIL: UnixMillis = UnixMillis(1_782_777_600_000);

/// Writes a year, and asks it.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let folder = tempfile::tempdir_in(effort.tools.parent().unwrap_or(Path::new(".")))
        .context("cannot make a folder")?;
    let places = Places::open(&[&effort.places], folder.path())?;
    let plan = |days| Plan { days, seed: 1, until: UNTIL };
    let mut tables =
        vec![writing::measure(plan(effort.choose(21, 2)), effort.choose(5, 1), &places, folder.path())?];
    let year = fill::fill(plan(effort.choose(365, 3)), &places, folder.path())?;
    say("the year is written");
    tables.push(sizes::table(&year)?);
    tables.extend(questions::measure(effort, &year)?);
    Ok(tables)
}
