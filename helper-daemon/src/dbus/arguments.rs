use std::collections::BTreeSet;

use portolan_bus::{Error, QueryRequest};
use portolan_core::{ApplicationKey, Dimension, ParseError, ReviewState};

/// The longest word for a dimension or a state.
const WORD_MAX_BYTES: usize = 64;
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

/// Checks a question: known dimensions, each once, a time span that is not reversed, a limit that can be answered.
pub(super) fn query(request: &QueryRequest) -> Result<(), Error> {
    let mut dimensions = BTreeSet::new();
    for name in &request.by {
        let dimension: Dimension = word(name)?;
        if !dimensions.insert(dimension) {
            return Err(Error::InvalidArgument(format!("“{dimension}” is asked for twice.")));
        }
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
    if text.len() > WORD_MAX_BYTES {
        return Err(Error::InvalidArgument(format!(
            "A word of {} bytes is none that this daemon knows.",
            text.len()
        )));
    }
    text.parse().map_err(unparsable)
}

fn unparsable(error: ParseError) -> Error {
    Error::InvalidArgument(format!("{error}."))
}

#[cfg(test)]
mod tests {
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
