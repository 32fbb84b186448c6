use std::{cell::OnceCell, rc::Rc};

use portolan_core::Untrusted;
use serde::{Deserialize, Serialize};

use super::{
    exec::{ContentOf, Exec, Life},
    file::FileKey,
    process::Process,
};
use crate::clock::Moment;

/// What an AppImage's mount folder begins with, in whichever folder for temporary files it is.
const MOUNT: &str = ".mount_";

/// The mount of an AppImage, as far as its programs were seen to come from it: its AppImage is the file that was executed before
/// the first of them, in the same process. All that they start has a share in it, and belongs to it while it executes from there.
#[derive(Debug)]
pub(super) struct AppImageMount {
    /// With everything before it in the path.
    folder: String,
    /// Of the first file that was executed in it.
    device: OnceCell<(u32, u32)>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// What was executed before, and how long it ran. Only its content says whether it is an AppImage.
    Executed(Rc<Exec>, Life),
    /// What a daemon before this one has found out.
    Recalled(AppImageFile),
}

/// The file of an AppImage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AppImageFile {
    /// By which it was executed.
    pub(super) path: Untrusted,
    /// The file.
    pub(super) key: Option<FileKey>,
    /// Whether that was in a mount of the machine.
    pub(super) is_in_machines_mount: bool,
}

/// A mount that outlives the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedMount {
    folder: String,
    device: (u32, u32),
    file: AppImageFile,
}

impl AppImageMount {
    /// In which mount an exec has a share that came at that time after what the same process ran before.
    pub(super) fn of(exec: &Exec, process: &Process, at: Moment) -> Option<Rc<Self>> {
        let before = &process.exec;
        let Some(folder) = folder_of(exec) else { return before.mount.clone() };
        let mount = match before.mount.clone().filter(|mount| mount.folder == folder) {
            Some(mount) => mount,
            None => {
                let life = Life { ended: Some(at), end_is_guessed: false, hold: process.hold.get() };
                let source = Source::Executed(Rc::new(before.without_mount()), life);
                Rc::new(Self { folder: folder.to_owned(), device: OnceCell::new(), source })
            }
        };
        if in_mount(exec.note.path.as_raw()).is_some()
            && let Some(file) = exec.file
        {
            mount.device.get_or_init(|| file.device);
        }
        Some(mount)
    }

    /// Whether this file was executed from it.
    pub(super) fn holds(&self, exec: &Exec) -> bool {
        in_mount(exec.note.path.as_raw()) == Some(&self.folder)
            && exec.file.is_some_and(|file| self.device.get() == Some(&file.device))
    }

    /// What was executed before its first program, where it is still to be found out whether that is an AppImage.
    pub(super) fn executed(&self) -> Option<&Rc<Exec>> {
        match &self.source {
            Source::Executed(exec, _) => Some(exec),
            Source::Recalled(_) => None,
        }
    }

    /// Its AppImage; `None` in it when there is none, `None` while that is being found out.
    pub(super) fn file(&self) -> Option<Option<AppImageFile>> {
        match &self.source {
            Source::Recalled(file) => Some(Some(file.clone())),
            Source::Executed(exec, life) => {
                let ContentOf::Known(content) = exec.content(life) else { return None };
                let note = &exec.note;
                Some(content.is_ok_and(|reading| reading.is_app_image).then(|| AppImageFile {
                    path: note.path.clone(),
                    key: exec.image.as_ref().map(|image| image.key),
                    is_in_machines_mount: note.is_in_machines_mount,
                }))
            }
        }
    }

    /// What outlives the daemon; `None` in it when nothing is to, `None` while that is being found out.
    pub(super) fn remembered(&self) -> Option<Option<RememberedMount>> {
        let file = self.file()?;
        let device = self.device.get().copied();
        let mount = |(file, device)| RememberedMount { folder: self.folder.clone(), device, file };
        Some(file.zip(device).map(mount))
    }

    pub(super) fn recalled(remembered: RememberedMount) -> Self {
        let RememberedMount { folder, device, file } = remembered;
        Self { folder, device: device.into(), source: Source::Recalled(file) }
    }
}

/// The mount folder that an exec is about: that of its file, else that of its script.
fn folder_of(exec: &Exec) -> Option<&str> {
    let script = || exec.script.as_ref().and_then(|script| in_mount(script.path.as_raw()));
    in_mount(exec.note.path.as_raw()).or_else(script)
}

/// The path of the mount folder that a file is in.
fn in_mount(path: &str) -> Option<&str> {
    let (at, _) = path.match_indices('/').find(|(at, _)| path[at + 1..].starts_with(MOUNT))?;
    let end = path[at + 1..].find('/')?;
    Some(&path[..at + 1 + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_in_a_mount_whose_folder_is_on_the_way() {
        for (path, folder) in [
            ("/tmp/.mount_KritaAb12xY/usr/bin/krita", Some("/tmp/.mount_KritaAb12xY")),
            ("/home/u/tmp/.mount_x/.mount_y/AppRun", Some("/home/u/tmp/.mount_x")),
            ("/tmp/.mount_x", None),
            ("/tmp/x.mount_/y", None),
            ("", None),
        ] {
            assert_eq!(in_mount(path), folder, "{path}");
        }
    }
}
