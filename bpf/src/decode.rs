//! Sockets and flows: from the kernel's layouts to Portolan's words.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use portolan_core::{Bytes, Direction, Endpoint, Flow, MonotonicNs, Pid, ProcessKey, Protocol, Uid};
use zerocopy::FromBytes;

use crate::{Counters, FlowKey, abi};

const AF_PACKET: u8 = 17;

/// Bytes from the kernel that do not have the agreed layout: the object and the daemon are not of one build.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the kernel programs sent {what} of {length} bytes, which this daemon cannot read; restart it to load its own programs"
)]
pub struct DecodeError {
    pub(crate) what: &'static str,
    pub(crate) length: usize,
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

pub(crate) fn decode_flow(raw: &abi::portolan_flow) -> Flow {
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

#[cfg(test)]
mod tests {
    use zerocopy::{FromZeros, IntoBytes};

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
}
