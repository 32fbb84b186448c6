//! The windows: npm.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;

use crate::{place::Place, tool};

/// How long npm may take to fetch packages or build.
pub(crate) const LIMIT: Duration = Duration::from_secs(900);

/// An npm command at the top of the checkout.
pub(crate) fn npm(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(&place.top);
    command
}

/// Whether `npm ci` has something to do.
pub(crate) fn needs_packages(place: &Place) -> bool {
    let installed = changed(&place.file("node_modules/.package-lock.json"));
    installed.is_none() || changed(&place.file("package-lock.json")) > installed
}

/// Fetches packages and builds the windows, each only when something changed since. Shows what npm prints.
pub(crate) fn build_if_changed(place: &Place) -> anyhow::Result<()> {
    if needs_packages(place) {
        tool::visibly(&mut npm(place, &["ci", "--no-audit", "--no-fund"]))?;
    }
    let built = changed(&place.file("ui/dist/index.html"));
    if built.is_none() || newest(&place.file("ui")).context("cannot read ui/")? > built {
        tool::visibly(&mut npm(place, &["run", "build"]))?;
    }
    Ok(())
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

/// When the newest file under `dir` was changed, what is built or fetched left out.
fn newest(dir: &Path) -> anyhow::Result<Option<SystemTime>> {
    let mut newest = None;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let of_this = if !entry.file_type()?.is_dir() {
            changed(&entry.path())
        } else if entry.file_name() == "dist" || entry.file_name() == "node_modules" {
            None
        } else {
            self::newest(&entry.path())?
        };
        newest = newest.max(of_this);
    }
    Ok(newest)
}
