//! What programs said: from the kernel's layout to Portolan's words.

use portolan_core::{Flow, MonotonicNs};
use zerocopy::FromBytes;

use crate::{DecodeError, abi, decode::decode_flow};

/// Which way something went, seen from the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// The program sent it.
    Sent,
    /// The program received it.
    Received,
}

/// What a program sent or received in one call, or one datagram of it. Hostile: nothing in it was checked but how it begins, and the
/// program may have changed its memory while it was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whose, and with whom: as the bytes are counted.
    pub flow: Flow,
    /// When.
    pub at: MonotonicNs,
    /// Which way.
    pub way: Way,
    /// Where in the stream the bytes begin; 0 for a datagram. Of a stream that moves more than 4 GiB it begins again.
    pub offset: u64,
    /// At most 4 096; there may have been more.
    pub bytes: Vec<u8>,
}

/// Decodes a record of the ring of what was said.
///
/// # Errors
/// When it has not the agreed layout.
pub fn decode_said(bytes: &[u8]) -> Result<Said, DecodeError> {
    let error = || DecodeError { what: "a record of what was said", length: bytes.len() };
    let (raw, rest) = abi::portolan_said::read_from_prefix(bytes).map_err(|_| error())?;
    let length = usize::try_from(raw.bytes_len).map_err(|_| error())?;
    let way = match u32::from(raw.way) {
        abi::PORTOLAN_WAY_SENT => Way::Sent,
        abi::PORTOLAN_WAY_RECEIVED => Way::Received,
        _ => return Err(error()),
    };
    Ok(Said {
        flow: decode_flow(&raw.flow),
        at: MonotonicNs(raw.at_ns),
        way,
        offset: raw.offset,
        bytes: rest.get(..length).ok_or_else(error)?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use portolan_core::Protocol;
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;

    #[test]
    fn a_record_reads_as_what_it_says_and_a_part_of_one_as_nothing() {
        let mut raw = abi::portolan_said::new_zeroed();
        raw.flow.protocol = 17;
        raw.at_ns = 7;
        raw.offset = 9;
        raw.bytes_len = 3;
        raw.way = 2;
        let bytes = [raw.as_bytes(), b"abc"].concat();
        let said = decode_said(&bytes).unwrap();
        assert_eq!(
            (said.flow.protocol, said.at, said.way, said.offset),
            (Protocol::Udp, MonotonicNs(7), Way::Received, 9)
        );
        assert_eq!(said.bytes, b"abc");
        assert!((0..bytes.len()).all(|length| decode_said(&bytes[..length]).is_err()));
        raw.way = 3;
        assert!(decode_said(&[raw.as_bytes(), b"abc"].concat()).is_err());
    }
}
