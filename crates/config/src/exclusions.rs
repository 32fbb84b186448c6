//! What is not to be recorded.

use std::{net::IpAddr, ops::RangeInclusive};

use portolan_core::{Dimension, Domain, Pattern, Sha256Digest};
use toml_edit::Value;

use crate::value::{Trouble, text, wrong};

/// What is not recorded at all: traffic that is any of these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exclusions {
    /// Applications, executables and scripts.
    pub applications: Vec<Wanted>,
    /// The contents of executables and scripts.
    pub executables: Vec<Sha256Digest>,
    /// Networks.
    pub networks: Vec<Network>,
    /// Whether traffic is excluded of which neither side is on the internet.
    pub between_local: bool,
    /// Ports of services.
    pub ports: Vec<RangeInclusive<u16>>,
    /// Names of other sides.
    pub domains: Vec<Names>,
    /// Users.
    pub users: Vec<RangeInclusive<u32>>,
    /// Containers.
    pub containers: Vec<Wanted>,
}

/// What an exclusion can be about. What is `None` is not known, and excluded by nothing.
#[derive(Debug, Clone, Copy)]
pub struct Traffic<'a> {
    /// The application's key.
    pub application: Option<&'a str>,
    /// The paths and contents of what runs: the executable, and its script.
    pub files: [Option<(&'a str, Option<Sha256Digest>)>; 2],
    /// As `kind:name`.
    pub container: Option<&'a str>,
    /// Whose.
    pub uid: u32,
    /// This machine's side.
    pub local: Option<IpAddr>,
    /// The other.
    pub remote: Option<IpAddr>,
    /// The port that names the service.
    pub service_port: Option<u16>,
    /// What the other side is called.
    pub domain: Option<&'a Domain>,
}

impl Exclusions {
    /// Whether this is among them; `is_on_internet` says it of an address.
    #[must_use]
    pub fn cover(&self, traffic: &Traffic<'_>, is_on_internet: impl Fn(IpAddr) -> bool) -> bool {
        let Traffic { application, files, container, uid, local, remote, service_port, domain } = *traffic;
        let files = || files.iter().flatten();
        let is_one = |wanted: &Wanted, dimension, value: Option<&str>| {
            value.is_some_and(|value| wanted.pattern.fits_value(dimension, value))
        };
        // The names of files are those of executables, whichever of the two they are.
        let is_file =
            |wanted: &Wanted| files().any(|(path, _)| is_one(wanted, Dimension::Executable, Some(path)));
        let is_near = |side: Option<IpAddr>| side.is_some_and(|address| !is_on_internet(address));
        self.users.iter().any(|users| users.contains(&uid))
            || self
                .applications
                .iter()
                .any(|wanted| is_one(wanted, Dimension::Application, application) || is_file(wanted))
            || self
                .executables
                .iter()
                .any(|digest| files().any(|(_, sha256)| sha256.as_ref() == Some(digest)))
            || self.containers.iter().any(|wanted| is_one(wanted, Dimension::Container, container))
            || self.ports.iter().any(|ports| service_port.is_some_and(|port| ports.contains(&port)))
            || self.domains.iter().any(|names| domain.is_some_and(|domain| names.hold(domain)))
            || self.networks.iter().any(|network| network.covers(local, remote))
            || (self.between_local && is_near(local) && is_near(remote))
    }
}

/// What values are to be, as in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As it was written.
    text: String,
    pattern: Pattern,
}

impl Wanted {
    pub(crate) fn read(value: &Value) -> Result<Self, Trouble> {
        let text = text(value, "a text such as \"/usr/bin/*\"")?;
        if text.trim_matches('*').is_empty() {
            return Err(Trouble::at(value, "this would be everything; say what is meant"));
        }
        Ok(Self { text: text.to_owned(), pattern: Pattern::new(text.split('*')) })
    }

    pub(crate) fn show(&self) -> Value {
        self.text.as_str().into()
    }
}

/// A name, perhaps with all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    domain: Domain,
    /// Whether those below it, too.
    below: bool,
}

impl Names {
    fn hold(&self, domain: &Domain) -> bool {
        self.domain == *domain || (self.below && self.domain.is_above(domain.as_str()))
    }

    pub(crate) fn read(value: &Value) -> Result<Self, Trouble> {
        let given = text(value, "a name such as \"example.org\" or \"*.example.org\"")?;
        let (name, below) = given.strip_prefix("*.").map_or((given, false), |name| (name, true));
        let domain = name.parse().map_err(|_| {
            Trouble::at(value, format!("{given:?} is no name such as \"example.org\" or \"*.example.org\""))
        })?;
        Ok(Self { domain, below })
    }

    pub(crate) fn show(&self) -> Value {
        format!("{}{}", if self.below { "*." } else { "" }, self.domain).into()
    }
}

/// Which side of the traffic is to be in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The other machine's.
    Remote,
    /// This machine's.
    Local,
    /// One of them.
    Either,
    /// Both.
    Both,
}

impl Side {
    const ALL: [(Self, &str); 4] =
        [(Self::Remote, "remote"), (Self::Local, "local"), (Self::Either, "either"), (Self::Both, "both")];
}

/// A network, and which side is to be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
    side: Side,
}

impl Network {
    fn covers(&self, local: Option<IpAddr>, remote: Option<IpAddr>) -> bool {
        let holds = |side: Option<IpAddr>| side.is_some_and(|address| self.holds(address));
        match self.side {
            Side::Remote => holds(remote),
            Side::Local => holds(local),
            Side::Either => holds(local) || holds(remote),
            Side::Both => holds(local) && holds(remote),
        }
    }

    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// A text, or a table of `network` and `side`.
    pub(crate) fn read(value: &Value) -> Result<Self, Trouble> {
        let expected = "a network such as \"10.0.0.0/8\", or { network = \"10.0.0.0/8\", side = \"either\" }";
        let Some(table) = value.as_inline_table() else { return Self::read_text(value, expected) };
        let mut side = Side::Remote;
        for (key, value) in table {
            match key {
                "network" => {}
                "side" => {
                    let word = text(value, "\"remote\", \"local\", \"either\" or \"both\"")?;
                    let known = Side::ALL.into_iter().find(|(_, known)| *known == word);
                    side = known.map(|(side, _)| side).ok_or_else(|| {
                        Trouble::at(
                            value,
                            format!("{word:?} is no side; expected remote, local, either or both"),
                        )
                    })?;
                }
                _ => {
                    return Err(Trouble::at(
                        value,
                        format!("{key:?} is not known here; expected {expected}"),
                    ));
                }
            }
        }
        let network = table.get("network").ok_or_else(|| wrong(value, expected))?;
        Ok(Self { side, ..Self::read_text(network, expected)? })
    }

    fn read_text(value: &Value, expected: &str) -> Result<Self, Trouble> {
        let given = text(value, expected)?;
        let refused = |why: &str| Trouble::at(value, format!("{given:?} {why}"));
        let (address, bits) =
            given.split_once('/').map_or((given, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| refused("is no network such as \"10.0.0.0/8\""))?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => width,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= width)
                .ok_or_else(|| refused(&format!("has a length that is none; it is from 0 to {width}")))?,
        };
        if bits == 0 {
            return Err(refused("would be every address"));
        }
        let own = Self { address, bits, side: Side::Remote };
        let first = own.first();
        if first != address {
            return Err(refused(&format!(
                "is an address within a network; the network is \"{first}/{bits}\""
            )));
        }
        Ok(own)
    }

    fn first(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(own) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                IpAddr::V4((own.to_bits() & mask).into())
            }
            IpAddr::V6(own) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                IpAddr::V6((own.to_bits() & mask).into())
            }
        }
    }

    pub(crate) fn show(&self) -> Value {
        let network = format!("{}/{}", self.address, self.bits);
        let word =
            Side::ALL.into_iter().find(|(side, _)| *side == self.side).map_or("remote", |(_, word)| word);
        match self.side {
            Side::Remote => network.into(),
            _ => Value::InlineTable([("network", network.as_str()), ("side", word)].into_iter().collect()),
        }
    }
}

/// The SHA-256 of an executable's content.
pub(crate) fn digest(value: &Value) -> Result<Sha256Digest, Trouble> {
    let given = text(value, "the SHA-256 of an executable")?;
    given.parse().map_err(|_| Trouble::at(value, format!("{given:?} is no SHA-256 of 64 hexadecimal digits")))
}
