//! A history file that is asked without a daemon.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use portolan_history::{Limits, OpenError, ReadError, Reader};

use crate::failure::{Failure, Kind, sentence};

/// How long a file is asked unless somebody says so; the daemon takes less, because others wait for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// From now on.
pub(crate) fn limits(timeout: Option<Duration>) -> Limits {
    Limits { deadline: Instant::now().checked_add(timeout.unwrap_or(PATIENCE)), ..Limits::default() }
}

/// Asks a file. Nothing is written, neither to it nor beside it.
pub(crate) fn ask<T>(path: &Path, ask: impl FnOnce(&Reader) -> Result<T, ReadError>) -> Result<T, Failure> {
    let reader = Reader::open_file(path).and_then(|reader| reader.naming_services(portolan_names::service));
    let reader = reader.map_err(|error| {
        let kind = if matches!(error, OpenError::Missing { .. }) {
            Kind::NotFound
        } else {
            Kind::HistoryUnavailable
        };
        Failure::of(kind, &error)
    })?;
    ask(&reader).map_err(|error| {
        if matches!(error, ReadError::TookTooLong) {
            let sentence = "the answer takes longer than it may; ask for a shorter time or for less, or give it more \
                            with --timeout";
            return Failure::new(Kind::TimedOut, format!("{}: {sentence}", path.display()));
        }
        let kind = match error {
            // As the daemon has it.
            ReadError::EndsNotKept => Kind::Usage,
            ReadError::TooManyGroups { .. } => Kind::LimitExceeded,
            _ => Kind::HistoryUnavailable,
        };
        Failure::new(kind, format!("{}: {}", path.display(), sentence(&error)))
    })
}
