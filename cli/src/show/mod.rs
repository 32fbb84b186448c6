//! How values look to a person: amounts, instants, users, text cut or wrapped to a width, tables, statements.

pub(crate) mod amount;
pub(crate) mod clock;
pub(crate) mod cut;
pub(crate) mod places;
pub(crate) mod provenance;
pub(crate) mod service;
pub(crate) mod shell;
pub(crate) mod statement;
pub(crate) mod table;
pub(crate) mod users;
pub(crate) mod wrap;
