//! What the machine starts with: busybox, the modules to reach the host's files, and the two scripts.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use portolan_testbed::find_program;

use super::kernel::Kernel;
use crate::{place::Place, tool};

/// Loaded before anything else; what they need comes with them.
const MODULES: [&str; 3] = ["virtio_pci", "9pnet_virtio", "9p"];

/// Writes the archive of a kernel that runs `command` in the host's root; returns where it is.
pub(super) fn write(place: &Place, kernel: &Kernel, command: &str) -> anyhow::Result<PathBuf> {
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    let root = dir.path();
    for name in ["bin", "dev", "modules"] {
        fs::create_dir(root.join(name))
            .with_context(|| format!("cannot make {name} in {}", root.display()))?;
    }
    let busybox = find_program("busybox").context("busybox is not installed (Debian: busybox-static)")?;
    copy(&busybox, &root.join("bin/busybox"))?;
    for (index, module) in kernel.module_files(&MODULES)?.iter().enumerate() {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        let plain = name.strip_suffix(".xz").unwrap_or(&name);
        let to = root.join("modules").join(format!("{index:02}-{plain}"));
        if plain == name { copy(module, &to)? } else { decompress(module, &to)? }
    }
    let folders = format!("{}\n{}\n", place.top.display(), place.target.display());
    let modprobe = format!("#!/bin/sh\nexec /sbin/modprobe -d '{}' \"$@\"\n", kernel.root.display());
    let files = [
        ("init", include_str!("init.sh")),
        ("inside.sh", include_str!("inside.sh")),
        ("modprobe", &modprobe),
        ("folders", &folders),
        ("command", command),
    ];
    for (name, text) in files {
        let path = root.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} executable", path.display()))?;
    }
    let archive = place.target.join("vm").join(format!("initramfs-{}.cpio", kernel.release));
    pack(&busybox, root, &archive)?;
    Ok(archive)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {}", from.display()))
}

fn decompress(from: &Path, to: &Path) -> anyhow::Result<()> {
    let file = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut xz = Command::new("xz");
    xz.args(["--decompress", "--stdout"]).arg(from).stdout(file);
    succeed(xz)
}

/// Packs everything under `root`, as the kernel wants it (Documentation/driver-api/early-userspace/buffer-format.rst).
fn pack(busybox: &Path, root: &Path, archive: &Path) -> anyhow::Result<()> {
    let mut names = String::new();
    list(root, root, &mut names).with_context(|| format!("cannot read {}", root.display()))?;
    let list = root.with_extension("list");
    fs::write(&list, names).with_context(|| format!("cannot write {}", list.display()))?;
    let file = File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let names = File::open(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut cpio = Command::new(busybox);
    cpio.args(["cpio", "-o", "-H", "newc", "-R", "0:0"]).current_dir(root).stdin(names).stdout(file);
    let packed = succeed(cpio);
    fs::remove_file(&list).with_context(|| format!("cannot remove {}", list.display()))?;
    packed
}

/// Folders before what is in them.
fn list(top: &Path, dir: &Path, names: &mut String) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if let Ok(name) = path.strip_prefix(top) {
            names.push_str(&format!("{}\n", name.display()));
        }
        if path.is_dir() {
            list(top, &path, names)?;
        }
    }
    Ok(())
}

fn succeed(mut command: Command) -> anyhow::Result<()> {
    let words = tool::words(&command);
    let output = command
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .with_context(|| format!("cannot start `{words}`"))?;
    if !output.status.success() {
        bail!("`{words}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
