use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
};

use portolan_bpf::{Environment, FileId};
use portolan_core::{
    ApplicationKey, Code, Facts, FileContent, FileOrigin, Interpreted, Lineage, MonotonicNs, Placement,
    Provenance, Unattributed, UnitManager, Untrusted,
};
use serde::{Deserialize, Serialize};

use super::{
    app_image::{AppImageFile, AppImageMount},
    image::{Content, Image, Reading},
    origin::{Answer, AskedScript, Place, Question, Source, UNANSWERED},
    process::{Hold, Process},
    proof::Run,
    script::Script,
};
use crate::clock::{Moment, Now};

/// What a process executed: the same for all that it forks, until they execute something themselves.
#[derive(Debug)]
pub(super) struct Exec {
    /// What was noted at that moment.
    pub(super) note: ExecNote,
    /// The file as the kernel saw it.
    pub(super) file: Option<FileId>,
    /// When (of a file that others may write to: when it began to); of a process that was found running: when it was found.
    pub(super) at: Moment,
    /// Its content; `None` when it could not be opened.
    pub(super) image: Option<Rc<Image>>,
    /// What it runs besides itself, where it is an interpreter.
    pub(super) script: Option<Script>,
    /// The name by which it was executed, of which nothing is proven; `None` where no daemon saw that.
    pub(super) seen_as: Option<Untrusted>,
    /// Whether this daemon saw it executed.
    pub(super) was_seen: bool,
    /// The mount of an AppImage that this came from, or what started it.
    pub(super) mount: Option<Rc<AppImageMount>>,
    /// After the ctime of its file had been asked for; `None` until then.
    pub(super) stamps_asked: Cell<Option<Now>>,
    /// What the machine was asked about its files.
    pub(super) asked: RefCell<Asked>,
    /// Whether it is told that it cannot be identified.
    pub(super) is_told: Cell<bool>,
    answer: OnceCell<Answer>,
    origin: OnceCell<Origin>,
}

/// How far the machine was asked about the files of an exec.
#[derive(Debug, Clone, Default)]
pub(super) enum Asked {
    /// Nobody needed it.
    #[default]
    No,
    /// There was no room for the question; when for the first time.
    Refused { since: MonotonicNs },
    /// By the question of this number, at this time; and when for the first time.
    Waits { number: u64, at: MonotonicNs, since: MonotonicNs },
    /// This was said, and may be another answer soon.
    NotYet { answer: Box<Answer>, since: MonotonicNs },
}

/// Which application an exec is, and where its content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin<P = Arc<Provenance>> {
    pub(super) application: ApplicationKey,
    pub(super) provenance: P,
    /// Of what it runs, where it is an interpreter.
    pub(super) code: Option<P>,
}

/// What is known of an exec beside its file. What the program itself said is hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecNote {
    /// The path of the file, as its mount namespace knew it; empty when it is not known.
    pub path: Untrusted,
    /// Its arguments, joined with spaces, secrets masked; `None` when they are not known or not kept (any more).
    pub command_line: RefCell<Option<Untrusted>>,
    /// What it runs besides itself, where it is an interpreter.
    pub interpreted: Option<Interpreted>,
    /// Its working directory; `None` when it is not known.
    pub working_directory: Option<Untrusted>,
    /// What its environment said of what is loaded.
    pub environment: Environment,
    /// Where it was.
    pub placement: Placement,
    /// Whether it was in the machine's own mount namespace.
    pub has_machines_mounts: bool,
    /// Whether its paths began where the machine's do.
    pub has_machines_root: bool,
    /// Whether nobody but root has mounted what it saw.
    pub has_roots_mounts: bool,
    /// Whether the file was in a mount of the machine.
    pub is_in_machines_mount: bool,
}

/// When a process that runs an [`Exec`] was there.
#[derive(Debug)]
pub(super) struct Life {
    /// When it ended; `None` while it is there.
    pub(super) ended: Option<Moment>,
    /// Whether that is only when it was found out.
    pub(super) end_is_guessed: bool,
    /// Whether it had its file all the time.
    pub(super) hold: Hold,
}

/// What is known of the content that a process ran.
pub(super) enum ContentOf {
    /// It is being hashed.
    Pending,
    /// Only when nobody could write to the file because the process had it: somebody has to look whether it did.
    Doubted,
    /// What it is, or why that is not known.
    Known(Result<Reading, Unattributed>),
}

impl Exec {
    pub(super) fn new(note: ExecNote, file: Option<FileId>, at: Moment, image: Option<Rc<Image>>) -> Self {
        let script = note.interpreted.as_ref().and_then(|interpreted| {
            Some(Script::new(interpreted.script()?.clone(), interpreted.is_named_absolutely()))
        });
        Self {
            note,
            file,
            at,
            image,
            script,
            seen_as: None,
            was_seen: false,
            mount: None,
            stamps_asked: Cell::new(None),
            asked: RefCell::default(),
            is_told: Cell::new(false),
            answer: OnceCell::new(),
            origin: OnceCell::new(),
        }
    }

    /// The same without the mount that it came from.
    pub(super) fn without_mount(&self) -> Self {
        let mut alone = Self::new(self.note.clone(), self.file, self.at, self.image.clone());
        alone.seen_as = self.seen_as.clone();
        alone.was_seen = self.was_seen;
        alone.stamps_asked.set(self.stamps_asked.get());
        alone.is_told.set(self.is_told.get());
        alone
    }

    /// The AppImage that this was executed from; `None` in it when there is none, `None` while that is being found out.
    pub(super) fn app_image(&self) -> Option<Option<AppImageFile>> {
        match self.mount.as_ref().filter(|mount| mount.holds(self)) {
            None => Some(None),
            Some(mount) => mount.file(),
        }
    }

    /// What it runs besides itself; `None` while that is being found out.
    pub(super) fn script_content(&self) -> Option<Option<FileContent>> {
        match &self.script {
            None => Some(None),
            Some(script) => script.content(self.at).map(Some),
        }
    }

    /// What is to be asked about its files; `None` while it is not known which those are.
    pub(super) fn question(&self, number: u64, process: &Process) -> Option<Question> {
        let key = |image: &Rc<Image>| image.key;
        let is_other = |(executed, image): (&FileId, &Rc<Image>)| executed.device != image.key.device;
        let Placement { unit, container } = &self.note.placement;
        Some(Question {
            number,
            path: self.note.path.clone(),
            key: self.image.as_ref().map(key),
            may_be_layer: self.file.as_ref().zip(self.image.as_ref()).is_some_and(is_other),
            script: self.script.as_ref().map(|script| AskedScript {
                path: script.path.clone(),
                key: script.image().map(key),
                is_certain: script.is_certain(),
            }),
            pid: process.ended.get().is_none().then_some(process.key.pid),
            has_machines_mounts: self.note.has_machines_mounts,
            has_roots_mounts: self.note.has_roots_mounts,
            is_in_machines_mount: self.note.is_in_machines_mount,
            container: container.clone(),
            is_users_word: unit.as_ref().is_some_and(|unit| matches!(unit.manager, UnitManager::User(_))),
            app_image: self.app_image()?,
            uid: process.uid,
        })
    }

    /// Takes in an answer, which may be asked for once more.
    pub(super) fn answered(&self, answer: Answer) {
        let since = match *self.asked.borrow() {
            Asked::Waits { since, .. } if answer.is_passing() => since,
            _ => return self.settle(answer),
        };
        self.asked.replace(Asked::NotYet { answer: Box::new(answer), since });
    }

    /// There was no room for the question.
    pub(super) fn was_refused(&self, now: MonotonicNs) {
        let mut asked = self.asked.borrow_mut();
        if matches!(*asked, Asked::No) {
            *asked = Asked::Refused { since: now };
        }
    }

    /// Nobody answers.
    pub(super) fn settle_unanswered(&self) {
        let place = if self.note.is_in_machines_mount { Place::OfTheMachine } else { Place::Elsewhere };
        self.settle(Answer::unknown(place, UNANSWERED));
    }

    /// Takes in the answer that counts: the first.
    pub(super) fn settle(&self, answer: Answer) {
        self.answer.get_or_init(|| answer);
    }

    /// Which application this is, and where it comes from; `None` while nobody has answered.
    pub(super) fn origin(&self, lineage: &Lineage) -> Option<&Origin> {
        if let Some(origin) = self.origin.get() {
            return Some(origin);
        }
        let answer = self.answer.get()?;
        let origin = || Origin {
            application: self.application(answer),
            provenance: Arc::new(answer.provenance_of(lineage)),
            code: self.code_provenance(answer, lineage).map(Arc::new),
        };
        Some(self.origin.get_or_init(origin))
    }

    /// The same, where it was asked for before.
    pub(super) fn known_origin(&self) -> Option<Origin<Provenance>> {
        let Origin { application, provenance, code } = self.origin.get()?;
        Some(Origin {
            application: application.clone(),
            provenance: Provenance::clone(provenance),
            code: code.as_deref().cloned(),
        })
    }

    /// Takes over what a daemon before this one has found out: its files may be gone, and nobody is asked again.
    pub(super) fn recall_origin(&self, Origin { application, provenance, code }: Origin<Provenance>) {
        let origin = || Origin { application, provenance: Arc::new(provenance), code: code.map(Arc::new) };
        self.origin.get_or_init(origin);
    }

    /// Where that comes from which an interpreter runs; `None` where it is none, or runs a part of itself.
    fn code_provenance(&self, answer: &Answer, lineage: &Lineage) -> Option<Provenance> {
        let interpreted = self.note.interpreted.as_ref()?;
        let unknown = |because: &str| Some(Provenance::Unknown(because.to_owned()));
        match interpreted.code() {
            _ if interpreted.loads_more() => {
                unknown("options or variables make its interpreter load other code")
            }
            Code::File(_) => answer.script_provenance_of(lineage),
            Code::Applet(_) => None,
            Code::CommandLine | Code::StandardInput => Some(Provenance::Unowned),
            Code::Module(_) => unknown("where its interpreter found the module is not known"),
            Code::Unknown => unknown("what its interpreter runs is not known"),
        }
    }

    fn application(&self, answer: &Answer) -> ApplicationKey {
        let is_in_memory = self.file.is_some_and(|file| !file.is_guarded && !file.is_overlaid)
            && self.note.path.as_raw().starts_with("/memfd:");
        let origin = match answer.executable.place {
            _ if is_in_memory => FileOrigin::Memory,
            Place::OfTheMachine => FileOrigin::Machine,
            Place::Elsewhere => FileOrigin::Elsewhere,
        };
        let script = answer.script.as_ref();
        ApplicationKey::of(&Facts {
            path: &self.note.path,
            origin,
            package: answer.executable.package(),
            interpreted: self.note.interpreted.as_ref(),
            script_is_of_machine: script.is_some_and(|script| script.place == Place::OfTheMachine),
            script_package: script.and_then(Source::package),
            container: self.note.placement.container.as_ref(),
            is_genuine: answer.genuine.is_some(),
            image: answer.image.as_ref(),
            app_image: answer.app_image.as_ref(),
        })
    }

    /// The content that a process ran.
    pub(super) fn content(&self, life: &Life) -> ContentOf {
        let Some(image) = &self.image else { return ContentOf::Known(Err(Unattributed::FileUnavailable)) };
        match image.content() {
            Content::Pending => ContentOf::Pending,
            Content::Failed(reason) => ContentOf::Known(Err(reason)),
            Content::Hashed(reading) if !self.is_proven_by(&reading, life) => {
                ContentOf::Known(Err(Unattributed::FileChanged))
            }
            Content::Hashed(reading) if self.is_doubted(&reading, life) => ContentOf::Doubted,
            Content::Hashed(reading) => ContentOf::Known(Ok(reading)),
        }
    }

    /// Whether this is what the process executed.
    fn is_proven_by(&self, reading: &Reading, life: &Life) -> bool {
        // Of a guessed end, only the beginning is certain; and of who let go of its file.
        let is_certain = !(life.ended.is_some() && life.end_is_guessed) && life.hold != Hold::LetGo;
        let until = if is_certain { life.ended } else { Some(self.at) };
        self.is_proven_until(until, reading)
    }

    fn is_proven_until(&self, until: Option<Moment>, reading: &Reading) -> bool {
        let Some(executed) = self.file else { return false };
        Run { executed, since: self.at, until, asked: self.stamps_asked.get() }.is_proven_by(reading)
    }

    /// Whether it is, only when the process that is there had its file until all was read. Who has ended told so at its end.
    fn is_doubted(&self, reading: &Reading, life: &Life) -> bool {
        let had_it = matches!(life.hold, Hold::Until(at) if at >= reading.ended.monotonic);
        life.ended.is_none() && !had_it && !self.is_proven_until(Some(self.at), reading)
    }

    /// Notes that the file's ctime was asked for before `now`.
    pub(super) fn note_stamps(&self, now: Now) {
        self.stamps_asked.set(Some(now));
    }
}
