//! The daemon on the bus: `org.portolan.Daemon1`, `History1`, `Archive1` and `Config1`, for those whom polkit allows.
//!
//! | file | says |
//! |---|---|
//! | `backend` | what the service asks the rest of the daemon |
//! | `interface`, `history`, `archive`, `configuration` | each method: who may call it, what it checks, what it answers |
//! | `gate` | what every call passes: its caller's limits, then polkit |
//! | `asking` | the questions under way, and how they are cancelled |
//! | `authorise` | the only place that asks polkit |
//! | `arguments`, `limits` | what a caller may send, and how much at a time |
//! | `fit`, `texts` | what a message may hold |
//! | `visibility` | what a caller sees of ticks and findings |
//! | `subscribers`, `delivery` | who gets signals, and how they get there |
//! | `session`, `serve` | one connection from connect to loss; one after another until shutdown |
//!
//! Invariants: a caller is its unique name and the uid that the bus says, never what the message says. Signals are
//! unicast. Nothing here blocks recording: all that the rest of the daemon sends comes through a lossy broadcast
//! channel, and a loss is made good by sending the findings again.

mod archive;
mod arguments;
mod asking;
mod authorise;
mod backend;
mod configuration;
mod delivery;
mod fit;
mod gate;
mod history;
mod interface;
mod limits;
mod serve;
mod session;
mod subscribers;
mod texts;
mod visibility;

pub use backend::{Backend, Event, Of, Skipped, Viewer};
pub use serve::{BusState, ServeError, serve};
