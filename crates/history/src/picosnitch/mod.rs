//! The database that picosnitch 2 keeps (its version 4), read row by row.
//!
//! What was read where: its schema, and what its values mean, from picosnitch 2.2.1. A domain stands there with its labels the
//! other way round (`org.example.www`), or is the address itself; a port below 1 and the number 0 stand for "not known"; the time
//! is that of writing, some ten seconds after the traffic; a hash that begins with `!` is the reason why there is none.
//!
//! The file may be anybody's: it is opened for reading only, nothing of its schema runs but the columns of its tables, and what is
//! of the wrong type is "not known" or refused with its row.

mod file;
mod words;

pub use file::{FileError, Picosnitch};
