//! QUIC packets with a long header, before header protection is taken off.

use super::frame::varint;

/// Versions of QUIC whose Initial packets can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// RFC 9001, and drafts 33 and 34.
    One,
    /// RFC 9369.
    Two,
    /// Drafts 29 to 32.
    Draft,
}

impl Version {
    fn new(number: u32) -> Option<Self> {
        match number {
            1 | 0xff00_0021 | 0xff00_0022 => Some(Self::One),
            0x6b33_43cf => Some(Self::Two),
            0xff00_001d..=0xff00_0020 => Some(Self::Draft),
            _ => None,
        }
    }
}

/// An Initial packet.
pub(super) struct Initial<'a> {
    pub(super) version: Version,
    /// The connection id that it is sent to.
    pub(super) destination: &'a [u8],
    /// All of it, and of nothing else.
    pub(super) bytes: &'a [u8],
    /// Where the packet number begins.
    pub(super) number_at: usize,
}

const LONG_HEADER: u8 = 0x80;
const FIXED: u8 = 0x40;
const LONGEST_ID: usize = 20;

/// The first packet, `None` within when it is not an Initial one; and what comes behind it. Nothing where what begins there
/// has no end of its own: a Retry, a short header, a version that is not known, a packet that is cut off.
pub(super) fn first(bytes: &[u8]) -> Option<(Option<Initial<'_>>, &[u8])> {
    // Some fill their datagrams with zeros.
    let start = bytes.iter().position(|byte| *byte != 0)?;
    let bytes = &bytes[start..];
    let mut rest = bytes;
    let first = *rest.split_off_first()?;
    if first & (LONG_HEADER | FIXED) != LONG_HEADER | FIXED {
        return None;
    }
    let version = Version::new(u32::from_be_bytes(*rest.split_off(..4)?.first_chunk()?))?;
    let destination = connection_id(&mut rest)?;
    connection_id(&mut rest)?;
    let kind = (first >> 4) & 3;
    let (initial, retry) = if version == Version::Two { (1, 0) } else { (0, 3) };
    if kind == retry {
        return None;
    }
    if kind == initial {
        let token = usize::try_from(varint(&mut rest)?).ok()?;
        rest.split_off(..token)?;
    }
    let length = usize::try_from(varint(&mut rest)?).ok()?;
    let number_at = bytes.len() - rest.len();
    let (packet, behind) = bytes.split_at_checked(number_at.checked_add(length)?)?;
    let packet = (kind == initial).then_some(Initial { version, destination, bytes: packet, number_at });
    Some((packet, behind))
}

fn connection_id<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(*rest.split_off_first()?);
    if length > LONGEST_ID {
        return None;
    }
    rest.split_off(..length)
}
