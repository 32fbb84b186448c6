//! What the machine's own network namespace counted below the sockets.
//!
//! Read through /proc/1/net, for the daemon may run in a network namespace of its own. Parsing is pure. Counters that a
//! kernel does not have are 0. Formats: net/core/net-procfs.c, net/ipv4/proc.c, net/ipv6/proc.c.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    os::unix::fs::MetadataExt,
};

use portolan_core::Bytes;

/// The loopback interface: the kernel makes one in each namespace and gives it this name.
const LOOPBACK: &str = "lo";

/// Cumulative counters, since the namespace began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkLayer {
    /// Inode number of the namespace; `None` when it cannot be seen.
    pub namespace: Option<u32>,
    /// Bytes of frames, by interface.
    pub interfaces: BTreeMap<String, Bytes>,
    /// Bytes of IPv4 and IPv6 packets, headers included.
    pub ip: Bytes,
    /// Packets of IPv4 and of IPv6.
    pub packets: [Bytes; 2],
    /// Packets that were passed on for others.
    pub forwarded: u64,
    /// Segments of TCP.
    pub tcp: Bytes,
    /// Segments that were sent again.
    pub retransmitted: u64,
    /// Datagrams over IPv4 and over IPv6.
    pub udp: [Bytes; 2],
    /// Messages of ICMP and of ICMPv6.
    pub icmp: Bytes,
    /// Of those that were sent: the kernel's answers to pings.
    pub echo_replies: u64,
}

impl NetworkLayer {
    /// Reads the counters of the first process' namespace, which is the machine's.
    ///
    /// # Errors
    /// A sentence: which file cannot be read, and why.
    pub fn read() -> Result<Self, String> {
        let read = |name: &str| {
            let path = format!("/proc/1/net/{name}");
            std::fs::read_to_string(&path).map_err(|error| format!("{path} cannot be read: {error}"))
        };
        // Without IPv6 in the kernel there is no snmp6.
        let snmp6 = match std::fs::read_to_string("/proc/1/net/snmp6") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Ok(text) => text,
            Err(error) => return Err(format!("/proc/1/net/snmp6 cannot be read: {error}")),
        };
        let mut layer = Self::parse(&read("dev")?, &read("snmp")?, &read("netstat")?, &snmp6);
        let namespace = std::fs::metadata("/proc/1/ns/net").ok();
        layer.namespace = namespace.and_then(|namespace| u32::try_from(namespace.ino()).ok());
        Ok(layer)
    }

    fn parse(dev: &str, snmp: &str, netstat: &str, snmp6: &str) -> Self {
        let mut four = titled(snmp);
        four.extend(titled(netstat));
        let six: HashMap<&str, u64> = snmp6
            .lines()
            .filter_map(|line| {
                let (name, count) = line.split_once(char::is_whitespace)?;
                Some((name, count.trim().parse().ok()?))
            })
            .collect();
        let v4 =
            |title: &'static str, name: &'static str| four.get(&(title, name)).copied().unwrap_or_default();
        let v6 = |name: &str| six.get(name).copied().unwrap_or_default();
        Self {
            namespace: None,
            interfaces: dev.lines().filter_map(interface).collect(),
            ip: Bytes { tx: v4("IpExt", "OutOctets"), rx: v4("IpExt", "InOctets") }
                + Bytes { tx: v6("Ip6OutOctets"), rx: v6("Ip6InOctets") },
            packets: [
                Bytes { tx: v4("Ip", "OutRequests"), rx: v4("Ip", "InReceives") },
                Bytes { tx: v6("Ip6OutRequests"), rx: v6("Ip6InReceives") },
            ],
            forwarded: v4("Ip", "ForwDatagrams") + v6("Ip6OutForwDatagrams"),
            tcp: Bytes { tx: v4("Tcp", "OutSegs"), rx: v4("Tcp", "InSegs") },
            retransmitted: v4("Tcp", "RetransSegs"),
            udp: [
                Bytes { tx: v4("Udp", "OutDatagrams"), rx: v4("Udp", "InDatagrams") },
                Bytes { tx: v6("Udp6OutDatagrams"), rx: v6("Udp6InDatagrams") },
            ],
            icmp: Bytes { tx: v4("Icmp", "OutMsgs"), rx: v4("Icmp", "InMsgs") }
                + Bytes { tx: v6("Icmp6OutMsgs"), rx: v6("Icmp6InMsgs") },
            echo_replies: v4("Icmp", "OutEchoReps") + v6("Icmp6OutEchoReplies"),
        }
    }

    /// What came since `earlier`. An interface that is gone counts no more, one that came back counts from its new beginning.
    #[must_use]
    pub fn growth_since(&self, earlier: &Self) -> Self {
        let interfaces = self.interfaces.iter().map(|(name, now)| {
            let before = earlier.interfaces.get(name).copied().unwrap_or_default();
            let is_new = now.tx < before.tx || now.rx < before.rx;
            (name.clone(), if is_new { *now } else { now.growth_since(before) })
        });
        let both = |now: [Bytes; 2], before: [Bytes; 2]| {
            [now[0].growth_since(before[0]), now[1].growth_since(before[1])]
        };
        Self {
            namespace: self.namespace,
            interfaces: interfaces.collect(),
            ip: self.ip.growth_since(earlier.ip),
            packets: both(self.packets, earlier.packets),
            forwarded: self.forwarded.saturating_sub(earlier.forwarded),
            tcp: self.tcp.growth_since(earlier.tcp),
            retransmitted: self.retransmitted.saturating_sub(earlier.retransmitted),
            udp: both(self.udp, earlier.udp),
            icmp: self.icmp.growth_since(earlier.icmp),
            echo_replies: self.echo_replies.saturating_sub(earlier.echo_replies),
        }
    }

    /// Bytes of all interfaces, and those of them that went over loopback.
    #[must_use]
    pub fn frames(&self) -> (Bytes, Bytes) {
        let all = self.interfaces.values().fold(Bytes::default(), |sum, bytes| sum + *bytes);
        (all, self.interfaces.get(LOOPBACK).copied().unwrap_or_default())
    }
}

/// `/proc/net/snmp` and `netstat`: a line of names and a line of values for each title.
fn titled(text: &str) -> HashMap<(&str, &str), u64> {
    let lines: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(": ")).collect();
    let mut counters = HashMap::new();
    for pair in lines.chunks_exact(2) {
        let [(title, names), (same, values)] = pair else { continue };
        if title == same {
            let values = values.split_whitespace().map(|value| value.parse().unwrap_or_default());
            counters.extend(names.split_whitespace().map(|name| (*title, name)).zip(values));
        }
    }
    counters
}

/// A line of `/proc/net/dev`; `None` for its two headings.
fn interface(line: &str) -> Option<(String, Bytes)> {
    // The name may hold a colon (an alias), the counters never do.
    let (name, counts) = line.rsplit_once(':')?;
    let counts: Vec<u64> = counts.split_whitespace().map_while(|count| count.parse().ok()).collect();
    let bytes = Bytes { rx: *counts.first()?, tx: *counts.get(8)? };
    Some((name.trim().to_owned(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
        lo: 500 7 0 0 0 0 0 0 500 7 0 0 0 0 0 0\n  eth0:1722916453   70279    0    0    0     0          0         0  4527899   43470    0    0    0     0       0          0\n";
    const SNMP: &str = "Ip: Forwarding DefaultTTL InReceives ForwDatagrams OutRequests\nIp: 2 64 100 3 90\n\
        Icmp: InMsgs OutMsgs OutEchoReps\nIcmp: 5 4 3\nTcp: RtoAlgorithm MaxConn InSegs OutSegs RetransSegs\nTcp: 1 -1 60 50 2\n\
        Udp: InDatagrams OutDatagrams\nUdp: 30 31\n";
    const NETSTAT: &str =
        "TcpExt: SyncookiesSent\nTcpExt: 0\nIpExt: InNoRoutes InOctets OutOctets\nIpExt: 0 9000 8000\n";
    const SNMP6: &str = "Ip6InReceives                   \t20\nIp6OutRequests\t21\nIp6OutForwDatagrams\t1\nIp6InOctets\t400\n\
        Ip6OutOctets\t300\nIcmp6OutMsgs\t6\nIcmp6OutEchoReplies\t2\nIcmp6InMsgs\t7\nUdp6InDatagrams\t8\nUdp6OutDatagrams\t9\n";

    fn layer() -> NetworkLayer {
        NetworkLayer::parse(DEV, SNMP, NETSTAT, SNMP6)
    }

    #[test]
    fn every_counter_is_taken_from_its_place() {
        let both = |v4, v6| [v4, v6];
        let expected = NetworkLayer {
            namespace: None,
            interfaces: BTreeMap::from([
                ("eth0".to_owned(), Bytes { tx: 4_527_899, rx: 1_722_916_453 }),
                ("lo".to_owned(), Bytes { tx: 500, rx: 500 }),
            ]),
            ip: Bytes { tx: 8300, rx: 9400 },
            packets: both(Bytes { tx: 90, rx: 100 }, Bytes { tx: 21, rx: 20 }),
            forwarded: 4,
            tcp: Bytes { tx: 50, rx: 60 },
            retransmitted: 2,
            udp: both(Bytes { tx: 31, rx: 30 }, Bytes { tx: 9, rx: 8 }),
            icmp: Bytes { tx: 10, rx: 12 },
            echo_replies: 5,
        };
        assert_eq!(layer(), expected);
        assert_eq!(
            layer().frames(),
            (Bytes { tx: 4_528_399, rx: 1_722_916_953 }, Bytes { tx: 500, rx: 500 })
        );
    }

    #[test]
    fn what_a_kernel_does_not_have_is_0_and_nonsense_is_left_out() {
        assert_eq!(NetworkLayer::parse("", "", "", ""), NetworkLayer::default());
        let strange =
            NetworkLayer::parse("eth0: x\nveth0: 1 2\n:\n", "Ip: InReceives\nTcp: 7\nIp:", "IpExt:", "x");
        assert_eq!(strange, NetworkLayer::default());
    }

    #[test]
    fn an_interface_that_was_made_anew_counts_from_its_beginning() {
        let mut later = layer();
        later.interfaces.insert("eth0".to_owned(), Bytes { tx: 10, rx: 1_722_916_460 });
        later.interfaces.insert("veth0".to_owned(), Bytes { tx: 1, rx: 2 });
        later.ip.tx += 7;
        let growth = later.growth_since(&layer());
        assert_eq!(growth.interfaces["eth0"], Bytes { tx: 10, rx: 1_722_916_460 });
        assert_eq!(
            (growth.interfaces["veth0"], growth.interfaces["lo"]),
            (Bytes { tx: 1, rx: 2 }, Bytes::default())
        );
        assert_eq!((growth.ip, growth.tcp), (Bytes { tx: 7, rx: 0 }, Bytes::default()));
    }

    #[test]
    fn this_machine_can_be_read() {
        let layer = NetworkLayer::read().unwrap();
        assert!(layer.interfaces.contains_key(LOOPBACK));
    }
}
