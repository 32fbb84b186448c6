//! Errors as one sentence for a person.

use std::error::Error;

/// An error with its causes on one line. A cause that the text before it has said already is left out.
#[must_use]
pub fn of(error: &(dyn Error + 'static)) -> String {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !sentence.contains(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
        source = error.source();
    }
    sentence
}

#[cfg(test)]
mod tests {
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("the file cannot be read: {source}. Mend it")]
    struct Inline {
        source: io::Error,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("there is no history")]
    struct Chained(#[source] Inline);

    #[test]
    fn each_cause_is_said_once() {
        let error = Chained(Inline { source: io::Error::other("gone") });
        assert_eq!(super::of(&error), "there is no history: the file cannot be read: gone. Mend it");
    }
}
