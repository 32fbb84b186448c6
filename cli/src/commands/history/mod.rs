//! What goes into the history and out of it, whole.

mod export;
mod forget;
mod import;
mod info;

use jiff::Zoned;
use portolan_bus::Archive1Proxy;
use portolan_history::language::Query;
use zbus::proxy::CacheProperties;

use super::question;
use crate::{
    args::{History, HistoryAction},
    bus,
    failure::{Failure, Kind},
};

/// Runs what is asked for.
pub(crate) async fn run(options: &History, json: bool) -> Result<(), Failure> {
    match &options.action {
        HistoryAction::Export(options) => export::run(options, json).await,
        HistoryAction::Forget(options) => forget::run(options, json).await,
        HistoryAction::Info(options) => info::run(options, json).await,
        HistoryAction::Import(options) => import::run(options, json).await,
    }
}

/// What words of a query mean, in this time zone.
fn query(words: &[String]) -> Result<Query, Failure> {
    question::read(&words.join(" "), &Zoned::now()).map(|(_, query)| query)
}

/// The daemon's interface for this.
async fn archive() -> Result<Archive1Proxy<'static>, Failure> {
    let connection = bus::connect().await?;
    let archive = Archive1Proxy::builder(&connection).cache_properties(CacheProperties::No);
    archive.build().await.map_err(|error| bus::failed_call(error.into()))
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
