//! A history file that is asked without a daemon.

use std::{error::Error, path::Path};

use portolan_history::{OpenError, ReadError, Reader};

use crate::failure::{Failure, Kind};

/// Asks a file. Nothing is written, neither to it nor beside it.
pub(crate) fn ask<T>(path: &Path, ask: impl FnOnce(&Reader) -> Result<T, ReadError>) -> Result<T, Failure> {
    let reader = Reader::open_file(path).and_then(|reader| reader.naming_services(portolan_names::service));
    let reader = reader.map_err(|error| {
        let kind = if matches!(error, OpenError::Missing { .. }) {
            Kind::NotFound
        } else {
            Kind::HistoryUnavailable
        };
        Failure::new(kind, sentence(&error))
    })?;
    ask(&reader).map_err(|error| {
        let kind = match error {
            ReadError::TooManyGroups { .. } | ReadError::EndsNotKept => Kind::LimitExceeded,
            _ => Kind::HistoryUnavailable,
        };
        Failure::new(kind, format!("{}: {}", path.display(), sentence(&error)))
    })
}

/// An error with its causes.
fn sentence(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        sentence = format!("{sentence}: {error}");
        source = error.source();
    }
    sentence
}
