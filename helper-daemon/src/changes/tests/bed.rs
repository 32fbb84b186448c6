use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use portolan_bpf::{FileId, Stamps};
use portolan_core::{
    ApplicationKey, ChangeKind, Executable, Pid, ProcessEvidence, Provenance, Sha256Digest, Uid, UnixMillis,
    Untrusted,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{
    changes::{Answer, Changed, Changer, Changes, Question, Verdict, Watch},
    clock::Now,
    identity::FileKey,
    monitor::{WatchedFiles, stat_as_known},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Who did it, by the number alone.
#[derive(Clone)]
pub(super) struct Who {
    pid: Pid,
    path: &'static str,
}

impl Changer for Who {
    fn chain(&self) -> Vec<ProcessEvidence> {
        vec![ProcessEvidence {
            pid: self.pid,
            started: UnixMillis(0),
            uid: Uid(0),
            path: self.path.into(),
            sha256: None,
            command_line: None,
            working_directory: None,
        }]
    }
}

/// A folder, what watches in it, and what stands for the package databases.
pub(super) struct Bed {
    pub(super) folder: TempDir,
    pub(super) watched: WatchedFiles,
    pub(super) changes: Changes<Who>,
    pub(super) asked: Vec<Question>,
    /// How much later it is than the clock says.
    pub(super) ahead_ns: u64,
    /// How many questions find no room.
    pub(super) refused: usize,
    pub(super) answer: Box<dyn FnMut(&Question) -> Answer>,
    pub(super) told: Vec<Verdict>,
    /// What whoever changes something runs.
    pub(super) path_of_who: &'static str,
}

impl Bed {
    pub(super) fn new() -> Self {
        let answer = |question: &Question| Answer {
            number: question.number,
            sha256: question.sha256,
            provenance: Provenance::Unowned,
            is_being_changed: false,
            holders: Vec::new(),
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            watched: WatchedFiles::alone(),
            changes: Changes::start(|| {}).unwrap(),
            asked: Vec::new(),
            ahead_ns: 0,
            refused: 0,
            answer: Box::new(answer),
            told: Vec::new(),
            path_of_who: "",
        }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and watches it as if it had been executed and had talked.
    pub(super) fn watch_new(&mut self, name: &str, content: &str) -> PathBuf {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        self.watch(&path);
        self.settle();
        path
    }

    pub(super) fn watch(&mut self, path: &Path) {
        self.watch_in(path, path, Pid(std::process::id()));
    }

    /// What a process sees as `path`, and this one as `here`.
    pub(super) fn watch_in(&mut self, path: &Path, here: &Path, pid: Pid) {
        let file = std::fs::File::open(here).unwrap();
        let key = FileKey::of(&file).unwrap();
        let stat = stat_as_known(&file).unwrap();
        let executed = FileId {
            device: (stat.stx_dev_major, stat.stx_dev_minor),
            inode: stat.stx_ino,
            generation: 0,
            changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            size: key.size,
            stamps: Stamps::Fine,
            is_served: false,
            is_guarded: true,
            is_overlaid: false,
        };
        let sha256 = hash(&std::fs::read(here).unwrap());
        let path = Untrusted::from_bytes(path.as_os_str().as_bytes());
        let application = ApplicationKey::of_path(&Executable { path: path.clone(), sha256 });
        self.changes.watch(Watch { application, path, sha256, executed: Some((executed, pid)) }, Now::read());
    }

    /// Watches what had this content before this daemon.
    pub(super) fn watch_known(&mut self, path: &Path, content: &str) {
        let (path, sha256) = (Untrusted::from_bytes(path.as_os_str().as_bytes()), hash(content.as_bytes()));
        let application = ApplicationKey::of_path(&Executable { path: path.clone(), sha256 });
        self.changes.watch(Watch { application, path, sha256, executed: None }, Now::read());
    }

    /// One turn of the recorder.
    pub(super) fn step(&mut self) {
        let mut now = Now::read();
        now.monotonic.0 += self.ahead_ns;
        let path = self.path_of_who;
        self.changes.take(&mut self.watched, |pid| Some(Who { pid, path }), now);
        let (asked, refused) = (&mut self.asked, &mut self.refused);
        let mut ask = |question| {
            let has_room = *refused == 0;
            *refused = refused.saturating_sub(1);
            asked.extend(has_room.then_some(question));
            has_room
        };
        let told = self.changes.settle(&mut self.watched, &mut ask, now);
        self.told.extend(told);
        for question in std::mem::take(&mut self.asked) {
            let answer = (self.answer)(&question);
            self.changes.answered(answer, now);
        }
    }

    /// Takes in all that has been done, until nothing is left to do.
    pub(super) fn settle(&mut self) {
        self.until("everything has been looked at", |bed| {
            bed.changes.is_idle() && bed.watched.pause_left(Now::read().monotonic).is_none()
        });
    }

    pub(super) fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.step();
            if is_so(self) {
                return;
            }
            assert!(Instant::now() < end, "it is not so that {what}; told: {:?}", self.told);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Goes on until it is seen that something is gone, which may come back.
    pub(super) fn see_absence(&mut self) {
        self.until("its absence is seen", |bed| bed.changes.is_any_gone());
    }

    /// All that was told so far, and of what kind it was.
    pub(super) fn take_told(&mut self) -> Vec<Verdict> {
        self.settle();
        std::mem::take(&mut self.told)
    }

    /// The one thing that was told, which nothing explains.
    pub(super) fn unexplained(&mut self) -> Changed {
        let told = self.take_told();
        match <[Verdict; 1]>::try_from(told) {
            Ok([Verdict::Unexplained(changed)]) => changed,
            other => panic!("{other:?}"),
        }
    }

    /// The same, when this is what was done, and that is who did it.
    pub(super) fn assert_change(
        &mut self,
        path: &Path,
        kind: ChangeKind,
        after: Option<&str>,
        pid: u32,
    ) -> Changed {
        let changed = self.unexplained();
        let by: Vec<u32> = changed.change.by.iter().map(|process| process.pid.0).collect();
        let after = after.map(|content| hash(content.as_bytes()));
        let path = Untrusted::from_bytes(path.as_os_str().as_bytes());
        assert_eq!(
            (&changed.path, changed.change.kind, changed.change.sha256, by),
            (&path, kind, after, vec![pid])
        );
        changed
    }
}

pub(super) fn hash(content: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(content).into())
}

/// Runs a shell command, which has ended when this returns; gives the process id of the program that it became.
pub(super) fn run(script: &str, arguments: &[&Path]) -> u32 {
    let mut child = Command::new("sh").args(["-ec", script, "test"]).args(arguments).spawn().unwrap();
    assert!(child.wait().unwrap().success(), "{script}");
    child.id()
}
