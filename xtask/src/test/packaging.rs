//! What is installed beside the programs: checked by the tools of those who read it.

use std::{fs, process::Command, time::Duration};

use anyhow::Context as _;
use portolan_testbed::find_program;

use super::report::Report;
use crate::{place::Place, tool};

const LIMIT: Duration = Duration::from_secs(60);
const UNIT: &str = "packaging/systemd/portoland.service";
/// systemd's own measure of what the daemon could do if it were taken over, times ten: 0 is nothing, 100 everything. It may
/// only become smaller. (It was 2.7 before a child could become the user whose AppImage it reads.)
const MOST_EXPOSURE: &str = "31";

pub(super) fn check(place: &Place, report: &mut Report) {
    tool_check(report, "unit: systemd-analyze verify", "systemd-analyze", || {
        let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
        let unit = dir.path().join("portoland.service");
        let text = fs::read_to_string(place.file(UNIT)).with_context(|| format!("cannot read {UNIT}"))?;
        // It wants the program to be there, which it is only once Portolan is installed.
        fs::write(&unit, text.replace("/usr/sbin/portoland", "/bin/true"))
            .context("cannot write a temporary file")?;
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no"]).arg(&unit);
        let output = tool::output_of(command, LIMIT)?;
        anyhow::ensure!(output.trim().is_empty(), "{output}");
        Ok(())
    });
    tool_check(report, "unit: systemd-analyze security", "systemd-analyze", || {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager", "--threshold", MOST_EXPOSURE]);
        let (status, table) = tool::quietly(arguments(command, place, &[UNIT]), LIMIT)?;
        let exposed: Vec<&str> =
            table.lines().filter(|line| line.contains('✗') || line.contains('→')).collect();
        anyhow::ensure!(status.success(), "it is over {MOST_EXPOSURE}/10:\n{}", exposed.join("\n"));
        Ok(())
    });
    tool_check(report, "desktop entries: desktop-file-validate", "desktop-file-validate", || {
        let entries = ["packaging/desktop/portolan.desktop", "packaging/desktop/portolan-autostart.desktop"];
        let output =
            tool::output_of(arguments(Command::new("desktop-file-validate"), place, &entries), LIMIT)?;
        anyhow::ensure!(!output.contains("error"), "{output}");
        Ok(())
    });
    tool_check(report, "polkit and D-Bus files: xmllint", "xmllint", || {
        let mut command = Command::new("xmllint");
        command.args(["--nonet", "--noout"]);
        let files = ["polkit/org.portolan.policy", "packaging/dbus/org.portolan.Daemon1.conf"];
        tool::output_of(arguments(command, place, &files), LIMIT).map(drop)
    });
}

fn tool_check(report: &mut Report, name: &str, program: &str, work: impl FnOnce() -> anyhow::Result<()>) {
    if find_program(program).is_none() {
        report.skip(name, &format!("{program} is not installed"));
    } else {
        report.check(name, work);
    }
}

fn arguments(mut command: Command, place: &Place, files: &[&str]) -> Command {
    command.args(files.iter().map(|file| place.file(file)));
    command
}
