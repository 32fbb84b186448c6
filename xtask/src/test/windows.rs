//! The windows: types, unit tests, build, and the built page in a browser.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde::Deserialize;

use super::report::{Counts, Outcome, Report};
use crate::{place::Place, tool, ui};

/// What the built page is tried in; Debian's package `chromium`.
const CHROMIUM: &str = "/usr/bin/chromium";

/// The part of vitest's report that is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vitest {
    num_passed_tests: u64,
    num_failed_tests: u64,
    num_pending_tests: u64,
    num_failed_test_suites: u64,
}

pub(super) fn check(place: &Place, report: &mut Report) {
    if ui::needs_packages(place) {
        report.check("npm ci", || {
            for folder in ["node_modules", "ui/node_modules"] {
                // npm would empty what the link leads to: the packages of another checkout.
                let is_link = place.file(folder).is_symlink();
                anyhow::ensure!(
                    !is_link,
                    "{folder} is a link; remove it, so that npm fills a folder of its own"
                );
            }
            npm(place, &["ci", "--no-audit", "--no-fund"])
        });
    }
    report.check("windows: svelte-check", || npm(place, &["run", "check"]));
    report.group("windows: vitest", || vitest(place));
    let is_built = report.check("windows: build", || npm(place, &["run", "build"]));
    if !Path::new(CHROMIUM).exists() {
        report.skip("windows: in Chromium", &format!("{CHROMIUM} is missing"));
    } else if is_built {
        report.check("windows: in Chromium", || npm(place, &["run", "e2e", "--workspace", "ui"]));
    }
}

fn npm(place: &Place, arguments: &[&str]) -> anyhow::Result<()> {
    tool::output_of(ui::npm(place, arguments), ui::LIMIT).map(drop)
}

fn vitest(place: &Place) -> anyhow::Result<Outcome> {
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = dir.path().join("vitest.json");
    let file = format!("--outputFile.json={}", path.display());
    let arguments = ["test", "--workspace", "ui", "--", "--reporter=default", "--reporter=json", &file];
    let (status, output) = tool::quietly(ui::npm(place, &arguments), ui::LIMIT)?;
    let json = fs::read_to_string(&path).with_context(|| format!("vitest wrote no report:\n{output}"))?;
    let vitest: Vitest = serde_json::from_str(&json).context("cannot read vitest's report")?;
    // A file that cannot be loaded holds no test that could fail.
    let failed = vitest.num_failed_tests.max(vitest.num_failed_test_suites.min(1));
    // Nor does an error outside of any test.
    let failed = if status.success() { failed } else { failed.max(1) };
    let counts = Counts { passed: vitest.num_passed_tests, failed, skipped: vitest.num_pending_tests };
    Ok(Outcome { counts, output })
}
