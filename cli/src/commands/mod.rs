//! One module for each command that asks once and ends.

pub(crate) mod applications;
pub(crate) mod findings;
pub(crate) mod history;
pub(crate) mod learning;
pub(crate) mod lookup;
pub(crate) mod query;
mod query_row;
pub(crate) mod review;
pub(crate) mod status;
