//! One virtual machine, from its start to its end.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::bail;
use portolan_testbed::Program;

use super::kernel::Kernel;

/// To the first line of our own scripts in the host's root; about 46 s on a quiet machine.
const BOOT: Duration = Duration::from_secs(400);
/// From there to the end of the command.
const COMMAND: Duration = Duration::from_secs(1500);
/// From the end of the command to the end of qemu.
const POWER_OFF: Duration = Duration::from_secs(60);

/// What a machine's command gave.
pub(super) struct Outcome {
    /// Its exit code.
    pub(super) code: i32,
    /// All that the machine printed.
    pub(super) output: String,
    pub(super) booted_in: Duration,
    pub(super) ran_for: Duration,
}

/// Boots a kernel, waits until the command of its initramfs has ended and the machine is off.
///
/// However this ends, qemu has ended too.
pub(super) fn run(kernel: &Kernel, initramfs: &Path) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let mut machine = Program::start("qemu-system-x86_64", command(kernel, initramfs))?;
    let up = machine.wait_for_line("the machine to be up", BOOT, |line| {
        said(line).map(|word| word.strip_prefix("cannot start: ").map(str::to_owned))
    })?;
    if let Some(reason) = up {
        bail!("Linux {} could not be started: {reason}\n{}", kernel.release, machine.output());
    }
    let booted_in = started.elapsed();
    let code = machine.wait_for_line("the end of the command", COMMAND, |line| {
        said(line)?.strip_prefix("the command ended with ")?.parse::<i32>().ok()
    })?;
    let ran_for = started.elapsed().saturating_sub(booted_in);
    machine.ended(POWER_OFF)?;
    let output = machine.output().replace('\r', "");
    Ok(Outcome { code, output, booted_in, ran_for })
}

/// What our own scripts say on a line, behind what the firmware may have put there.
fn said(line: &str) -> Option<&str> {
    line.split_once("portolan-vm: ").map(|(_, word)| word.trim_end())
}

/// Not KVM: where this is itself a virtual machine, it may be there and hang in the BIOS. The host's root is shared read-only;
/// there is no network card. On a busy host the kernel would wait in vain for the first ticks of its timer (no_timer_check).
fn command(kernel: &Kernel, initramfs: &Path) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "10", "qemu-system-x86_64"]);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"]);
    command.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"]);
    command.args(["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"]);
    command.arg("-kernel").arg(&kernel.image).arg("-initrd").arg(initramfs);
    command.args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check rdinit=/init"]);
    command
}
