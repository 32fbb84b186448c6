//! Running other programs.

use std::{
    io::Write as _,
    process::{Command, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, bail};
use portolan_testbed::Program;
use rustix::process::geteuid;

/// Prints a line. A terminal that was closed is no reason to stop cleaning up.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a line to stderr, unless it is empty.
pub(crate) fn warn(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// A command that runs `program` as root: directly, or through sudo.
pub(crate) fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("--").arg(program);
    command
}

/// The command as one would type it.
pub(crate) fn words(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(command.get_program().to_string_lossy()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Runs a command that the person sees, with the terminal.
///
/// # Errors
/// It could not be started or it failed; what it printed said why.
pub(crate) fn visibly(command: &mut Command) -> anyhow::Result<()> {
    let words = words(command);
    say(&format!("$ {words}"));
    let program = command.get_program().to_string_lossy().into_owned();
    let status =
        command.status().with_context(|| format!("cannot start {program}; is it installed and in PATH?"))?;
    if !status.success() {
        bail!("`{words}` failed ({status})");
    }
    Ok(())
}

/// Runs a command without the terminal and returns how it ended and all that it printed.
///
/// # Errors
/// It could not be started or did not end in time; then it is killed.
pub(crate) fn quietly(command: Command, limit: Duration) -> anyhow::Result<(ExitStatus, String)> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut program = Program::start(&name, command)?;
    let status = program.ended(limit)?;
    Ok((status, program.output()))
}

/// Runs a command without the terminal; what it printed, when it succeeds.
///
/// # Errors
/// It could not be started, failed, or did not end in time.
pub(crate) fn output_of(command: Command, limit: Duration) -> anyhow::Result<String> {
    let words = words(&command);
    let (status, output) = quietly(command, limit)?;
    if !status.success() {
        bail!("`{words}` failed ({status}):\n{output}");
    }
    Ok(output)
}
