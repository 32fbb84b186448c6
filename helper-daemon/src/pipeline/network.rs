//! From what programs moved at sockets to what the interfaces moved, line by line.

use std::collections::BTreeMap;

use portolan_bus::{NetworkLayer as Wire, NetworkLine};
use portolan_core::{Bytes, Flow};

use crate::monitor::{NetworkLayer, Truth};

/// Headers of a TCP segment with timestamps, as nearly all have: over IPv4 and IPv6.
const TCP_HEADERS: [u64; 2] = [20 + 32, 40 + 32];
/// Headers of a datagram.
const UDP_HEADERS: [u64; 2] = [20 + 8, 40 + 8];
/// A message of ICMP with its headers: that of a ping with the usual 56 bytes.
const ICMP_BYTES: u64 = 84;

/// The network's counters and the sockets' since the daemon started.
#[derive(Debug)]
pub(super) struct Network {
    start: Result<(NetworkLayer, Truth), String>,
    by_namespace: BTreeMap<u32, Bytes>,
}

impl Network {
    pub(super) fn new(layer: Result<NetworkLayer, String>, truth: Truth) -> Self {
        Self { start: layer.map(|layer| (layer, truth)), by_namespace: BTreeMap::new() }
    }

    /// Growth of a flow, in whichever namespace it is.
    pub(super) fn moved(&mut self, flow: &Flow, bytes: Bytes) {
        if !bytes.is_zero() {
            *self.by_namespace.entry(flow.network_namespace).or_default() += bytes;
        }
    }

    pub(super) fn to_wire(&self, layer: Result<NetworkLayer, String>, truth: Truth) -> Wire {
        let (start, layer) = match (&self.start, &layer) {
            (Ok(start), Ok(layer)) => (start, layer),
            (Err(problem), _) | (_, Err(problem)) => {
                return Wire { problem: Some(problem.clone()), lines: Vec::new() };
            }
        };
        let elsewhere = layer.namespace.map(|namespace| {
            let others = self.by_namespace.iter().filter(|(inode, _)| **inode != namespace && **inode != 0);
            others.fold(Bytes::default(), |sum, (_, bytes)| sum + *bytes)
        });
        let sockets = truth.growth_since(&start.1);
        Wire { problem: None, lines: lines(&layer.growth_since(&start.0), &sockets, elsewhere) }
    }
}

/// One of the two counts.
type Direction = fn(Bytes) -> u64;

/// Without `elsewhere`, what other namespaces moved is part of the rest.
fn lines(network: &NetworkLayer, sockets: &Truth, elsewhere: Option<Bytes>) -> Vec<NetworkLine> {
    let four = [network.packets[0], network.packets[1]];
    // Segments and messages are counted for both families together: shared as the packets are.
    let shared = |count: u64, of: Direction, sizes: [u64; 2]| {
        let (v4, v6) = (of(four[0]), of(four[1]));
        let average = weighted(sizes[0], v4) + weighted(sizes[1], v6);
        (average * u128::from(count)).checked_div(u128::from(v4) + u128::from(v6)).unwrap_or_default()
    };
    let (tx, rx): (Direction, Direction) = (|bytes| bytes.tx, |bytes| bytes.rx);
    let udp = |of: Direction| {
        weighted(of(network.udp[0]), UDP_HEADERS[0]) + weighted(of(network.udp[1]), UDP_HEADERS[1])
    };
    let again = (u128::from(sockets.tcp.tx) * u128::from(network.retransmitted))
        .checked_div(u128::from(network.tcp.tx))
        .unwrap_or_default();
    let packets = [four[0].tx + four[1].tx, four[0].rx + four[1].rx];
    let passed_on = |octets: u64, packets: u64| {
        (u128::from(octets) * u128::from(network.forwarded))
            .checked_div(u128::from(packets) + u128::from(network.forwarded))
            .unwrap_or_default()
    };
    let all = sockets.sum();
    let mut lines = vec![
        counted("sockets", signed(all.tx), signed(all.rx)),
        estimate(
            "tcp-headers",
            shared(network.tcp.tx, tx, TCP_HEADERS),
            shared(network.tcp.rx, rx, TCP_HEADERS),
        ),
        estimate("udp-headers", udp(tx), udp(rx)),
        estimate("retransmissions", again, 0),
        estimate("echo-replies", weighted(network.echo_replies, ICMP_BYTES), 0),
        estimate(
            "icmp",
            weighted(network.icmp.tx.saturating_sub(network.echo_replies), ICMP_BYTES),
            weighted(network.icmp.rx, ICMP_BYTES),
        ),
        estimate("forwarded", passed_on(network.ip.tx, packets[0]), passed_on(network.ip.rx, packets[1])),
    ];
    if let Some(elsewhere) = elsewhere {
        lines.insert(1, counted("other-namespaces", -signed(elsewhere.tx), -signed(elsewhere.rx)));
    }
    let explained = lines.iter().fold((0_i64, 0_i64), |sum, line| {
        (sum.0.saturating_add(line.tx_bytes), sum.1.saturating_add(line.rx_bytes))
    });
    let ip = (signed(network.ip.tx), signed(network.ip.rx));
    let (frames, loopback) = network.frames();
    let frames = (signed(frames.tx), signed(frames.rx));
    lines.extend([
        counted("rest", ip.0.saturating_sub(explained.0), ip.1.saturating_sub(explained.1)),
        counted("ip", ip.0, ip.1),
        counted("frames", frames.0.saturating_sub(ip.0), frames.1.saturating_sub(ip.1)),
        counted("interfaces", frames.0, frames.1),
        counted("loopback", signed(loopback.tx), signed(loopback.rx)),
    ]);
    lines
}

fn weighted(count: u64, size: u64) -> u128 {
    u128::from(count) * u128::from(size)
}

fn counted(name: &str, tx_bytes: i64, rx_bytes: i64) -> NetworkLine {
    NetworkLine { name: name.to_owned(), tx_bytes, rx_bytes, estimate: false }
}

fn estimate(name: &str, tx: u128, rx: u128) -> NetworkLine {
    let signed = |bytes: u128| i64::try_from(bytes).unwrap_or(i64::MAX);
    NetworkLine { name: name.to_owned(), tx_bytes: signed(tx), rx_bytes: signed(rx), estimate: true }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use portolan_core::{MonotonicNs, Pid, ProcessKey};

    use super::*;

    fn both(bytes: u64) -> Bytes {
        Bytes { tx: bytes, rx: bytes }
    }

    /// 10 000 bytes over TCP in 10 segments of IPv4, one of them sent again; 2 datagrams of 100 bytes over IPv6.
    fn layer() -> NetworkLayer {
        NetworkLayer {
            namespace: Some(7),
            interfaces: BTreeMap::from([("lo".to_owned(), both(11_988)), ("eth0".to_owned(), both(100))]),
            ip: both(11_988),
            packets: [both(11), both(2)],
            tcp: both(11),
            retransmitted: 1,
            udp: [both(0), both(2)],
            ..NetworkLayer::default()
        }
    }

    fn truth() -> Truth {
        Truth { tcp: both(10_000), udp: both(300), other: both(0) }
    }

    fn flow(network_namespace: u32) -> Flow {
        let owner = ProcessKey { pid: Pid(1), started: MonotonicNs(1), exec_generation: 1 };
        Flow { network_namespace, ..Flow::of_unknown_peer(owner) }
    }

    #[test]
    fn the_lines_add_up_to_what_the_interfaces_moved() {
        let mut network = Network::new(Ok(NetworkLayer::default()), Truth::default());
        network.moved(&flow(7), both(200));
        network.moved(&flow(8), both(100));
        let wire = network.to_wire(Ok(layer()), truth());
        let of = |name: &str| wire.lines.iter().find(|line| line.name == name).unwrap().tx_bytes;
        assert_eq!((of("sockets"), of("other-namespaces"), of("udp-headers")), (10_300, -100, 96));
        assert_eq!((of("retransmissions"), of("ip"), of("interfaces")), (909, 11_988, 12_088));
        let sum = |names: &[&str]| names.iter().map(|name| of(name)).sum::<i64>();
        let parts = ["sockets", "other-namespaces", "tcp-headers", "udp-headers", "retransmissions"];
        assert_eq!(sum(&parts) + sum(&["echo-replies", "icmp", "forwarded", "rest"]), of("ip"));
        assert_eq!(of("ip") + of("frames"), of("interfaces"));
        assert_eq!(of("loopback"), 11_988);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let unread = || Err("/proc/1/net/dev cannot be read: gone".to_owned());
        let network = Network::new(unread(), Truth::default());
        let wire = network.to_wire(Ok(layer()), truth());
        assert!(wire.problem.unwrap().contains("/proc/1/net/dev") && wire.lines.is_empty());
        let network = Network::new(Ok(layer()), Truth::default());
        assert!(network.to_wire(unread(), truth()).problem.is_some());
        let unseen = NetworkLayer { namespace: None, ..layer() };
        let wire = network.to_wire(Ok(unseen), truth());
        assert!(wire.problem.is_none() && wire.lines.iter().all(|line| line.name != "other-namespaces"));
    }

    #[test]
    fn nothing_moved_is_nothing_to_explain() {
        let network = Network::new(Ok(layer()), truth());
        let wire = network.to_wire(Ok(layer()), truth());
        assert!(wire.lines.iter().all(|line| line.tx_bytes == 0 && line.rx_bytes == 0), "{:?}", wire.lines);
    }
}
