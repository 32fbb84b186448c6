//! The window: `ui/bench/window.mjs` in Chromium.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::{place::Place, ui};

/// Builds the page where it changed, and measures it; the table that the script prints.
///
/// # Errors
/// The page does not build, Node.js or Chromium is missing, or the page does not do what a person does there.
pub(super) fn run(place: &Place, is_quick: bool) -> anyhow::Result<String> {
    ui::build_if_changed(place)?;
    let mut node = Command::new("node");
    node.arg("bench/window.mjs").current_dir(place.file("ui")).stderr(Stdio::inherit());
    if is_quick {
        node.arg("--quick");
    }
    let output = node.output().context("node could not be started")?;
    if !output.status.success() {
        bail!("ui/bench/window.mjs failed ({})", output.status);
    }
    String::from_utf8(output.stdout).context("it printed something else than text")
}
