//! How values look to a person: amounts, instants, users, text cut to a width, tables.

pub(crate) mod amount;
pub(crate) mod clock;
pub(crate) mod cut;
pub(crate) mod shell;
pub(crate) mod table;
pub(crate) mod users;
