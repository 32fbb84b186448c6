//! What happened to processes: from the kernel's layout to Portolan's words.

use portolan_core::{MonotonicNs, ProcessKey, Uid, Untrusted};
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

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
    /// Whether the kernel denies writing to it while it is executed: not for what was made in memory.
    pub is_guarded: bool,
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
    /// The executable file; `None` when it has none (it is exiting, or a thread of the kernel).
    pub file: Option<FileId>,
    /// NUL-separated arguments; empty when they could not be read or the event carries none.
    pub arguments: Vec<u8>,
    /// Whether there were more arguments than travel with an event.
    pub arguments_truncated: bool,
    /// The name by which the executed file was opened, as the program that called exec gave it; empty when not known.
    pub name: Vec<u8>,
    /// The path of its cgroup from the root of the hierarchy; `None` when it is not known (too deep, or the process has ended).
    pub cgroup: Option<Untrusted>,
    /// Inode number of its mount namespace; `None` when it has none any more.
    pub mount_namespace: Option<u32>,
    /// Of an exec: its working directory, seen from its own root. `None` when it has no path (it is removed, or out of the root),
    /// when that is too long, when it changed meanwhile, and for all other events.
    pub working_directory: Option<Untrusted>,
    /// Of an exec: what its environment says. Of all other events: nothing, not searched.
    pub environment: Environment,
}

/// Decodes one event. `bytes` may be longer than the event (the ring pads), not shorter.
///
/// # Errors
/// When the layout is not the agreed one.
pub fn decode_event(bytes: &[u8]) -> Result<Event, DecodeError> {
    let error = || DecodeError { what: "a process event", length: bytes.len() };
    let mut whole = [0; size_of::<abi::portolan_event>()];
    if bytes.len() < EVENT_HEADER_BYTES {
        return Err(error());
    }
    let length = bytes.len().min(whole.len());
    whole[..length].copy_from_slice(&bytes[..length]);
    let raw = abi::portolan_event::read_from_bytes(&whole).map_err(|_| error())?;
    let kind = match raw.kind {
        abi::PORTOLAN_EVENT_FORK => EventKind::Fork,
        abi::PORTOLAN_EVENT_EXEC => EventKind::Exec,
        abi::PORTOLAN_EVENT_EXIT => EventKind::Exit,
        abi::PORTOLAN_EVENT_TASK => EventKind::Task,
        abi::PORTOLAN_EVENT_MOVED => EventKind::Moved,
        _ => return Err(error()),
    };
    let texts = Texts::of(&raw).ok_or_else(error)?;
    Ok(Event {
        kind,
        process: decode_owner(&raw.process),
        parent: decode_owner(&raw.parent),
        uid: Uid(raw.uid),
        at: MonotonicNs(raw.at_ns),
        file: decode_file(&raw.file),
        arguments: texts.arguments.to_vec(),
        arguments_truncated: raw.arguments_truncated != 0,
        name: texts.name.to_vec(),
        cgroup: (raw.cgroup_unknown == 0).then(|| path_of(texts.cgroup)),
        mount_namespace: (raw.mount_namespace != 0).then_some(raw.mount_namespace),
        working_directory: (raw.directory_unknown == 0).then(|| path_of(texts.directory)),
        environment: Environment {
            variables: environment::variables(texts.environment),
            is_complete: raw.environment & abi::PORTOLAN_ENVIRONMENT_UNSEARCHED == 0,
            is_secure: raw.environment & abi::PORTOLAN_ENVIRONMENT_SECURE != 0,
        },
    })
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
        let header: &[u8; EVENT_HEADER_BYTES] = rest.first_chunk().ok_or_else(error)?;
        let mut raw = abi::portolan_event::new_zeroed();
        raw.as_mut_bytes()[..EVENT_HEADER_BYTES].copy_from_slice(header);
        let length = EVENT_HEADER_BYTES + Texts::of(&raw).ok_or_else(error)?.len();
        let (event, tail) = rest.split_at_checked(length).ok_or_else(error)?;
        events.push(decode_event(event)?);
        rest = tail;
    }
    Ok(events)
}

/// What an event's text consists of, in this order.
struct Texts<'a> {
    cgroup: &'a [u8],
    arguments: &'a [u8],
    name: &'a [u8],
    directory: &'a [u8],
    environment: &'a [u8],
}

impl<'a> Texts<'a> {
    /// `None` when they are longer than an event.
    fn of(raw: &'a abi::portolan_event) -> Option<Self> {
        let mut rest = raw.text.as_slice();
        let mut next = |length: u32| {
            let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            Some(text)
        };
        Some(Self {
            cgroup: next(raw.cgroup_len)?,
            arguments: next(raw.arguments_len)?,
            name: next(raw.name_len)?,
            directory: next(raw.directory_len)?,
            environment: next(raw.environment_len)?,
        })
    }

    fn len(&self) -> usize {
        [self.cgroup, self.arguments, self.name, self.directory, self.environment]
            .map(<[u8]>::len)
            .iter()
            .sum()
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

/// Size of an event without its text.
const EVENT_HEADER_BYTES: usize = std::mem::offset_of!(abi::portolan_event, text);

fn decode_file(raw: &abi::portolan_file) -> Option<FileId> {
    (raw.inode != 0).then_some(FileId {
        device: (raw.device >> 20, raw.device & 0xf_ffff),
        inode: raw.inode,
        generation: raw.generation,
        changed: (raw.changed_s, raw.changed_ns),
        size: raw.size,
        is_served: raw.stamps & abi::PORTOLAN_STAMPS_SERVED != 0,
        is_guarded: raw.stamps & abi::PORTOLAN_STAMPS_UNGUARDED == 0,
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
    use super::*;
    use crate::{Value, Variable};

    #[test]
    fn an_event_may_end_after_its_text_and_not_before_it() {
        let mut raw = abi::portolan_event::new_zeroed();
        raw.kind = abi::PORTOLAN_EVENT_EXEC;
        raw.process.pid = 9;
        raw.cgroup_len = 12;
        raw.arguments_len = 5;
        raw.name_len = 2;
        raw.directory_len = 9;
        raw.environment_len = 29;
        raw.text[..57].copy_from_slice(b"in\0outside_\0a\0bc\0/xd\ne\0home\0LD_PRELOAD=/a\0FLATPAK_ID=b.c\0");
        let event = decode_event(&raw.as_bytes()[..EVENT_HEADER_BYTES + 57]).unwrap();
        assert_eq!(
            (event.arguments.as_slice(), event.name.as_slice()),
            (b"a\0bc\0".as_slice(), b"/x".as_slice())
        );
        assert_eq!(event.cgroup, Some("/outside_/in".into()));
        assert_eq!(event.working_directory, Some("/home/d\ne".into()));
        let value = |text: &str| Value { text: text.into(), is_cut: false };
        assert_eq!(
            event.environment.variables,
            [(Variable::Preload, value("/a")), (Variable::FlatpakId, value("b.c"))]
        );
        assert!(event.environment.is_complete && !event.environment.is_secure);
        let two = [&raw.as_bytes()[..EVENT_HEADER_BYTES + 57]; 2].concat();
        assert_eq!(decode_events(&two).unwrap(), [event.clone(), event]);
        assert!(decode_events(&two[1..]).is_err());
        raw.arguments_len = u32::MAX;
        assert!(decode_events(raw.as_bytes()).is_err());
        raw.arguments_len = 5;
        assert!(decode_event(&raw.as_bytes()[..EVENT_HEADER_BYTES - 1]).is_err());
        raw.environment_len = u32::try_from(raw.text.len()).unwrap();
        assert!(decode_event(raw.as_bytes()).is_err(), "all texts together are too long");
        raw.environment_len = 0;
        raw.directory_unknown = 1;
        raw.environment = abi::PORTOLAN_ENVIRONMENT_UNSEARCHED | abi::PORTOLAN_ENVIRONMENT_SECURE;
        let event = decode_event(raw.as_bytes()).unwrap();
        assert_eq!(event.working_directory, None);
        assert_eq!(event.environment, Environment { is_secure: true, ..Environment::default() });
        raw.kind = 99;
        assert!(decode_event(raw.as_bytes()).is_err());
    }
}
