//! What bytes say about names: DNS answers, and what a flow's own side says first (TLS, QUIC, HTTP, SSH).
//!
//! Bytes come in as a program sent or received them, and are believed in nothing: a name is a [`Domain`], and what does not
//! parse says nothing. No I/O, no clock; memory and time are bounded by the figures below.
//!
//! | what | by | at most |
//! |---|---|---|
//! | [`dns`] | crate `domain` | 64 records, 16 aliases, 64 addresses; over TCP 16 KiB of a message |
//! | TLS ([`Opening`]) | crate `tls-parser`; records are put together here | 16 KiB |
//! | QUIC ([`Opening`]) | RustCrypto (`aes-gcm`, `aes`, `hkdf`); packets and frames are read here | 16 KiB of hello, 16 packets and datagrams |
//! | HTTP ([`Opening`]) | crate `httparse` | 16 KiB, 96 header lines |
//!
//! Not seen, so no name: what is under Encrypted ClientHello, DNS over TLS and HTTPS, TLS that begins within another protocol
//! (STARTTLS, or behind a proxy's CONNECT, whose target is the name), HTTP/2's `:authority` without TLS, versions of QUIC other
//! than 1, 2 and drafts 29 to 34.
//!
//! [`Domain`]: portolan_core::Domain
#![forbid(unsafe_code)]

pub mod dns;
mod hello;
mod http;
mod opening;
mod pieces;
mod quic;
mod registrable;
mod said;
mod service;
mod tls;

pub use opening::{Opening, State, recognised_from_answer};
pub use registrable::registrable;
pub use said::Opened;
pub use service::service;
