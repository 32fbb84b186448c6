//! What happened to processes: from the kernel's layout to Portolan's words.

use portolan_core::{MonotonicNs, ProcessKey, Uid, Untrusted};
use serde::{Deserialize, Serialize};
use zerocopy::FromBytes;

use crate::{
    DecodeError, abi, decode_owner,
    environment::{self, Environment},
};

/// The identity of a file at the moment of an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// Major and minor device number.
    pub device: (u32, u32),
    /// Inode number.
    pub inode: u64,
    /// Inode generation; 0 where it is not known.
    pub generation: u32,
    /// ctime in seconds and nanoseconds: every change of content or metadata moves it.
    pub changed: (i64, u32),
    /// Bytes.
    pub size: u64,
    /// How a later change shows in `changed`.
    pub stamps: Stamps,
    /// Whether a program or another machine has to answer before it can be opened (FUSE, NFS).
    pub is_served: bool,
    /// Whether the kernel denies writing to it while it is executed: not for what was made in memory, nor below an overlay.
    pub is_guarded: bool,
    /// Whether it lies below an overlay: size and ctime are of what was executed there.
    pub is_overlaid: bool,
}

/// How finely a file's changes are stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stamps {
    /// With the time of the last tick: two changes in one tick look like one.
    Coarse,
    /// As above, until somebody asks for the stamp; the next change has another.
    FineOnceQueried,
    /// Somebody has asked: the next change has another.
    Fine,
    /// The content never changes again.
    Sealed,
    /// It may have changed without a stamp.
    Unseen,
}

/// What happened to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It began as a copy of its parent.
    Fork,
    /// It runs another executable from now on.
    Exec,
    /// It is gone.
    Exit,
    /// It exists (from the iterator).
    Task,
    /// It is in another cgroup from now on.
    Moved,
}

/// A folder in a mount, by numbers that are given away again when it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folder {
    /// As statx(2) says it with `STATX_MNT_ID`.
    pub mount: u64,
    /// Its inode number.
    pub inode: u64,
}

/// A process event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To whom; `None` for a thread of the kernel.
    pub process: Option<ProcessKey>,
    /// Who started it; `None` when the kernel did.
    pub parent: Option<ProcessKey>,
    /// Its real user id.
    pub uid: Uid,
    /// When.
    pub at: MonotonicNs,
    /// The same on the clock that stands still while the machine sleeps, nanoseconds.
    pub monotonic_ns: u64,
    /// How many ticks the kernel had counted by then; `None` when that is not known.
    pub jiffies: Option<u64>,
    /// The executable file; `None` when it has none (it is exiting, or a thread of the kernel).
    pub file: Option<FileId>,
    /// Whether that is none that it executed: it has let go of that one, to which others may write since. Of an exit since Linux 6.16.
    pub has_let_go: bool,
    /// NUL-separated arguments; empty when they could not be read or the event carries none.
    pub arguments: Vec<u8>,
    /// Whether there were more arguments than these.
    pub arguments_truncated: bool,
    /// The name by which the executed file was opened, as the program that called exec gave it; empty when not known.
    pub name: Vec<u8>,
    /// Of an exec: the name of the file that exec was called for, where the kernel gave that to the executed one (`#!`, binfmt_misc);
    /// empty when it is not known.
    pub script_name: Option<Vec<u8>>,
    /// The path of its cgroup from the root of the hierarchy; `None` when it is not known (too deep, or the process has ended).
    pub cgroup: Option<Untrusted>,
    /// Inode number of its mount namespace; `None` when it has none any more.
    pub mount_namespace: Option<u32>,
    /// Inode number of the user namespace whose root may mount in that one.
    pub mounting_users: Option<u32>,
    /// Of an exec: the folder at which its paths begin.
    pub root: Option<Folder>,
    /// Of an exec: its working directory, seen from its own root. `None` when it has no path (it is removed, or out of the root),
    /// when that is too long, when it changed meanwhile, and for all other events.
    pub working_directory: Option<Untrusted>,
    /// Of an exec: what its environment says. Of all other events: nothing, not searched.
    pub environment: Environment,
    /// Its variables by which interpreters load other code: see [`crate::code_variables_in`].
    pub code_variables: Vec<Vec<u8>>,
}

/// Decodes one event. `bytes` may be longer than the event (the ring pads), not shorter.
///
/// # Errors
/// When the layout is not the agreed one.
pub fn decode_event(bytes: &[u8]) -> Result<Event, DecodeError> {
    split_event(bytes)
        .map(|(event, _)| event)
        .ok_or(DecodeError { what: "a process event", length: bytes.len() })
}

/// The first event, and what is behind it; `None` when the layout is not the agreed one.
fn split_event(bytes: &[u8]) -> Option<(Event, &[u8])> {
    let (raw, text) = abi::portolan_event::read_from_prefix(bytes).ok()?;
    let kind = match raw.kind {
        abi::PORTOLAN_EVENT_FORK => EventKind::Fork,
        abi::PORTOLAN_EVENT_EXEC => EventKind::Exec,
        abi::PORTOLAN_EVENT_EXIT => EventKind::Exit,
        abi::PORTOLAN_EVENT_TASK => EventKind::Task,
        abi::PORTOLAN_EVENT_MOVED => EventKind::Moved,
        _ => return None,
    };
    let (texts, rest) = Texts::of(&raw, text)?;
    let event = Event {
        kind,
        process: decode_owner(&raw.process),
        parent: decode_owner(&raw.parent),
        uid: Uid(raw.uid),
        at: MonotonicNs(raw.at.boot_ns),
        monotonic_ns: raw.at.monotonic_ns,
        jiffies: (raw.at.jiffies != 0).then_some(raw.at.jiffies),
        file: decode_file(&raw.file),
        has_let_go: raw.file.stamps & abi::PORTOLAN_STAMPS_LET_GO != 0,
        arguments: texts.arguments.to_vec(),
        arguments_truncated: raw.arguments_truncated != 0,
        name: texts.name.to_vec(),
        script_name: texts.script.strip_suffix(b"\0").map(<[u8]>::to_vec),
        cgroup: (raw.cgroup_unknown == 0).then(|| path_of(texts.cgroup)),
        mount_namespace: (raw.mount_namespace != 0).then_some(raw.mount_namespace),
        mounting_users: (raw.mounting_users != 0).then_some(raw.mounting_users),
        root: (raw.root.inode != 0).then_some(Folder { mount: raw.root.mount, inode: raw.root.inode }),
        working_directory: (raw.directory_unknown == 0).then(|| path_of(texts.directory)),
        environment: Environment {
            variables: environment::variables(texts.environment),
            is_complete: raw.environment & abi::PORTOLAN_ENVIRONMENT_UNSEARCHED == 0,
            is_secure: raw.environment & abi::PORTOLAN_ENVIRONMENT_SECURE != 0,
        },
        code_variables: environment::code_variables_in(texts.environment),
    };
    Some((event, rest))
}

/// Decodes what the task iterator wrote: events back to back, each as long as its text.
///
/// # Errors
/// When the layout is not the agreed one.
pub fn decode_events(bytes: &[u8]) -> Result<Vec<Event>, DecodeError> {
    let error = || DecodeError { what: "processes", length: bytes.len() };
    let mut events = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (event, behind) = split_event(rest).ok_or_else(error)?;
        events.push(event);
        rest = behind;
    }
    Ok(events)
}

/// What is behind an event, in this order.
struct Texts<'a> {
    cgroup: &'a [u8],
    arguments: &'a [u8],
    name: &'a [u8],
    script: &'a [u8],
    directory: &'a [u8],
    environment: &'a [u8],
}

impl<'a> Texts<'a> {
    /// With what is behind them; `None` when that is less than they need.
    fn of(raw: &abi::portolan_event, mut rest: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut next = |length: u32| {
            let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            Some(text)
        };
        let texts = Self {
            cgroup: next(raw.cgroup_len)?,
            arguments: next(raw.arguments_len)?,
            name: next(raw.name_len)?,
            script: next(raw.script_len)?,
            directory: next(raw.directory_len)?,
            environment: next(raw.environment_len)?,
        };
        Some((texts, rest))
    }
}

/// The path of names that come with the innermost first.
fn path_of(names: &[u8]) -> Untrusted {
    let mut path = Vec::with_capacity(names.len() + 1);
    for name in names.strip_suffix(b"\0").unwrap_or(names).rsplit(|byte| *byte == 0) {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    Untrusted::from_bytes(&path)
}

/// The files of overlays that this process has open, as [`FileId`] says it, by their descriptors; a rest that is none is left out.
#[must_use]
pub fn decode_opened(mut bytes: &[u8]) -> Vec<(u64, FileId)> {
    let mut all = Vec::new();
    while let Ok((raw, rest)) = abi::portolan_opened::read_from_prefix(bytes) {
        all.extend(decode_file(&raw.file).map(|file| (raw.descriptor, file)));
        bytes = rest;
    }
    all
}

fn decode_file(raw: &abi::portolan_file) -> Option<FileId> {
    (raw.inode != 0).then_some(FileId {
        device: (raw.device >> 20, raw.device & 0xf_ffff),
        inode: raw.inode,
        generation: raw.generation,
        changed: (raw.changed_s, raw.changed_ns),
        size: raw.size,
        is_served: raw.stamps & abi::PORTOLAN_STAMPS_SERVED != 0,
        is_guarded: raw.stamps & abi::PORTOLAN_STAMPS_UNGUARDED == 0,
        is_overlaid: raw.stamps & abi::PORTOLAN_STAMPS_OVERLAID != 0,
        stamps: if raw.stamps & abi::PORTOLAN_STAMPS_UNSEEN != 0 {
            Stamps::Unseen
        } else if raw.stamps & abi::PORTOLAN_STAMPS_SEALED != 0 {
            Stamps::Sealed
        } else if raw.stamps & abi::PORTOLAN_STAMPS_QUERIED != 0 {
            Stamps::Fine
        } else if raw.stamps & abi::PORTOLAN_STAMPS_MULTIGRAIN != 0 {
            Stamps::FineOnceQueried
        } else {
            Stamps::Coarse
        },
    })
}

#[cfg(test)]
mod tests {
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;
    use crate::{Value, Variable};

    const TEXT: &[u8] =
        b"in\0outside_\0a\0bc\0/x/bin/y\0d\ne\0home\0LD_PRELOAD=/a\0FLATPAK_ID=b.c\0PYTHONPATH=/p\0";

    fn an_exec() -> abi::portolan_event {
        let mut raw = abi::portolan_event::new_zeroed();
        raw.kind = abi::PORTOLAN_EVENT_EXEC;
        raw.process.pid = 9;
        raw.cgroup_len = 12;
        raw.arguments_len = 5;
        raw.name_len = 2;
        raw.script_len = 7;
        raw.directory_len = 9;
        raw.environment_len = 43;
        raw.root = abi::portolan_folder { inode: 2, mount: 28 };
        raw
    }

    fn bytes(raw: &abi::portolan_event) -> Vec<u8> {
        [raw.as_bytes(), TEXT].concat()
    }

    #[test]
    fn what_is_behind_an_event_is_told_apart() {
        let event = decode_event(&bytes(&an_exec())).unwrap();
        assert_eq!(
            (event.arguments.as_slice(), event.name.as_slice()),
            (b"a\0bc\0".as_slice(), b"/x".as_slice())
        );
        assert_eq!(event.script_name, Some(b"/bin/y".to_vec()));
        assert_eq!(event.cgroup, Some("/outside_/in".into()));
        assert_eq!(event.working_directory, Some("/home/d\ne".into()));
        assert_eq!(event.root, Some(Folder { mount: 28, inode: 2 }));
        let value = |text: &str| Value { text: text.into(), is_cut: false };
        assert_eq!(
            event.environment.variables,
            [(Variable::Preload, value("/a")), (Variable::FlatpakId, value("b.c"))]
        );
        assert_eq!(event.code_variables, [b"PYTHONPATH=/p"]);
        assert!(event.environment.is_complete && !event.environment.is_secure);
    }

    #[test]
    fn events_come_one_behind_the_other_and_none_is_shorter_than_it_says() {
        let whole = bytes(&an_exec());
        let event = decode_event(&whole).unwrap();
        let two = [&whole[..], &whole].concat();
        assert_eq!(decode_event(&two).unwrap(), event, "the ring pads");
        assert_eq!(decode_events(&two).unwrap(), [event.clone(), event]);
        assert!(decode_events(&two[1..]).is_err() && decode_events(&two[..two.len() - 1]).is_err());
        assert!(decode_event(&whole[..whole.len() - 1]).is_err());
        assert!(decode_event(&whole[..an_exec().as_bytes().len() - 1]).is_err());
        assert!(decode_event(&bytes(&abi::portolan_event { arguments_len: u32::MAX, ..an_exec() })).is_err());
        assert!(decode_event(&bytes(&abi::portolan_event { kind: 99, ..an_exec() })).is_err());
    }

    #[test]
    fn what_is_not_known_is_not_empty() {
        let raw = abi::portolan_event {
            directory_unknown: 1,
            environment: abi::PORTOLAN_ENVIRONMENT_UNSEARCHED | abi::PORTOLAN_ENVIRONMENT_SECURE,
            environment_len: 0,
            ..an_exec()
        };
        let event = decode_event(&bytes(&raw)).unwrap();
        assert_eq!(event.working_directory, None);
        assert_eq!(
            decode_event(
                bytes(&abi::portolan_event { root: abi::portolan_folder::new_zeroed(), ..raw }).as_slice()
            )
            .unwrap()
            .root,
            None
        );
        assert_eq!(event.environment, Environment { is_secure: true, ..Environment::default() });
        let script = |script_len, text: &[u8]| {
            let raw = abi::portolan_event {
                kind: abi::PORTOLAN_EVENT_EXEC,
                script_len,
                ..abi::portolan_event::new_zeroed()
            };
            decode_event(&[raw.as_bytes(), text].concat()).unwrap().script_name
        };
        assert_eq!((script(0, b""), script(1, b"\0")), (None, Some(Vec::new())));
    }
}
