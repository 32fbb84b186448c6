use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ParseError;

/// A domain name: lower case, without the last dot, of letters, digits, `-` and `_`. International names are as they travel
/// (`xn--…`).
///
/// So it is no hostile text, however it was chosen; it may still be a lie.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(Box<str>);

/// Bytes of the longest domain name, as text.
const LONGEST: usize = 253;
/// Bytes of the longest label.
const LONGEST_LABEL: usize = 63;

impl Domain {
    /// What is a domain name; `None` for all else, addresses among it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        let is_label = |label: &[u8]| {
            (1..=LONGEST_LABEL).contains(&label.len())
                && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let mut labels = bytes.split(|byte| *byte == b'.');
        let is_number = |label: &[u8]| label.iter().all(u8::is_ascii_digit);
        let last = bytes.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        if bytes.len() > LONGEST || is_number(last) || !labels.all(is_label) {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        Some(Self(text.to_ascii_lowercase().into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name is this one or below it.
    #[must_use]
    pub fn is_above(&self, name: &str) -> bool {
        name.strip_suffix(self.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Domain {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl FromStr for Domain {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::from_bytes(text.as_bytes())
            .ok_or_else(|| ParseError::new("domain name", text, "a name such as example.org"))
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0.into()
    }
}

/// How a name came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NameSource {
    /// The flow said it in its TLS ClientHello.
    Tls,
    /// The flow said it in its QUIC Initial.
    Quic,
    /// The flow said it in its HTTP request.
    Http,
    /// The process received it in a DNS answer.
    Dns,
    /// Another process of the same application received it in a DNS answer.
    Application,
    /// A local resolver received it in a DNS answer, for whoever asked it.
    Resolver,
    /// It stands in /etc/hosts.
    Hosts,
    /// Another recorder called it so, and did not say how it knew.
    Imported,
}

impl NameSource {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Tls,
        Self::Quic,
        Self::Http,
        Self::Dns,
        Self::Application,
        Self::Resolver,
        Self::Hosts,
        Self::Imported,
    ];

    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Application => "application",
            Self::Resolver => "resolver",
            Self::Hosts => "hosts",
            Self::Imported => "imported",
        }
    }
}

impl FromStr for NameSource {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|source| source.as_str() == text).ok_or_else(|| {
            ParseError::new(
                "source of a name",
                text,
                "tls, quic, http, dns, application, resolver, hosts or imported",
            )
        })
    }
}

/// The name of a flow's other side.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Name {
    /// What it is called.
    pub domain: Domain,
    /// The part of it that somebody registered (`example.co.uk`); `None` where there is none (`localhost`, a public suffix).
    pub registrable: Option<Domain>,
    /// How it is known.
    pub source: NameSource,
    /// Whether it may as well be another one.
    pub is_inferred: bool,
}

/// What a flow speaks, as its bytes told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Recognised {
    /// TLS over TCP.
    Tls,
    /// QUIC.
    Quic,
    /// HTTP/1, in the clear; or HTTP/2 with prior knowledge.
    Http,
    /// DNS over UDP or TCP, in the clear.
    Dns,
    /// SSH.
    Ssh,
}

impl Recognised {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tls, Self::Quic, Self::Http, Self::Dns, Self::Ssh];

    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Ssh => "ssh",
        }
    }
}

impl FromStr for Recognised {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.as_str() == text)
            .ok_or_else(|| ParseError::new("recognised protocol", text, "tls, quic, http, dns or ssh"))
    }
}

/// A remote side as people see it: `example.org (192.0.2.1:443)`, `~example.org (…)` where it may as well be another name, the bare
/// address where no name is known. What was hostile in it is so still.
#[must_use]
pub fn named_remote(remote: &str, domain: Option<&str>, is_inferred: bool) -> String {
    let mark = if is_inferred { "~" } else { "" };
    domain.map_or_else(|| remote.to_owned(), |domain| format!("{mark}{domain} ({remote})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_a_resolver_would_take_and_nothing_else() {
        let text = |given: &[u8]| Domain::from_bytes(given).map(String::from);
        assert_eq!(text(b"WWW.Example.ORG."), Some("www.example.org".into()));
        assert_eq!(text(b"_dmarc.xn--bcher-kva.example"), Some("_dmarc.xn--bcher-kva.example".into()));
        assert_eq!(text(b"localhost"), Some("localhost".into()));
        let (label, name) = ([b'a'; 64], "a.".repeat(127));
        for none in [
            &b""[..],
            b".",
            b"a..b",
            b"a b",
            b"a\x1b[31m",
            "b\u{fc}cher".as_bytes(),
            b"192.0.2.1",
            b"1",
            &label,
        ] {
            assert_eq!(text(none), None, "{none:?}");
        }
        assert_eq!(text(name.as_bytes()).map(|name| name.len()), Some(253));
        assert_eq!(text(format!("{name}aa").as_bytes()), None);
    }

    #[test]
    fn a_name_stands_before_its_address_and_an_inferred_one_is_marked() {
        let shown = |domain, is_inferred| named_remote("192.0.2.1:443", domain, is_inferred);
        assert_eq!(shown(None, false), "192.0.2.1:443");
        assert_eq!(shown(Some("example.org"), false), "example.org (192.0.2.1:443)");
        assert_eq!(shown(Some("example.org"), true), "~example.org (192.0.2.1:443)");
    }

    #[test]
    fn words_read_back() {
        assert!(NameSource::ALL.into_iter().all(|source| source.as_str().parse() == Ok(source)));
        assert!(Recognised::ALL.into_iter().all(|protocol| protocol.as_str().parse() == Ok(protocol)));
    }
}
