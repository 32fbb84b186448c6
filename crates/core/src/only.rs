use std::{net::IpAddr, str::FromStr};

use crate::{Country, Dimension, Direction, Domain, ParseError, Protocol, Range};

/// One condition of a query: only what has this value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Only {
    dimension: Dimension,
    wanted: Wanted,
}

/// The value that a condition wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// None: it is not known.
    NotKnown,
    /// This text, as the history has it.
    Text(String),
    /// This number.
    Number(i64),
    /// This address.
    Address(IpAddr),
    /// This name and all below it.
    Below(Domain),
}

impl Only {
    /// The condition that a dimension has this value, as rows show it. Empty or `-` is "not known"; of a domain, `*.example.org` is
    /// the name and all below it.
    pub fn new(dimension: Dimension, value: &str) -> Result<Self, ParseError> {
        let wanted = match value {
            "" | "-" => Wanted::NotKnown,
            value => Wanted::of(dimension, value)?,
        };
        Ok(Self { dimension, wanted })
    }

    /// Of what.
    #[must_use]
    pub fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// Which value.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }
}

impl Wanted {
    fn of(dimension: Dimension, value: &str) -> Result<Self, ParseError> {
        let number = |value: &str, largest: u32, what, expected| {
            let number = value.parse::<u32>().ok().filter(|number| *number <= largest);
            number
                .map(|number| Self::Number(number.into()))
                .ok_or_else(|| ParseError::new(what, value, expected))
        };
        match dimension {
            Dimension::User => number(value, u32::MAX, "user", "a uid such as 1000"),
            Dimension::Namespace => number(value, u32::MAX, "network namespace", "its inode number"),
            Dimension::Port | Dimension::RemotePort | Dimension::LocalPort => {
                number(value, u16::MAX.into(), "port", "a number from 1 to 65535")
            }
            Dimension::Asn => {
                let digits = value.strip_prefix("AS").or(value.strip_prefix("as")).unwrap_or(value);
                number(digits, u32::MAX, "network", "the number of an autonomous system such as 64496")
            }
            Dimension::Time => {
                let start = value.parse().map(Self::Number);
                start.map_err(|_| ParseError::new("time", value, "milliseconds since 1970"))
            }
            Dimension::Remote => {
                let address: Result<IpAddr, _> = value.parse();
                let address = address.map(|address| Self::Address(address.to_canonical()));
                address.map_err(|_| ParseError::new("address", value, "one such as 192.0.2.1 or 2001:db8::1"))
            }
            Dimension::Domain => match value.strip_prefix("*.") {
                Some(domain) => domain.parse().map(Self::Below),
                None => value.parse::<Domain>().map(|domain| Self::Text(domain.into())),
            },
            Dimension::RegistrableDomain => value.parse::<Domain>().map(|domain| Self::Text(domain.into())),
            Dimension::Country => value.parse::<Country>().map(|country| Self::Text(country.into())),
            Dimension::Range => value.parse::<Range>().map(|range| Self::Text(range.as_str().to_owned())),
            Dimension::Protocol => value.parse::<Protocol>().map(|protocol| Self::Text(protocol.to_string())),
            Dimension::Direction => {
                value.parse::<Direction>().map(|direction| Self::Text(direction.as_str().to_owned()))
            }
            Dimension::Application
            | Dimension::Executable
            | Dimension::Script
            | Dimension::Parent
            | Dimension::Service
            | Dimension::Command
            | Dimension::Unit
            | Dimension::Container => Ok(Self::Text(value.to_owned())),
        }
    }
}

impl FromStr for Only {
    type Err = ParseError;

    /// Reads `dimension=value`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (dimension, value) = text.split_once('=').ok_or_else(|| {
            ParseError::new("condition", text, "a dimension and its value such as country=DE")
        })?;
        Self::new(dimension.parse()?, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Result<Wanted, ParseError> {
        text.parse::<Only>().map(|only| only.wanted().clone())
    }

    #[test]
    fn values_are_as_the_history_has_them() {
        let text = |text: &str| Ok(Wanted::Text(text.to_owned()));
        assert_eq!(wanted("country=de"), text("DE"));
        assert_eq!(wanted("domain=Example.ORG."), text("example.org"));
        assert_eq!(wanted("domain=*.Example.ORG"), Ok(Wanted::Below("example.org".parse().unwrap())));
        assert_eq!(wanted("command=a=b"), text("a=b"));
        assert_eq!(wanted("asn=AS64496"), Ok(Wanted::Number(64_496)));
        assert_eq!(wanted("remote=::ffff:192.0.2.1"), Ok(Wanted::Address([192, 0, 2, 1].into())));
        for dimension in Dimension::ALL {
            for nothing in ["", "-"] {
                assert_eq!(wanted(&format!("{dimension}={nothing}")), Ok(Wanted::NotKnown));
            }
        }
    }

    #[test]
    fn what_no_row_can_have_is_refused() {
        for wrong in [
            "country",
            "colour=red",
            "country=Germany",
            "port=http",
            "port=65536",
            "asn=AS",
            "user=alice",
            "user=-1",
            "time=now",
            "remote=example.org",
            "remote=192.0.2.0/24",
            "domain=*",
            "domain=a b",
            "registrable_domain=*.example.org",
            "range=internet",
            "protocol=http",
            "direction=out",
        ] {
            assert!(wanted(wrong).is_err(), "{wrong}");
        }
    }
}
