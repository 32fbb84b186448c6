use std::{fmt, str::FromStr};

use crate::ParseError;

/// What a query can group by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The application key.
    Application,
    /// Path and SHA-256; rows also carry `path` and `sha256`.
    Executable,
    /// The script that it runs, where it is an interpreter; rows also carry `script_path` and `script_sha256`.
    Script,
    /// The executable that started it; rows also carry `parent_path` and `parent_sha256`.
    Parent,
    /// The uid.
    User,
    /// `tcp`, `udp`, `icmp`, …
    Protocol,
    /// `outbound`, `inbound` or `unknown`.
    Direction,
    /// The remote address.
    Remote,
    /// The name of the other side; rows also carry `name_source` (the surest one) and, where it may as well be another name,
    /// `inferred` = `true`.
    Domain,
    /// The part of that name which somebody registered; rows also carry `inferred` as those of a domain do.
    RegistrableDomain,
    /// What the remote address's range is for.
    Range,
    /// The remote address's country; rows without one carry `range` instead.
    Country,
    /// The number of the network (AS) that the remote address belongs to; rows also carry `asn_name`, or `range` where there is none.
    Asn,
    /// The port that names the service.
    Port,
    /// What is spoken, as far as its bytes told, else the usual name of the port, else `tcp/12345`; rows also carry `recognised` =
    /// `true` or `false`.
    Service,
    /// The remote port.
    RemotePort,
    /// The local port.
    LocalPort,
    /// The command line.
    Command,
    /// The systemd unit.
    Unit,
    /// The container.
    Container,
    /// The network namespace, by its inode number.
    Namespace,
    /// The start of the bucket, milliseconds since 1970.
    Time,
}

impl Dimension {
    /// All dimensions.
    pub const ALL: [Self; 22] = [
        Self::Application,
        Self::Executable,
        Self::Script,
        Self::Parent,
        Self::User,
        Self::Protocol,
        Self::Direction,
        Self::Remote,
        Self::Domain,
        Self::RegistrableDomain,
        Self::Range,
        Self::Country,
        Self::Asn,
        Self::Port,
        Self::Service,
        Self::RemotePort,
        Self::LocalPort,
        Self::Command,
        Self::Unit,
        Self::Container,
        Self::Namespace,
        Self::Time,
    ];

    /// The word in a request, and the key in a row.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Executable => "executable",
            Self::Script => "script",
            Self::Parent => "parent",
            Self::User => "user",
            Self::Protocol => "protocol",
            Self::Direction => "direction",
            Self::Remote => "remote",
            Self::Domain => "domain",
            Self::RegistrableDomain => "registrable_domain",
            Self::Range => "range",
            Self::Country => "country",
            Self::Asn => "asn",
            Self::Port => "port",
            Self::Service => "service",
            Self::RemotePort => "remote_port",
            Self::LocalPort => "local_port",
            Self::Command => "command",
            Self::Unit => "unit",
            Self::Container => "container",
            Self::Namespace => "namespace",
            Self::Time => "time",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dimension {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let word = text.replace('-', "_");
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == word).ok_or_else(|| {
            ParseError::new(
                "dimension",
                text,
                "application, executable, script, parent, user, protocol, direction, remote, domain, registrable_domain, \
                 range, country, asn, port, service, remote_port, local_port, command, unit, container, namespace or time",
            )
        })
    }
}
