//! Where the kernel keeps the programs' tables and links while no daemon runs.
//!
//! ```text
//! /sys/fs/bpf/portolan/<layout>/maps/<table>
//! /sys/fs/bpf/portolan/<layout>/links/<hook>
//! ```
//! Tables of one layout can be taken over by a daemon of the same layout. Those of another layout cannot be read: their links
//! are removed, and counting begins anew.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use portolan_bpf::LAYOUT;
use rustix::{
    fs::statfs,
    mount::{MountFlags, mount},
};

use super::left_behind::{LeftBehind, instance_of};
use crate::instance::lock_patiently;

/// `BPF_FS_MAGIC`, linux/magic.h.
const BPF_FILESYSTEM: u64 = 0xcafe_4a11;
/// Where systemd mounts it; a machine without systemd may not have done so.
const MOUNT_POINT: &str = "/sys/fs/bpf";

/// Why nothing is kept.
#[derive(Debug)]
pub(super) enum PinError {
    /// Another daemon counts there.
    InUse(PathBuf),
    /// A sentence.
    Unusable(String),
}

/// The folder of this layout.
#[derive(Debug)]
pub(super) struct Pins {
    root: PathBuf,
    dir: PathBuf,
    /// What was dropped.
    left_behind: Vec<LeftBehind>,
    /// Held as long as this daemon counts here.
    _lock: File,
}

impl Pins {
    /// Makes the folder where there is none, and detaches programs of other layouts.
    ///
    /// # Errors
    /// When nothing can be kept there, or another daemon does.
    pub(super) fn open(root: &Path) -> Result<Self, PinError> {
        let failed = |error: io::Error| PinError::Unusable(format!("cannot use {}: {error}", root.display()));
        if root.starts_with(MOUNT_POINT) && !is_bpf_filesystem(Path::new(MOUNT_POINT)).map_err(failed)? {
            mount("bpf", MOUNT_POINT, "bpf", MountFlags::NOSUID | MountFlags::NOEXEC, None).map_err(
                |error| {
                    PinError::Unusable(format!("cannot mount the BPF filesystem on {MOUNT_POINT}: {error}"))
                },
            )?;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed)?;
        if !is_bpf_filesystem(root).map_err(failed)? {
            return Err(PinError::Unusable(format!("{} is not in a BPF filesystem", root.display())));
        }
        let lock = File::open(root).map_err(failed)?;
        lock_patiently(&lock).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => PinError::InUse(root.into()),
            error => failed(error.into()),
        })?;
        let mut pins =
            Self { root: root.into(), dir: root.join(LAYOUT), left_behind: Vec::new(), _lock: lock };
        for entry in fs::read_dir(root).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path != pins.dir && is_layout(&path) {
                let left = LeftBehind::take(&path, "its kernel programs are of another version");
                pins.left_behind.extend(left.map_err(failed)?);
                fs::remove_dir_all(path).map_err(failed)?;
            }
        }
        for folder in ["maps", "links"] {
            DirBuilder::new().recursive(true).mode(0o700).create(pins.dir.join(folder)).map_err(failed)?;
        }
        Ok(pins)
    }

    /// Which tables are here; `None` when there are none.
    pub(super) fn instance(&self) -> Option<u64> {
        instance_of(&self.map("instance"))
    }

    pub(super) fn map(&self, name: &str) -> PathBuf {
        self.dir.join("maps").join(name)
    }

    pub(super) fn link(&self, name: &str) -> PathBuf {
        self.dir.join("links").join(name)
    }

    /// Detaches hooks of earlier daemons that this one does not have.
    pub(super) fn keep_links(&self, known: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(self.dir.join("links"))? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(&known) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Detaches everything, and forgets what was counted, but for how much it was.
    pub(super) fn clear(&mut self, why: &'static str) -> io::Result<()> {
        self.left_behind.extend(LeftBehind::take(&self.dir, why)?);
        for entry in fs::read_dir(self.dir.join("maps"))? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// What could not be gone on with.
    pub(super) fn left_behind(&self) -> &[LeftBehind] {
        &self.left_behind
    }

    /// The same, and leaves nothing behind.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(&self.dir)?;
        fs::remove_dir(&self.root)
    }
}

/// Detaches whatever a daemon left in the kernel under this folder. `false` when there was nothing.
///
/// # Errors
/// When a daemon uses it, when something is there and cannot be removed, or when it is no folder of a daemon's.
pub fn detach_all(root: &Path) -> io::Result<bool> {
    let lock = match File::open(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        lock => lock?,
    };
    if !is_bpf_filesystem(root)? || root == Path::new(MOUNT_POINT) {
        return Err(io::Error::other("it is not a folder in a BPF filesystem"));
    }
    lock_patiently(&lock).map_err(|_| io::Error::other("a daemon uses it"))?;
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if is_layout(&path) {
            fs::remove_dir_all(path)?;
        }
    }
    fs::remove_dir(root).map(|()| true)
}

/// Whether a folder is named as those of layouts are; what others pinned is left alone.
fn is_layout(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() == LAYOUT.len() && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_bpf_filesystem(path: &Path) -> io::Result<bool> {
    Ok(u64::try_from(statfs(path)?.f_type).is_ok_and(|magic| magic == BPF_FILESYSTEM))
}
