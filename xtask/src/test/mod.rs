//! `cargo xtask test`: every check and every test, each named with its time; what cannot run here is skipped by name.

mod architecture;
mod libtest;
mod packaging;
mod report;
mod rust;
mod tree;
mod windows;

use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::{bench, contracts, packages, place::Place, test::report::Report, tool};

/// How many tests passed and failed, from what a test program printed; `None` when it died before it said so.
pub(crate) fn counts(output: &str) -> Option<(u64, u64)> {
    libtest::counts(output).map(|counts| (counts.passed, counts.failed))
}

/// Runs everything; fails when anything failed.
pub(crate) fn test(place: &Place, yes: bool) -> anyhow::Result<ExitCode> {
    packages::install(&[packages::BASE, packages::WINDOWS, packages::SCENARIOS, packages::TESTS], yes)?;
    for packaged in [bench::NGINX, bench::RESOLVED] {
        // What needs it is skipped then.
        if let Err(error) = bench::unpack(place, packaged) {
            tool::warn(&format!("{} is not there: {error:#}", packaged.0));
        }
    }
    let mut report = Report::new();

    report.check("files: none is over 400 lines", || tree::lengths(place));
    report.check("files: every folder has its place", || tree::folders(place));
    report.check("crates: who may know whom", || architecture::dependencies(place));
    report.check("crates: no unsafe code but at the kernel", || architecture::unsafe_code(place));
    report.check("cargo fmt", || cargo(place, &["fmt", "--all", "--check"]));
    packaging::check(place, &mut report);
    windows::check(place, &mut report);
    report.check("cargo clippy", || {
        cargo(place, &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
    });
    licences(place, &mut report);
    report.check("contract: abi.rs is generated from abi.h", || contracts::check_abi(place));
    // The wire types write their TypeScript when they are tested: not into the checkout.
    let bindings = tempfile::tempdir().context("cannot make a temporary folder")?;
    if rust::check(place, bindings.path(), &mut report) {
        report.check("contract: TypeScript is generated from the wire types", || {
            contracts::check_bindings(place, bindings.path())
        });
    }

    Ok(if report.end() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn cargo(place: &Place, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(&place.top);
    tool::output_of(command, rust::BUILD_LIMIT).map(drop)
}

/// cargo-deny is a tool of its own, which nobody has to install; without the network it judges all but advisories.
fn licences(place: &Place, report: &mut Report) {
    let name = "cargo deny: licences, bans, sources";
    if portolan_testbed::find_program("cargo-deny").is_none() {
        report.skip(name, "cargo-deny is not installed (cargo install cargo-deny)");
    } else {
        report.check(name, || cargo(place, &["deny", "--offline", "check", "licenses", "bans", "sources"]));
    }
}
