//! The server name of a QUIC connection: of the ClientHello in the client's first packets (RFC 9000, 9001, 9369).
//!
//! These packets are encrypted with keys that follow from a connection id that they carry, so whoever sees them can read
//! them. That they open is also the proof that it is QUIC.

mod frame;
mod keys;
mod packet;

use keys::Keys;
use packet::Initial;
use portolan_core::{NameSource, Recognised};

use crate::{
    hello,
    pieces::Pieces,
    said::{Opened, Reading},
};

/// Packets and calls that are looked at.
const MOST_PACKETS: usize = 16;

/// What a client's Initial packets say together.
pub(crate) struct Initials {
    packets: usize,
    /// Of the last packet that opened with the keys of its own connection id.
    keys: Option<Keys>,
    crypto: Pieces,
}

impl Default for Initials {
    fn default() -> Self {
        Self { packets: 0, keys: None, crypto: Pieces::new(hello::MOST) }
    }
}

impl Initials {
    /// Adds what one call sent: datagrams, one after the other, of packets, one after the other.
    pub(crate) fn add(&mut self, datagrams: &[u8]) -> Reading {
        let mut rest = datagrams;
        // A call without any counts too.
        self.packets += 1;
        while !self.is_full()
            && let Some((packet, behind)) = packet::first(rest)
        {
            rest = behind;
            if let Some(payload) = packet.and_then(|packet| self.open(&packet)) {
                frame::crypto(&payload, |offset, data| self.crypto.add(offset, data));
            }
        }
        if self.keys.is_none() {
            return Reading::nothing_yet();
        }
        let is_quic = |opened| Opened { recognised: Some(Recognised::Quic), ..opened };
        match hello::read(self.crypto.beginning(), Recognised::Quic, NameSource::Quic) {
            Reading::SoFar(opened) => Reading::SoFar(is_quic(opened)),
            Reading::Whole(opened) => Reading::Whole(is_quic(opened)),
        }
    }

    /// Whether no more packets are looked at.
    pub(crate) fn is_full(&self) -> bool {
        self.packets > MOST_PACKETS || self.crypto.is_full()
    }

    /// The packet's frames. The keys follow from the connection id that the client chose at first, or the server in a
    /// Retry; after the server's first answer packets carry another one, and the keys stay.
    fn open(&mut self, packet: &Initial) -> Option<Vec<u8>> {
        self.packets += 1;
        if let Some(payload) = self.keys.as_ref().and_then(|keys| keys.open(packet)) {
            return Some(payload);
        }
        let own = Keys::new(packet.version, packet.destination)?;
        let payload = own.open(packet)?;
        self.keys = Some(own);
        Some(payload)
    }
}
