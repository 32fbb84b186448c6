//! The keys of a client's Initial packets (RFC 9001, 5.2; RFC 9369, 3.3).

use aes::{Aes128, cipher::BlockCipherEncrypt as _};
use aes_gcm::{AeadInOut as _, Aes128Gcm, KeyInit as _};
use hkdf::Hkdf;
use sha2::Sha256;

use super::packet::{Initial, Version};

/// Bytes of the seal at the end of a packet, and of what the mask of its header is made of.
const TAG: usize = 16;
/// The sample is taken as if the packet number had four bytes.
const SAMPLE_AFTER: usize = 4;

const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
    0xbd, 0x2e, 0xd9,
];
/// draft-ietf-quic-tls-29, 5.2.
const SALT_DRAFT: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,
    0x90, 0xa8, 0x99,
];

pub(super) struct Keys {
    version: Version,
    payload: Aes128Gcm,
    header: Aes128,
    iv: [u8; 12],
}

impl Keys {
    /// The keys that follow from a connection id.
    pub(super) fn new(version: Version, destination: &[u8]) -> Option<Self> {
        let (salt, [key, iv, header]) = match version {
            Version::One => (SALT_1, ["quic key", "quic iv", "quic hp"]),
            Version::Two => (SALT_2, ["quicv2 key", "quicv2 iv", "quicv2 hp"]),
            Version::Draft => (SALT_DRAFT, ["quic key", "quic iv", "quic hp"]),
        };
        let initial = Hkdf::<Sha256>::new(Some(&salt), destination);
        let client = Hkdf::<Sha256>::from_prk(&expand::<32>(&initial, "client in")?).ok()?;
        Some(Self {
            version,
            payload: Aes128Gcm::new(&expand::<16>(&client, key)?.into()),
            header: Aes128::new(&expand::<16>(&client, header)?.into()),
            iv: expand(&client, iv)?,
        })
    }

    /// The frames of a packet that is sealed with these keys.
    pub(super) fn open(&self, packet: &Initial) -> Option<Vec<u8>> {
        if packet.version != self.version {
            return None;
        }
        let mut mask: [u8; TAG] = *packet.bytes.get(packet.number_at + SAMPLE_AFTER..)?.first_chunk()?;
        self.header.encrypt_block((&mut mask).into());
        let first = packet.bytes.first()? ^ (mask[0] & 0x0f);
        let payload_at = packet.number_at + usize::from(first & 3) + 1;

        let (mut header, sealed) = {
            let (header, sealed) = packet.bytes.split_at_checked(payload_at)?;
            (header.to_vec(), sealed)
        };
        *header.first_mut()? = first;
        let mut nonce = self.iv;
        let number = header.get_mut(packet.number_at..)?;
        number.iter_mut().zip(&mask[1..]).for_each(|(byte, mask)| *byte ^= mask);
        // Nothing was acknowledged when a first packet is sent, so its number stands there in full.
        nonce.iter_mut().rev().zip(number.iter().rev()).for_each(|(byte, number)| *byte ^= number);

        let (sealed, tag) = sealed.split_last_chunk::<TAG>()?;
        let mut payload = sealed.to_vec();
        let opened = self.payload.decrypt_inout_detached(
            &nonce.into(),
            &header,
            payload.as_mut_slice().into(),
            tag.into(),
        );
        opened.ok().map(|()| payload)
    }
}

/// HKDF-Expand-Label of TLS 1.3 (RFC 8446, 7.1), without context.
fn expand<const LENGTH: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; LENGTH]> {
    let length = u16::try_from(LENGTH).ok()?.to_be_bytes();
    let label_length = u8::try_from("tls13 ".len() + label.len()).ok()?;
    let info = [&length[..], &[label_length], b"tls13 ", label.as_bytes(), &[0]].concat();
    let mut key = [0; LENGTH];
    secret.expand(&info, &mut key).ok()?;
    Some(key)
}
