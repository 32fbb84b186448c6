use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::ParseError;

/// What a range of addresses is for (IANA's special-purpose registries).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Range {
    /// The internet.
    Public,
    /// This machine.
    Loopback,
    /// A network of one's own (RFC 1918, fc00::/7).
    Private,
    /// The network at hand (169.254/16, fe80::/10).
    LinkLocal,
    /// A group of receivers.
    Multicast,
    /// All on the network at hand.
    Broadcast,
    /// Behind an access provider's translation (100.64/10).
    Shared,
    /// For examples in texts.
    Documentation,
    /// For benchmarks.
    Benchmarking,
    /// An IPv4 address inside IPv6 (2002::/16).
    SixToFour,
    /// An IPv4 address that is translated to (64:ff9b::/96).
    Nat64,
    /// An IPv4 address behind Teredo (2001::/32).
    Teredo,
    /// None (0.0.0.0, ::).
    Unspecified,
    /// Kept for other uses.
    Reserved,
}

impl Range {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Public,
        Self::Loopback,
        Self::Private,
        Self::LinkLocal,
        Self::Multicast,
        Self::Broadcast,
        Self::Shared,
        Self::Documentation,
        Self::Benchmarking,
        Self::SixToFour,
        Self::Nat64,
        Self::Teredo,
        Self::Unspecified,
        Self::Reserved,
    ];

    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Shared => "shared",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::SixToFour => "6to4",
            Self::Nat64 => "nat64",
            Self::Teredo => "teredo",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
        }
    }
}

impl FromStr for Range {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL
            .into_iter()
            .find(|range| range.as_str() == text)
            .ok_or_else(|| ParseError::new("kind of range", text, "a word such as public or private"))
    }
}

/// A country by its ISO 3166 code of two capital letters. Databases also use codes of their own (`EU`, `A1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl FromStr for Country {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        <[u8; 2]>::try_from(text.as_bytes())
            .ok()
            .filter(|code| code.iter().all(u8::is_ascii_alphanumeric))
            .map(|code| Self(code.map(|byte| byte.to_ascii_uppercase())))
            .ok_or_else(|| ParseError::new("country", text, "a code of two letters such as DE"))
    }
}

impl TryFrom<String> for Country {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

/// Whose network it is: an autonomous system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Network {
    /// The number of the autonomous system.
    pub asn: u32,
    /// What the database calls it; `None` when it does not.
    pub name: Option<Arc<str>>,
}

/// Where an address belongs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// What its range is for.
    pub range: Range,
    /// The country, as the database has it; for an embedded address, that address's.
    pub country: Option<Country>,
    /// The network, as the database has it.
    pub network: Option<Network>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        assert!(Range::ALL.into_iter().all(|range| range.as_str().parse() == Ok(range)));
    }

    #[test]
    fn a_country_is_two_letters() {
        assert_eq!("de".parse::<Country>().map(|country| country.to_string()), Ok("DE".into()));
        assert_eq!("A1".parse::<Country>().map(|country| country.to_string()), Ok("A1".into()));
        for none in ["", "D", "DEU", "D\u{0}", "\u{e4}"] {
            assert!(none.parse::<Country>().is_err(), "{none:?}");
        }
    }
}
