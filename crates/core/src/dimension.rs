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
    /// The port that names the service.
    Port,
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
    pub const ALL: [Self; 16] = [
        Self::Application,
        Self::Executable,
        Self::Script,
        Self::Parent,
        Self::User,
        Self::Protocol,
        Self::Direction,
        Self::Remote,
        Self::Port,
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
            Self::Port => "port",
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
                "application, executable, script, parent, user, protocol, direction, remote, port, remote_port, local_port, \
                 command, unit, container, namespace or time",
            )
        })
    }
}
