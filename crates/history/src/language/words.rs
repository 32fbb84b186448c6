//! The words of the language.

use portolan_core::{Dimension, Direction, Range, ReviewState, Uid, Unattributed};

use super::{Field, Measure};

/// What can stand before a colon or a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Field(Field),
    Measure(Measure),
    Time(Side),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Since,
    Until,
    On,
}

/// Each subject by its words, the first of which is its name.
const SUBJECTS: [(Subject, &[&str]); 34] = {
    use Dimension as D;
    use Subject::{Field as F, Measure as M, Time as T};
    [
        (F(Field::Of(D::Application)), &["app", "application"]),
        (F(Field::Of(D::Executable)), &["exe", "executable", "path"]),
        (F(Field::Of(D::Script)), &["script"]),
        (F(Field::Of(D::Parent)), &["parent"]),
        (F(Field::Ancestor), &["ancestor"]),
        (F(Field::Sha256), &["sha256", "hash"]),
        (F(Field::Of(D::User)), &["user", "uid"]),
        (F(Field::Of(D::Protocol)), &["protocol", "proto"]),
        (F(Field::Of(D::Direction)), &["direction"]),
        (F(Field::Of(D::Remote)), &["remote", "address", "ip"]),
        (F(Field::Local), &["local"]),
        (F(Field::Of(D::Domain)), &["domain", "host"]),
        (F(Field::Of(D::RegistrableDomain)), &["site", "registrable_domain"]),
        (F(Field::Of(D::Range)), &["range"]),
        (F(Field::Of(D::Country)), &["country"]),
        (F(Field::Of(D::Asn)), &["asn", "as"]),
        (F(Field::Of(D::Port)), &["port"]),
        (F(Field::Of(D::RemotePort)), &["remote_port"]),
        (F(Field::Of(D::LocalPort)), &["local_port"]),
        (F(Field::AnyPort), &["any_port"]),
        (F(Field::Of(D::Service)), &["service"]),
        (F(Field::Of(D::Command)), &["command", "cmd"]),
        (F(Field::Of(D::Unit)), &["unit"]),
        (F(Field::Of(D::Container)), &["container"]),
        (F(Field::Of(D::Namespace)), &["namespace", "netns"]),
        (F(Field::State), &["state"]),
        (F(Field::Owner), &["owner"]),
        (F(Field::Text), &["text"]),
        (M(Measure::Tx), &["tx", "sent"]),
        (M(Measure::Rx), &["rx", "received"]),
        (M(Measure::Bytes), &["bytes"]),
        (M(Measure::Flows), &["flows"]),
        (T(Side::Since), &["since"]),
        (T(Side::Until), &["until"]),
    ]
};
/// The one that is said in terms of the others.
const ON: (Subject, &str) = (Subject::Time(Side::On), "on");

/// What a word means, in whatever case, with `-` for `_`.
pub(super) fn subject(word: &str) -> Option<Subject> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let mut named = all().filter(|(_, known)| *known == word);
    named.next().map(|(subject, _)| subject)
}

/// Every word with what it means.
pub(super) fn all() -> impl Iterator<Item = (Subject, &'static str)> {
    let known = SUBJECTS.iter().flat_map(|(subject, words)| words.iter().map(|word| (*subject, *word)));
    known.chain([ON])
}

/// The names, without other words for the same.
pub(super) fn names() -> impl Iterator<Item = (Subject, &'static str)> {
    SUBJECTS.iter().filter_map(|(subject, words)| Some((*subject, *words.first()?))).chain([ON])
}

impl Subject {
    /// Its name in the canonical text.
    pub(super) fn as_str(self) -> &'static str {
        names().find(|(subject, _)| *subject == self).map_or("", |(_, name)| name)
    }
}

impl Field {
    /// The word before the colon.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Subject::Field(self).as_str()
    }

    /// The only values that there are of it; empty where they are not so few. A protocol may also be `ip-NUMBER`.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::State => [ReviewState::Unreviewed, ReviewState::Approved, ReviewState::Ignored]
                .map(ReviewState::as_str)
                .to_vec(),
            Self::Of(Dimension::Protocol) => vec!["tcp", "udp", "icmp", "packet"],
            Self::Of(Dimension::Direction) => {
                [Direction::Outbound, Direction::Inbound, Direction::Unknown].map(Direction::as_str).to_vec()
            }
            Self::Of(Dimension::Range) => Range::ALL.map(Range::as_str).to_vec(),
            Self::Owner => {
                let reasons = Unattributed::ALL.map(Unattributed::as_str);
                ["program", "kernel", "unattributed"].into_iter().chain(reasons).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The largest value of a field of numbers; `None` for the others.
    #[must_use]
    pub fn largest(self) -> Option<i64> {
        match self {
            Self::Of(Dimension::Port | Dimension::RemotePort | Dimension::LocalPort) | Self::AnyPort => {
                Some(u16::MAX.into())
            }
            // The number behind it stands for a user that is not known.
            Self::Of(Dimension::User) => Some(i64::from(Uid::UNKNOWN.0) - 1),
            Self::Of(Dimension::Asn | Dimension::Namespace) => Some(u32::MAX.into()),
            _ => None,
        }
    }
}

impl std::str::FromStr for Field {
    type Err = portolan_core::ParseError;

    /// Reads any of its words.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match subject(text) {
            Some(Subject::Field(field)) => Ok(field),
            _ => Err(portolan_core::ParseError::new(
                "field",
                text,
                "one of the query language, such as app, domain or port",
            )),
        }
    }
}
