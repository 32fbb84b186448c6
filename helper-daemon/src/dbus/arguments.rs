use std::{collections::BTreeSet, net::IpAddr};

use portolan_bus::{ADDRESSES_MAX, Error, QueryRequest};
use portolan_core::{ApplicationKey, Dimension, Only, ParseError, ReviewState};

/// The most conditions of a question.
const FILTERS_MAX: usize = 64;
/// The longest word for a dimension, a state or an address.
const WORD_MAX_BYTES: usize = 64;
/// The longest value of a condition.
const VALUE_MAX_BYTES: usize = 16 * 1024;
/// The most rows that a caller may ask for, and gets who asks for no number.
pub(crate) const ROWS_MAX: u32 = 100_000;

/// Reads the arguments of a review.
pub(super) fn review(application: &str, state: &str) -> Result<(ApplicationKey, ReviewState), Error> {
    if application.len() > ApplicationKey::MAX_BYTES {
        return Err(Error::InvalidArgument(format!(
            "The application's key has {} bytes; the longest that can exist has {}.",
            application.len(),
            ApplicationKey::MAX_BYTES
        )));
    }
    Ok((application.parse().map_err(unparsable)?, word(state)?))
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

/// Checks a question: known dimensions, each once, conditions that can be met, a time span that is not reversed, a limit that can
/// be answered.
pub(super) fn query(request: &QueryRequest) -> Result<(), Error> {
    let mut dimensions = BTreeSet::new();
    for name in &request.by {
        let dimension: Dimension = word(name)?;
        if !dimensions.insert(dimension) {
            return Err(Error::InvalidArgument(format!("“{dimension}” is asked for twice.")));
        }
    }
    if request.only.len() > FILTERS_MAX {
        return Err(Error::LimitExceeded(format!(
            "{} conditions were asked for; one question has at most {FILTERS_MAX}.",
            request.only.len()
        )));
    }
    for filter in &request.only {
        short(&filter.dimension)?;
        if filter.value.len() > VALUE_MAX_BYTES {
            return Err(Error::InvalidArgument(format!(
                "A value of {} bytes is longer than any that is looked for; {VALUE_MAX_BYTES} are the most.",
                filter.value.len()
            )));
        }
        Only::try_from(filter).map_err(unparsable)?;
    }
    if let (Some(since), Some(until)) = (request.since_unix_ms, request.until_unix_ms)
        && since > until
    {
        return Err(Error::InvalidArgument(format!(
            "The time asked for ends ({until}) before it begins ({since})."
        )));
    }
    if request.limit > ROWS_MAX {
        return Err(Error::LimitExceeded(format!(
            "{} rows were asked for; one answer holds {ROWS_MAX}. Ask for a shorter time or fewer dimensions.",
            request.limit
        )));
    }
    Ok(())
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
    use portolan_bus::Filter;

    use super::*;

    fn asked(by: &[&str], limit: u32) -> Result<(), Error> {
        let by = by.iter().map(ToString::to_string).collect();
        query(&QueryRequest { by, limit, ..QueryRequest::default() })
    }

    #[test]
    fn every_dimension_can_be_asked_for_once() {
        let all: Vec<_> = Dimension::ALL.iter().map(|dimension| dimension.as_str()).collect();
        assert!(asked(&all, 0).is_ok());
        assert!(matches!(asked(&["remote-port", "remote_port"], 0), Err(Error::InvalidArgument(_))));
        assert!(matches!(asked(&["colour"], 0), Err(Error::InvalidArgument(_))));
        assert!(matches!(asked(&[&"x".repeat(1 << 20)], 0), Err(Error::InvalidArgument(_))));
    }

    #[test]
    fn limits_and_times_are_checked() {
        assert!(asked(&[], ROWS_MAX).is_ok());
        assert!(matches!(asked(&[], ROWS_MAX + 1), Err(Error::LimitExceeded(_))));
        let reversed =
            QueryRequest { since_unix_ms: Some(2), until_unix_ms: Some(1), ..QueryRequest::default() };
        assert!(matches!(query(&reversed), Err(Error::InvalidArgument(_))));
    }

    #[test]
    fn conditions_are_checked() {
        let only = |filters: &[(&str, &str)]| {
            let filter = |(dimension, value): &(&str, &str)| Filter {
                dimension: (*dimension).to_owned(),
                value: (*value).to_owned(),
            };
            query(&QueryRequest { only: filters.iter().map(filter).collect(), ..QueryRequest::default() })
        };
        assert!(only(&[("domain", "*.example.org"), ("country", ""), ("port", "443")]).is_ok());
        for (dimension, value) in [("colour", "red"), ("port", "http"), ("domain", "a b"), ("\0", "x")] {
            assert!(matches!(only(&[(dimension, value)]), Err(Error::InvalidArgument(_))), "{dimension}");
        }
        assert!(matches!(only(&[("command", &"x".repeat(1 << 20))]), Err(Error::InvalidArgument(_))));
        assert!(matches!(only(&[("port", "1"); 65]), Err(Error::LimitExceeded(_))));
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
