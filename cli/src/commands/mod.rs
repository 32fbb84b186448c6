//! One module for each command that asks once and ends.

pub(crate) mod applications;
pub(crate) mod config;
mod destination;
pub(crate) mod findings;
pub(crate) mod history;
mod history_file;
pub(crate) mod learning;
pub(crate) mod lookup;
pub(crate) mod query;
mod query_row;
mod question;
pub(crate) mod report;
pub(crate) mod review;
mod series;
pub(crate) mod status;
