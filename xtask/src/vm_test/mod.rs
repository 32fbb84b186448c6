//! `cargo xtask vm-test`: the real daemon on real traffic under another kernel, in a machine of qemu's (decision 9).

mod initramfs;
mod kernel;
mod machine;
mod tests;

use std::{fs, process::ExitCode};

use anyhow::Context as _;

use crate::{packages, place::Place, tool};
use kernel::Kernel;

/// What `vm-test` is asked for.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Kernels: packages of the archive, .deb files, or folders with a kernel and its modules [default: Debian 12's newest]
    #[arg(value_name = "KERNEL")]
    kernels: Vec<String>,
    /// The tests whose names hold this word, instead of the chosen ones
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// Run this shell command in the machine instead of the tests, and print what it prints
    #[arg(long, value_name = "COMMAND", conflicts_with = "only")]
    run: Option<String>,
    /// Install missing packages without asking
    #[arg(long)]
    yes: bool,
}

/// Boots each kernel once; fails when the tests failed under one of them.
pub(crate) fn vm_test(place: &Place, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    packages::install(&[packages::BASE, packages::MACHINES], arguments.yes)?;
    let cache = place.target.join("vm");
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let kernels = match arguments.kernels.as_slice() {
        [] => vec![Kernel::default(&cache)?],
        words => words.iter().map(|word| Kernel::find(word, &cache)).collect::<anyhow::Result<_>>()?,
    };
    let command = match &arguments.run {
        Some(command) => format!("cd '{}'\n{command}\n", place.top.display()),
        None => tests::command(place, &arguments.only)?,
    };
    let mut failed = Vec::new();
    for kernel in &kernels {
        tool::say(&format!("\nLinux {}: booting (about a minute) …", kernel.release));
        let initramfs = initramfs::write(place, kernel, &command)?;
        let outcome = machine::run(kernel, &initramfs)?;
        let verdict = if arguments.run.is_some() {
            tool::say(&outcome.output);
            (outcome.code == 0).then(String::new).with_context(|| format!("it ended with {}", outcome.code))
        } else {
            tests::judge(&outcome)
        };
        let times =
            format!("boot {} s, command {} s", outcome.booted_in.as_secs(), outcome.ran_for.as_secs());
        match verdict {
            Ok(summary) => tool::say(&format!("Linux {}: ok {summary} ({times})", kernel.release)),
            Err(error) => {
                tool::warn(&format!("Linux {}: FAILED ({times}): {error:#}", kernel.release));
                failed.push(kernel.release.as_str());
            }
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    tool::warn(&format!("failed under {}", failed.join(", ")));
    Ok(ExitCode::FAILURE)
}
