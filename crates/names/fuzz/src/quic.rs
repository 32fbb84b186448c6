//! Any datagrams; and any frames, sealed as the client's Initial packets of RFC 9001, A.
#![no_main]

use aes::{Aes128, cipher::BlockCipherEncrypt as _};
use aes_gcm::{AeadInOut as _, Aes128Gcm, KeyInit as _};
use portolan_core::Protocol;
use portolan_names::Opening;

const KEY: u128 = 0x1f36_9613_dd76_d546_7730_efcb_e3b1_a22d;
const HEADER_KEY: u128 = 0x9f50_449e_04a0_e810_283a_1e99_33ad_edd2;
const IV: [u8; 12] = [0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c];

libfuzzer_sys::fuzz_target!(|input: (&[u8], Vec<&[u8]>)| {
    let (datagrams, sealed) = input;
    Opening::new(Protocol::Udp).add(0, datagrams);
    let mut opening = Opening::new(Protocol::Udp);
    for (number, frames) in (0..12).zip(sealed) {
        opening.add(0, &seal(number, frames));
    }
});

/// A packet of version 1 to 8394c8f03e515708, with one byte for its number.
fn seal(number: u8, frames: &[u8]) -> Vec<u8> {
    // Too short a packet has no sample.
    let mut payload = frames.get(..1200).unwrap_or(frames).to_vec();
    payload.extend_from_slice(&[0; 4]);
    let length = u16::try_from(1 + payload.len() + 16).expect("below 16384") | 0x4000;
    let mut header = b"\xc0\0\0\0\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\0".to_vec();
    header.extend_from_slice(&length.to_be_bytes());
    header.push(number);
    let mut nonce = IV;
    nonce[11] ^= number;
    let cipher = Aes128Gcm::new(&KEY.to_be_bytes().into());
    let tag = cipher
        .encrypt_inout_detached(&nonce.into(), &header, payload.as_mut_slice().into())
        .expect("short enough");
    let number_at = header.len() - 1;
    let mut packet = [&header[..], &payload, &tag].concat();
    let mut mask: [u8; 16] = packet[number_at + 4..number_at + 20].try_into().expect("16 bytes");
    Aes128::new(&HEADER_KEY.to_be_bytes().into()).encrypt_block((&mut mask).into());
    packet[0] ^= mask[0] & 0x0f;
    packet[number_at] ^= mask[1];
    packet
}
