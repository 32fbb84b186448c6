//! From the kernel's layouts to Portolan's words.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use portolan_core::{
    Bytes, Direction, Endpoint, Flow, MonotonicNs, Pid, ProcessKey, Protocol, Uid, Untrusted,
};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::{Counters, FlowKey, abi};

const AF_PACKET: u8 = 17;

/// Bytes from the kernel that do not have the agreed layout: the object and the daemon are not of one build.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the kernel programs sent {what} of {length} bytes, which this daemon cannot read; restart it to load its own programs"
)]
pub struct DecodeError {
    what: &'static str,
    length: usize,
}

/// A socket that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Tells it from all others that are in use: where it is in the kernel's memory.
    pub address: u64,
    /// First use. What was at this address with another one is not in use any more.
    pub opened: MonotonicNs,
    /// Cumulative bytes.
    pub bytes: Bytes,
    /// Whose, and with whom; `None` when the same reader has been shown it before.
    pub flow: Option<Flow>,
}

/// What closed sockets of a flow have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Whose, and with whom.
    pub flow: Flow,
    /// Cumulative bytes.
    pub bytes: Bytes,
    /// First use.
    pub opened: MonotonicNs,
    /// How many sockets of this flow have been closed; 0 for uses apart from a socket's cell.
    pub closed_sockets: u64,
}

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
    let Texts { cgroup, arguments, name } = texts(&raw).ok_or_else(error)?;
    Ok(Event {
        kind,
        process: decode_owner(&raw.process),
        parent: decode_owner(&raw.parent),
        uid: Uid(raw.uid),
        at: MonotonicNs(raw.at_ns),
        file: decode_file(&raw.file),
        arguments: arguments.to_vec(),
        arguments_truncated: raw.arguments_truncated != 0,
        name: name.to_vec(),
        cgroup: (raw.cgroup_unknown == 0).then(|| cgroup_path(cgroup)),
        mount_namespace: (raw.mount_namespace != 0).then_some(raw.mount_namespace),
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
        let Texts { cgroup, arguments, name } = texts(&raw).ok_or_else(error)?;
        let length = EVENT_HEADER_BYTES + cgroup.len() + arguments.len() + name.len();
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
}

fn texts(raw: &abi::portolan_event) -> Option<Texts<'_>> {
    let length = |length: u32| usize::try_from(length).ok();
    let (cgroup, rest) = raw.text.split_at_checked(length(raw.cgroup_len)?)?;
    let (arguments, rest) = rest.split_at_checked(length(raw.arguments_len)?)?;
    let (name, _) = rest.split_at_checked(length(raw.name_len)?)?;
    Some(Texts { cgroup, arguments, name })
}

/// The path of names that come with the innermost first.
fn cgroup_path(names: &[u8]) -> Untrusted {
    let mut path = Vec::with_capacity(names.len() + 1);
    for name in names.strip_suffix(b"\0").unwrap_or(names).rsplit(|byte| *byte == 0) {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    Untrusted::from_bytes(&path)
}

/// Size of an event without its text.
const EVENT_HEADER_BYTES: usize = std::mem::offset_of!(abi::portolan_event, text);

/// Splits off the next socket of what the cell iterator wrote; `None` when the bytes end before the end of it.
///
/// The kernel's iterator finds its place again by counting: sockets that open or close meanwhile make it show one twice, or
/// leave one out (bpf_sk_storage_map_seq_find_next, net/core/bpf_sk_storage.c).
#[must_use]
pub fn split_socket(bytes: &[u8]) -> Option<(Socket, &[u8])> {
    let (raw, rest) = abi::portolan_socket::read_from_prefix(bytes).ok()?;
    let (flow, rest) = if raw.opened_ns & abi::PORTOLAN_WITH_FLOW == 0 {
        (None, rest)
    } else {
        let (flow, rest) = abi::portolan_flow::read_from_prefix(rest).ok()?;
        (Some(decode_flow(&flow)), rest)
    };
    let socket = Socket {
        address: raw.address,
        opened: MonotonicNs(raw.opened_ns & !abi::PORTOLAN_WITH_FLOW),
        bytes: Bytes { tx: raw.tx_bytes, rx: raw.rx_bytes },
        flow,
    };
    Some((socket, rest))
}

/// Decodes an entry of a table of closed flows.
#[must_use]
pub fn decode_closed(key: FlowKey, counters: Counters) -> Cell {
    let (FlowKey(flow), Counters(counters)) = (key, counters);
    Cell {
        flow: decode_flow(&flow),
        bytes: Bytes { tx: counters.tx_bytes, rx: counters.rx_bytes },
        opened: MonotonicNs(counters.opened_ns),
        closed_sockets: counters.closed_sockets,
    }
}

fn decode_flow(raw: &abi::portolan_flow) -> Flow {
    let protocol =
        if raw.family == AF_PACKET { Protocol::Packet } else { Protocol::from_ip_number(raw.protocol) };
    Flow {
        owner: decode_owner(&raw.owner).unwrap_or(Flow::KERNEL),
        uid: Uid(raw.uid),
        protocol,
        direction: match u32::from(raw.direction) {
            abi::PORTOLAN_DIRECTION_OUTBOUND => Direction::Outbound,
            abi::PORTOLAN_DIRECTION_INBOUND => Direction::Inbound,
            _ => Direction::Unknown,
        },
        local: decode_endpoint(raw.local_address, raw.local_port),
        remote: decode_endpoint(raw.remote_address, raw.remote_port),
        network_namespace: raw.network_namespace,
    }
}

/// The process of an owner; `None` for the kernel.
#[must_use]
pub fn decode_owner(raw: &abi::portolan_owner) -> Option<ProcessKey> {
    (raw.pid != 0).then_some(ProcessKey {
        pid: Pid(raw.pid),
        started: MonotonicNs(raw.started_ns),
        exec_generation: raw.exec_generation,
    })
}

/// `None` when neither address nor port is known.
fn decode_endpoint(address: [u8; 16], port: u16) -> Option<Endpoint> {
    let address = Ipv6Addr::from(address);
    let address = address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4);
    (!address.is_unspecified() || port != 0).then_some(Endpoint { address, port })
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

    #[test]
    fn a_socket_reads_as_what_it_says_with_its_flow_and_without() {
        let mut raw = abi::portolan_flow::new_zeroed();
        raw.owner = abi::portolan_owner { started_ns: 7, exec_generation: 3, pid: 42, reserved: 0 };
        raw.remote_address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1];
        raw.remote_port = 443;
        raw.protocol = 6;
        raw.family = 2;
        raw.direction = 1;
        let known = abi::portolan_socket { address: 9, opened_ns: 8, tx_bytes: 5, rx_bytes: 6 };
        let new = abi::portolan_socket { address: 10, opened_ns: 8 | abi::PORTOLAN_WITH_FLOW, ..known };
        let bytes = [new.as_bytes(), raw.as_bytes(), known.as_bytes()].concat();
        let (first, rest) = split_socket(&bytes).unwrap();
        let flow = first.flow.unwrap();
        assert_eq!((first.address, first.opened), (10, MonotonicNs(8)));
        assert_eq!((flow.owner.pid, flow.owner.exec_generation), (Pid(42), 3));
        assert_eq!(flow.remote, Some(Endpoint { address: "192.0.2.1".parse().unwrap(), port: 443 }));
        assert_eq!((flow.local, flow.protocol, flow.direction), (None, Protocol::Tcp, Direction::Outbound));
        let bytes_moved = Bytes { tx: 5, rx: 6 };
        let second = Socket { address: 9, opened: MonotonicNs(8), bytes: bytes_moved, flow: None };
        assert_eq!(split_socket(rest), Some((second, &[][..])));
        let whole = new.as_bytes().len() + raw.as_bytes().len();
        assert!((0..whole).all(|length| split_socket(&bytes[..length]).is_none()), "a part is none");
    }

    #[test]
    fn an_event_may_end_after_its_arguments_and_not_before_them() {
        let mut raw = abi::portolan_event::new_zeroed();
        raw.kind = abi::PORTOLAN_EVENT_EXEC;
        raw.process.pid = 9;
        raw.cgroup_len = 12;
        raw.arguments_len = 5;
        raw.name_len = 2;
        raw.text[..19].copy_from_slice(b"in\0outside_\0a\0bc\0/x");
        let event = decode_event(&raw.as_bytes()[..EVENT_HEADER_BYTES + 19]).unwrap();
        assert_eq!(
            (event.arguments.as_slice(), event.name.as_slice()),
            (b"a\0bc\0".as_slice(), b"/x".as_slice())
        );
        assert_eq!(event.cgroup, Some("/outside_/in".into()));
        let two = [&raw.as_bytes()[..EVENT_HEADER_BYTES + 19]; 2].concat();
        assert_eq!(decode_events(&two).unwrap(), [event.clone(), event]);
        assert!(decode_events(&two[1..]).is_err());
        raw.arguments_len = u32::MAX;
        assert!(decode_events(raw.as_bytes()).is_err());
        raw.arguments_len = 5;
        assert!(decode_event(&raw.as_bytes()[..EVENT_HEADER_BYTES - 1]).is_err());
        raw.kind = 99;
        assert!(decode_event(raw.as_bytes()).is_err());
    }
}
