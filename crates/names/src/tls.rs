//! The server name of a TLS ClientHello.
//!
//! The name is found as soon as its extension is there, also when the rest of the hello is cut off.
//!
//! **Encrypted ClientHello.** The name in the clear is then one that the provider chose for all its sites. Browsers send
//! an extension that looks the same, with random content, where there is nothing to encrypt (GREASE), on purpose, so that
//! nobody can tell. So with that extension a name is *inferred*; and no name at all where it is known to be a provider's own.
//! Whoever knows that the process asked DNS for this very name knows that it is the site's.

use portolan_core::{NameSource, Recognised};
use tls_parser::{TlsRecordType, parse_tls_record_header};

use crate::{hello, said::Reading};

/// Longest record: 2^14 bytes, and what early versions may add.
const LONGEST_RECORD: u16 = (1 << 14) + 2048;

/// Reads what a client sends first.
pub(crate) fn read(stream: &[u8]) -> Reading {
    let mut handshake = Vec::new();
    let mut rest = stream;
    while handshake.len() < hello::MOST {
        match parse_tls_record_header(rest) {
            Ok((content, header))
                if header.record_type == TlsRecordType::Handshake
                    && header.version.0 >> 8 == 3
                    && (1..=LONGEST_RECORD).contains(&header.len) =>
            {
                let (content, behind) = content.split_at_checked(header.len.into()).unwrap_or((content, &[]));
                handshake.extend_from_slice(content);
                rest = behind;
            }
            // A record of another kind ends the handshake, whole or not.
            Ok(_) if handshake.is_empty() => return Reading::nothing(),
            _ => break,
        }
    }
    hello::read(&handshake, Recognised::Tls, NameSource::Tls)
}

/// Whether this is how a server's answer begins: a ServerHello, or a refusal.
pub(crate) fn is_answer(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, 3, 0..=4, _, _, 2, ..] | [0x15, 3, 0..=4, 0, 2, ..])
}
