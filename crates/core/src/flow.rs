use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{MonotonicNs, ParseError, Pid, ProcessKey, Uid};

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP, and TCP's subflows.
    Tcp,
    /// UDP and UDP-Lite.
    Udp,
    /// ICMP over IPv4 or IPv6.
    Icmp,
    /// Frames below IP (`AF_PACKET`).
    Packet,
    /// Any other IP protocol, by its number.
    Ip(u16),
}

impl Protocol {
    /// The protocol of an IP socket, by its IANA number.
    #[must_use]
    pub fn from_ip_number(number: u16) -> Self {
        match number {
            1 | 58 => Self::Icmp,
            6 | 262 => Self::Tcp,
            17 | 136 => Self::Udp,
            other => Self::Ip(other),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Icmp => f.write_str("icmp"),
            Self::Packet => f.write_str("packet"),
            Self::Ip(number) => write!(f, "ip-{number}"),
        }
    }
}

impl FromStr for Protocol {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "icmp" => Ok(Self::Icmp),
            "packet" => Ok(Self::Packet),
            other => other
                .strip_prefix("ip-")
                .and_then(|number| number.parse().ok())
                .map(Self::Ip)
                .ok_or_else(|| ParseError::new("protocol", text, "tcp, udp, icmp, packet or ip-NUMBER")),
        }
    }
}

/// Who opened a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// This machine's program did.
    Outbound,
    /// The other side did.
    Inbound,
    /// The protocol has no opening that was seen.
    Unknown,
}

impl Direction {
    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for Direction {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "outbound" => Ok(Self::Outbound),
            "inbound" => Ok(Self::Inbound),
            "unknown" => Ok(Self::Unknown),
            _ => Err(ParseError::new("direction", text, "outbound, inbound or unknown")),
        }
    }
}

/// One side of a flow. IPv4 addresses mapped into IPv6 are IPv4 here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port; 0 for protocols without ports.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    /// `address:port`, IPv6 in brackets; without the port where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (address, 0) => write!(f, "{address}"),
            (IpAddr::V4(address), port) => write!(f, "{address}:{port}"),
            (IpAddr::V6(address), port) => write!(f, "[{address}]:{port}"),
        }
    }
}

/// What one process exchanged with one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// The process that moved the bytes, which need not be the one that opened the socket.
    pub owner: ProcessKey,
    /// The user that the process acted as when it first used the socket.
    pub uid: Uid,
    /// What the socket speaks.
    pub protocol: Protocol,
    /// Who opened it.
    pub direction: Direction,
    /// This machine's side; `None` when the socket was not bound when it was used.
    pub local: Option<Endpoint>,
    /// The other side; `None` when the program did not say (unconnected socket read without an address, frames).
    pub remote: Option<Endpoint>,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
}

impl Flow {
    /// The owner of what the kernel moves itself, which no process can have.
    pub const KERNEL: ProcessKey = ProcessKey { pid: Pid(0), started: MonotonicNs(0), exec_generation: 0 };

    /// Traffic of which only the owner is known.
    #[must_use]
    pub fn of_unknown_peer(owner: ProcessKey) -> Self {
        Self {
            owner,
            uid: Uid::UNKNOWN,
            protocol: Protocol::Ip(0),
            direction: Direction::Unknown,
            local: None,
            remote: None,
            network_namespace: 0,
        }
    }

    /// The port that names the service: the remote one for what this machine opened, else the local one.
    ///
    /// For datagrams that nobody opened, the lower of both.
    #[must_use]
    pub fn service_port(&self) -> Option<u16> {
        let port = |side: Option<Endpoint>| side.map(|endpoint| endpoint.port).filter(|port| *port != 0);
        let (local, remote) = (port(self.local), port(self.remote));
        match self.direction {
            Direction::Outbound => remote,
            Direction::Inbound => local,
            Direction::Unknown => [local, remote].into_iter().flatten().min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_read_back() {
        for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Icmp, Protocol::Packet, Protocol::Ip(253)] {
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
        assert_eq!(Protocol::from_ip_number(58), Protocol::Icmp);
    }
}
