//! The kernel programs, embedded, and the decoding of what they write.
//!
//! `c/abi.h` is the only definition of the shared layouts; `abi.rs` is generated from it by `cargo xtask contracts`.
//!
//! Invariant: nothing here loads, attaches or reads anything; that is the daemon's `monitor`.

// Generated: its names are C's, its documentation stands in abi.h.
#[allow(missing_docs, non_camel_case_types, unreachable_pub, clippy::all, clippy::as_conversions)]
pub mod abi;
mod decode;
mod environment;
mod event;
mod map;
mod said;

pub use decode::{Cell, DecodeError, Socket, decode_closed, decode_owner, split_socket};
pub use environment::{Environment, Value, Variable, code_variables_in, variable_tables, variables};
pub use event::{Event, EventKind, FileId, Folder, Stamps, decode_event, decode_events, decode_opened};
pub use map::{Counters, FlowKey, OwnerKey, Truth};
pub use said::{Said, Way, decode_said};

/// The compiled programs: an ELF object with BTF and CO-RE relocations, aligned for the loader.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/portolan.bpf.o"));

/// Names the layout of the tables: daemons of one layout can take tables over from each other.
pub const LAYOUT: &str = env!("PORTOLAN_LAYOUT");
