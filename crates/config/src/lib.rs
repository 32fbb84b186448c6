//! The configuration: every key, what it may be, and what is wrong with a file, by line and column.
//!
//! | file | says |
//! |---|---|
//! | `keys` | all keys: what they mean, and how they are read and shown |
//! | `config` | the values, and their defaults |
//! | `read` | files to values, the later ones first among equals; all that is wrong with them at once |
//! | `files` | which files there are, and their texts |
//! | `value`, `amount` | one value of a file: lists, durations, sizes |
//! | `exclusions` | what is not to be recorded, and whether traffic is among it |
//! | `edit` | one key set in a file, all else in it as it was |
//! | `default_file` | the commented file that a package installs |
//!
//! Invariant: the daemon and the command line judge a file by the same code.
#![forbid(unsafe_code)]

mod amount;
mod config;
mod default_file;
mod edit;
mod exclusions;
mod files;
mod keys;
mod problem;
mod read;
mod value;

pub use config::{Config, Learning, Log, LogFormat, Notifications, Places, Recording};
pub use default_file::default_file;
pub use edit::{SET_FILE, check_value, edited};
pub use exclusions::{Exclusions, Network, Side, Traffic, Wanted};
pub use files::{ConfigFiles, FilesError, Source};
pub use keys::{KEYS, Key, key};
pub use problem::{Problem, Problems};
pub use read::{Loaded, Origin, read};
