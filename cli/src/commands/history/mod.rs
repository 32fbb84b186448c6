//! What goes into the history and out of it, whole.

mod export;
mod import;

use crate::{
    args::{History, HistoryAction},
    failure::{Failure, Kind},
};

/// Runs what is asked for.
pub(crate) async fn run(options: &History, json: bool) -> Result<(), Failure> {
    match &options.action {
        HistoryAction::Export(options) => export::run(options).await,
        HistoryAction::Import(options) => import::run(options, json).await,
    }
}

/// A sentence with its causes.
fn failed(kind: Kind, error: &dyn std::error::Error) -> Failure {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    Failure::new(kind, sentence)
}
