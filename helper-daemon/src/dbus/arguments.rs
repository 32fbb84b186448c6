use std::{collections::BTreeSet, net::IpAddr};

use jiff::{Zoned, tz::TimeZone};
use portolan_bus::{ADDRESSES_MAX, BY_MAX, Error, QueryRequest, WrongQuery};
use portolan_core::{ApplicationKey, Dimension, Executable, ParseError, ReviewState};
use portolan_history::{
    Question, Step,
    language::{self, Field, Offer, Problem, Query},
};

use super::{Of, Viewer};

/// The longest word for a dimension, a state, an address or a time zone.
const WORD_MAX_BYTES: usize = 64;
/// The longest text of a query that is looked at. The language allows less.
const QUERY_MAX_BYTES: usize = 32 * 1024;
/// The longest beginning of a value.
const PREFIX_MAX_BYTES: usize = 16 * 1024;
/// The most groups that a caller may ask for, and gets who asks for no number.
const GROUPS_MAX: u32 = 100_000;
/// The same for lines of a series, each of which is as long as the series.
const LINES_MAX: u32 = 1000;
/// The same for values.
const VALUES_MAX: u32 = 1000;
/// How many values are offered to who writes a query.
pub(super) const OFFERED: u32 = 50;

/// Reads the arguments of a review.
pub(super) fn review(application: &str, state: &str) -> Result<(ApplicationKey, ReviewState), Error> {
    Ok((self::application(application)?, word(state)?))
}

/// Reads the addresses of a look-up, each once.
pub(super) fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, Error> {
    if texts.len() > ADDRESSES_MAX {
        return Err(Error::LimitExceeded(format!(
            "{} addresses were asked for; one call looks up {ADDRESSES_MAX}.",
            texts.len()
        )));
    }
    let mut addresses = Vec::new();
    for text in texts {
        let address: IpAddr = short(text)?.parse().map_err(|_| {
            unparsable(ParseError::new("address", text, "one such as 192.0.2.1 or 2001:db8::1"))
        })?;
        let address = address.to_canonical();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Reads a question for sums: a query, known dimensions, each once, a number of groups that can be answered.
pub(super) fn question(viewer: Viewer, request: &QueryRequest) -> Result<Question, Error> {
    let step = match request.step.as_str() {
        "" => Step::default(),
        word => step(word)?,
    };
    Ok(Question { step, ..asked(viewer, request, GROUPS_MAX)? })
}

/// Reads a question for a series, and the length of its steps.
pub(super) fn series(viewer: Viewer, request: &QueryRequest) -> Result<(Question, Step), Error> {
    let step = match request.step.as_str() {
        "" => Step::Auto,
        word => step(word)?,
    };
    Ok((asked(viewer, request, LINES_MAX)?, step))
}

fn asked(viewer: Viewer, request: &QueryRequest, most: u32) -> Result<Question, Error> {
    if request.by.len() > BY_MAX {
        let sentence = format!("An answer is grouped by at most {BY_MAX} dimensions; leave some out.");
        return Err(Error::InvalidArgument(sentence));
    }
    let mut by = BTreeSet::new();
    for name in &request.by {
        let dimension: Dimension = word(name)?;
        if !by.insert(dimension) {
            return Err(Error::InvalidArgument(format!("“{dimension}” is asked for twice.")));
        }
    }
    let now = match request.zone.as_str() {
        "" => Zoned::now(),
        zone => Zoned::now().with_time_zone(TimeZone::get(short(zone)?).map_err(|_| {
            unparsable(ParseError::new(
                "time zone",
                zone,
                "one such as Europe/Berlin that this machine knows",
            ))
        })?),
    };
    Ok(Question {
        query: query(&request.query, &now)?,
        by: by.into_iter().collect(),
        top: at_most(request.top, most)?,
        viewer: viewer.only(),
        step: Step::default(),
    })
}

/// Reads the text of a query.
pub(super) fn query(text: &str, now: &Zoned) -> Result<Query, Error> {
    if text.len() > QUERY_MAX_BYTES {
        return Err(Error::LimitExceeded(format!(
            "A query of {} bytes is longer than any that is read; {QUERY_MAX_BYTES} are the most.",
            text.len()
        )));
    }
    language::parse(text, now).map_err(|problem| {
        let Problem { column, length, message, suggestion } = problem;
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let (column, length) = (number(column), number(length));
        Error::WrongQuery(WrongQuery { message, column, length, suggestion })
    })
}

fn step(word: &str) -> Result<Step, Error> {
    match short(word)? {
        "bucket" => Ok(Step::Bucket),
        "minute" => Ok(Step::Minute),
        "hour" => Ok(Step::Hour),
        "day" => Ok(Step::Day),
        other => Err(unparsable(ParseError::new("step", other, "bucket, minute, hour or day"))),
    }
}

/// How many may be in the answer: as many as asked for, all that one answer holds for 0.
fn at_most(asked: u32, most: u32) -> Result<usize, Error> {
    if asked > most {
        return Err(Error::LimitExceeded(format!(
            "{asked} were asked for; one answer holds {most}. Ask for a shorter time or fewer dimensions."
        )));
    }
    Ok(usize::try_from(if asked == 0 { most } else { asked }).unwrap_or(usize::MAX))
}

/// Reads the name of a field whose values are asked for.
pub(super) fn field(name: &str) -> Result<Field, Error> {
    word(name)
}

/// Reads how many values are asked for, and checks their beginning.
pub(super) fn values(prefix: &str, limit: u32) -> Result<usize, Error> {
    if prefix.len() > PREFIX_MAX_BYTES {
        return Err(Error::InvalidArgument(format!(
            "No value that is looked for begins with {} bytes; {PREFIX_MAX_BYTES} are the most.",
            prefix.len()
        )));
    }
    at_most(limit, VALUES_MAX)
}

/// What a completion needs.
pub(super) enum Wanted {
    /// Nothing more.
    Words(Vec<String>),
    /// Values that the history knows.
    Values { field: Field, prefix: String },
}

/// Finds out what could stand at a cursor: which characters it would replace, and by what.
pub(super) fn completion(text: &str, cursor: u32) -> Result<(std::ops::Range<u32>, Wanted), Error> {
    if text.len() > QUERY_MAX_BYTES {
        return Err(Error::LimitExceeded(format!("A query of {} bytes is not completed.", text.len())));
    }
    let language::Completion { replace, offer } =
        language::complete(text, usize::try_from(cursor).unwrap_or(usize::MAX));
    let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let wanted = match offer {
        Offer::Fields(fields) => Wanted::Words(fields),
        Offer::Words(words) => Wanted::Words(words.into_iter().map(str::to_owned).collect()),
        Offer::Values { field, prefix } => Wanted::Values { field, prefix },
        Offer::Nothing => Wanted::Words(Vec::new()),
    };
    Ok((number(replace.start)..number(replace.end), wanted))
}

/// Reads what details are asked for.
pub(super) fn subject(kind: &str, key: &str, now: &Zoned) -> Result<Of, Error> {
    match short(kind)? {
        "application" => application(key).map(Of::Application),
        "executable" => {
            let wrong = || {
                Error::InvalidArgument(
                    "An executable is said by its SHA-256 in 64 hexadecimal digits, a space, and its path."
                        .to_owned(),
                )
            };
            let (sha256, path) =
                key.split_once(' ').filter(|_| key.len() <= PREFIX_MAX_BYTES).ok_or_else(wrong)?;
            let sha256 = sha256.parse().map_err(|_| wrong())?;
            Ok(Of::Executable(Executable { path: path.into(), sha256 }))
        }
        "flow" => query(key, now).map(Of::Flow),
        other => {
            Err(unparsable(ParseError::new("kind of details", other, "application, executable or flow")))
        }
    }
}

fn application(key: &str) -> Result<ApplicationKey, Error> {
    if key.len() > ApplicationKey::MAX_BYTES {
        return Err(Error::InvalidArgument(format!(
            "The application's key has {} bytes; the longest that can exist has {}.",
            key.len(),
            ApplicationKey::MAX_BYTES
        )));
    }
    key.parse().map_err(unparsable)
}

fn word<T: std::str::FromStr<Err = ParseError>>(text: &str) -> Result<T, Error> {
    short(text)?.parse().map_err(unparsable)
}

/// The text, unless it is too long to mean anything.
fn short(text: &str) -> Result<&str, Error> {
    if text.len() > WORD_MAX_BYTES {
        return Err(Error::InvalidArgument(format!(
            "A word of {} bytes is none that this daemon knows.",
            text.len()
        )));
    }
    Ok(text)
}

fn unparsable(error: ParseError) -> Error {
    Error::InvalidArgument(format!("{error}."))
}

#[cfg(test)]
mod tests {
    use portolan_bus::Access;
    use portolan_core::Uid;

    use super::*;

    const OWN: Viewer = Viewer { uid: Uid(1000), access: Access::Own };

    fn asked(request: QueryRequest) -> Result<Question, Error> {
        question(OWN, &request)
    }

    fn by(by: &[&str]) -> Result<Question, Error> {
        asked(QueryRequest { by: by.iter().map(ToString::to_string).collect(), ..QueryRequest::default() })
    }

    #[test]
    fn every_dimension_can_be_asked_for_once() {
        let all = Dimension::ALL.map(Dimension::as_str);
        for (words, dimensions) in all.chunks(BY_MAX).zip(Dimension::ALL.chunks(BY_MAX)) {
            assert_eq!(by(words).unwrap().by, dimensions);
        }
        assert!(by(&all[..BY_MAX]).is_ok());
        assert!(
            matches!(by(&all[..=BY_MAX]), Err(Error::InvalidArgument(text)) if text.contains("at most 3"))
        );
        assert!(matches!(by(&["remote-port", "remote_port"]), Err(Error::InvalidArgument(_))));
        assert!(matches!(by(&["colour"]), Err(Error::InvalidArgument(_))));
        assert!(matches!(by(&[&"x".repeat(1 << 20)]), Err(Error::InvalidArgument(_))));
    }

    #[test]
    fn a_question_is_about_its_viewer_and_has_an_end() {
        let question = asked(QueryRequest::default()).unwrap();
        assert_eq!((question.viewer, question.top), (Some(Uid(1000)), 100_000));
        let all = Viewer { access: Access::All, ..OWN };
        assert_eq!(super::question(all, &QueryRequest::default()).unwrap().viewer, None);
        let many = QueryRequest { top: GROUPS_MAX + 1, ..QueryRequest::default() };
        assert!(matches!(asked(many), Err(Error::LimitExceeded(_))));
        let lines = QueryRequest { top: LINES_MAX + 1, ..QueryRequest::default() };
        assert!(matches!(series(OWN, &lines), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn texts_zones_and_steps_are_checked() {
        let query = |text: &str| asked(QueryRequest { query: text.to_owned(), ..QueryRequest::default() });
        assert!(query("port:443 country:-").is_ok());
        let wrong = query("port:443 colour:red");
        let Err(Error::WrongQuery(wrong)) = wrong else { panic!("{wrong:?}") };
        assert_eq!(wrong.column, 10);
        assert!(matches!(query(&"x ".repeat(1 << 19)), Err(Error::LimitExceeded(_))));
        let zone = |zone: &str| asked(QueryRequest { zone: zone.to_owned(), ..QueryRequest::default() });
        assert!(zone("UTC").is_ok());
        for wrong in ["Europe/Atlantis", "../../etc/passwd", "/etc/localtime"] {
            assert!(matches!(zone(wrong), Err(Error::InvalidArgument(_))), "{wrong}");
        }
        let step = |step: &str| {
            let request = QueryRequest { step: step.to_owned(), ..QueryRequest::default() };
            series(OWN, &request).map(|(_, step)| step)
        };
        assert!(matches!((step(""), step("hour")), (Ok(Step::Auto), Ok(Step::Hour))));
        assert!(matches!(step("week"), Err(Error::InvalidArgument(_))));
    }

    #[test]
    fn details_are_of_something_that_can_be() {
        let of = |kind: &str, key: &str| subject(kind, key, &Zoned::now());
        let digest = "ab".repeat(32);
        assert!(matches!(of("application", "/usr/bin/curl"), Ok(Of::Application(_))));
        assert!(
            matches!(of("executable", &format!("{digest} /a b")), Ok(Of::Executable(file)) if file.path.as_raw() == "/a b")
        );
        assert!(matches!(of("flow", "remote:192.0.2.1 port:443"), Ok(Of::Flow(_))));
        for (kind, key) in
            [("application", "curl"), ("executable", "/a"), ("executable", "ab /a"), ("row", "")]
        {
            assert!(matches!(of(kind, key), Err(Error::InvalidArgument(_))), "{kind} {key}");
        }
        assert!(matches!(of("flow", "colour:red"), Err(Error::WrongQuery(_))));
    }

    #[test]
    fn addresses_are_read_once_each_and_the_wrong_one_is_named() {
        let read = |texts: &[&str]| addresses(&texts.iter().map(ToString::to_string).collect::<Vec<_>>());
        let found = read(&["192.0.2.1", "::ffff:192.0.2.1", "2001:DB8::1"]).unwrap();
        assert_eq!(found, ["192.0.2.1".parse::<IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]);
        for wrong in ["example.org", "192.0.2.0/24", "fe80::1%eth0", "", "192.0.2.1:443"] {
            let error = read(&["192.0.2.1", wrong]).unwrap_err();
            assert!(
                matches!(&error, Error::InvalidArgument(text) if text.contains(&format!("“{wrong}”"))),
                "{error}"
            );
        }
        assert!(matches!(read(&[&"1".repeat(1 << 20)]), Err(Error::InvalidArgument(_))));
        assert!(matches!(read(&["::1"; 65]), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn a_review_names_an_application_and_a_state() {
        assert!(review("/usr/bin/curl", "approved").is_ok());
        let longest = format!("/{}", "a".repeat(ApplicationKey::MAX_BYTES - 1));
        assert!(review(&longest, "ignored").is_ok());
        for (application, state) in
            [("curl", "approved"), ("/usr/bin/curl", "yes"), (&format!("{longest}a"), "approved")]
        {
            assert!(matches!(review(application, state), Err(Error::InvalidArgument(_))), "{state}");
        }
    }
}
