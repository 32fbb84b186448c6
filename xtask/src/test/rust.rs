//! The tests of the crates: first those that run anywhere, then those that need something of the machine.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use anyhow::bail;
use portolan_testbed::{Capability, find_program};
use serde::Deserialize;

use super::{
    libtest::{self, Ignored},
    report::{Outcome, Report},
};
use crate::{place::Place, tool};

/// A cold build on a slow machine.
pub(super) const BUILD_LIMIT: Duration = Duration::from_secs(3600);
/// One test program, or of the tests that need something those of one module.
const TEST_LIMIT: Duration = Duration::from_secs(1200);

/// A test program that cargo built.
struct Tests {
    name: String,
    program: PathBuf,
    /// The folder of its crate, where cargo would run it.
    dir: PathBuf,
    /// Where it writes TypeScript.
    bindings: PathBuf,
}

/// The part of cargo's messages that is read.
#[derive(Deserialize)]
struct Message {
    package_id: Option<String>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    executable: Option<PathBuf>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds and runs everything; whether it was built. The TypeScript of the wire types is written into `bindings`.
pub(super) fn check(place: &Place, bindings: &Path, report: &mut Report) -> bool {
    let mut all = Vec::new();
    let is_built = report.check("cargo build: programs and tests", || {
        super::cargo(place, &["build", "--workspace", "--bins", "--examples", "--quiet"])?;
        all = build(place, bindings)?;
        Ok(())
    });
    if !is_built {
        return false;
    }
    let mut waiting = Vec::new();
    for tests in &all {
        report.group(&tests.name, || {
            let (outcome, output) = tests.run(Command::new(&tests.program))?;
            waiting.push((tests, libtest::ignored(&output)));
            Ok(outcome)
        });
    }
    report.group("doc tests", || {
        let mut command = Command::new("cargo");
        command.args(["test", "--workspace", "--doc", "--quiet"]).current_dir(&place.top);
        let (status, output) = tool::quietly(command, BUILD_LIMIT)?;
        outcome(status, output)
    });
    for (tests, ignored) in waiting {
        run_ignored(tests, ignored, report);
    }
    true
}

fn build(place: &Place, bindings: &Path) -> anyhow::Result<Vec<Tests>> {
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]);
    command.current_dir(&place.top);
    let output = tool::output_of(command, BUILD_LIMIT)?;
    let tests: Vec<Tests> = output.lines().filter_map(|line| tests_of(place, bindings, line)).collect();
    if tests.is_empty() {
        bail!("cargo named no test program:\n{output}");
    }
    Ok(tests)
}

/// Reads one of cargo's messages; `None` when it is about anything but a test program.
fn tests_of(place: &Place, bindings: &Path, line: &str) -> Option<Tests> {
    let message: Message = serde_json::from_str(line).ok()?;
    let (program, target, manifest) = (message.executable?, message.target?, message.manifest_path?);
    message.profile.filter(|profile| profile.test)?;
    message.package_id?;
    let dir = manifest.parent()?.to_owned();
    let name = format!("{}: {}", place.short(&dir).display(), target.name);
    Some(Tests { name, program, dir, bindings: bindings.to_owned() })
}

impl Tests {
    /// Runs the program, or what runs it as root, and counts.
    fn run(&self, mut command: Command) -> anyhow::Result<(Outcome, String)> {
        command.current_dir(&self.dir).env("CARGO_MANIFEST_DIR", &self.dir).env_remove("UPDATE_GOLDEN");
        command.env("TS_RS_EXPORT_DIR", &self.bindings);
        let (status, output) = tool::quietly(command, TEST_LIMIT)?;
        Ok((outcome(status, output.clone())?, output))
    }
}

/// What a test program counted. One that ends badly although no test failed has failed.
fn outcome(status: ExitStatus, output: String) -> anyhow::Result<Outcome> {
    let Some(mut counts) = libtest::counts(&output) else { bail!("it ended without a result:\n{output}") };
    if !status.success() {
        counts.failed = counts.failed.max(1);
    }
    Ok(Outcome { counts, output })
}

/// Runs the tests that need something, those of a module with the same needs together, or says why not.
fn run_ignored(tests: &Tests, ignored: Vec<Ignored>, report: &mut Report) {
    let mut groups: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for test in ignored {
        let module = test.name.rsplit_once("::").map_or("", |(module, _)| module).to_owned();
        groups.entry((module, test.reason)).or_default().push(test.name);
    }
    for ((module, reason), names) in groups {
        let title = format!("{} {module} ({reason})", tests.name);
        let Some(needs) = libtest::needs(&reason) else {
            let known = Capability::ALL.map(Capability::words).join(", ");
            report.check(&title, || bail!("#[ignore] must say \"needs …\" with some of: {known}"));
            continue;
        };
        match needs.iter().find_map(|need| lack(*need)) {
            Some(lack) => names.iter().for_each(|name| report.skip(&format!("{} {name}", tests.name), &lack)),
            None => {
                report.group(&title, || {
                    let mut command = program(tests, needs.contains(&Capability::Root));
                    command.args(["--ignored", "--exact", "--test-threads=1"]).args(&names);
                    tests.run(command).map(|(outcome, _)| outcome)
                });
            }
        }
    }
}

/// Why this machine cannot give what a test needs.
fn lack(need: Capability) -> Option<String> {
    if need != Capability::Root || tool::is_root() {
        return need.missing();
    }
    if find_program("sudo").is_none() {
        return Some("this is not root, and sudo is not installed".to_owned());
    }
    // Asks for the password on the terminal, when there is one and sudo does not know it yet.
    let is_allowed = Command::new("sudo").arg("-v").status().is_ok_and(|status| status.success());
    (!is_allowed).then(|| "this is not root, and sudo does not allow it".to_owned())
}

fn program(tests: &Tests, needs_root: bool) -> Command {
    if !needs_root || tool::is_root() {
        return Command::new(&tests.program);
    }
    // sudo may ask nothing more: it has been asked before, and a program in the background has no terminal.
    let mut command = Command::new("sudo");
    command.args(["-n", "--preserve-env=CARGO_MANIFEST_DIR,TS_RS_EXPORT_DIR,RUST_BACKTRACE", "--"]);
    command.arg(&tests.program);
    command
}
