//! The ClientHello, as TLS and QUIC carry it.

use portolan_core::{Domain, NameSource, Recognised};
use tls_parser::{
    SNIType, TlsExtension, parse_tls_extension_sni_content, parse_tls_extension_unknown,
    parse_tls_handshake_client_hello,
};

use crate::said::{Opened, Reading};

/// Bytes of a ClientHello that are looked at; the largest that are sent have post-quantum keys and are below 4 KiB.
pub(crate) const MOST: usize = 16 * 1024;

const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
/// Encrypted ClientHello (RFC 9849), and what went before it under the name of ESNI.
const ENCRYPTED: [u16; 2] = [0xfe0d, 0xffce];

/// Names that stand for a provider in front of an Encrypted ClientHello, and for no site.
const PUBLIC_NAMES: [&str; 1] = ["cloudflare-ech.com"];

/// Reads a handshake from its first message's type on.
pub(crate) fn read(handshake: &[u8], recognised: Recognised, source: NameSource) -> Reading {
    let (length, body) = match handshake {
        [CLIENT_HELLO, high, middle, low, body @ ..] => (u32::from_be_bytes([0, *high, *middle, *low]), body),
        [] | [CLIENT_HELLO, ..] => return Reading::nothing_yet(),
        _ => return Reading::nothing(),
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let is_whole = body.len() >= length;
    let body = body.get(..length).unwrap_or(body);
    let (extensions, is_cut) = match parse_tls_handshake_client_hello(body) {
        // Versions of TLS begin with 3.
        Ok((_, hello)) if hello.version.0 >> 8 != 3 => return Reading::nothing(),
        // All extensions are there, or none follow. Where they are cut off, what is there of them comes after their length.
        Ok((rest, hello)) => match (hello.ext, rest) {
            (Some(extensions), _) => (extensions, false),
            (None, rest) => (rest.get(2..).unwrap_or_default(), !rest.is_empty()),
        },
        Err(_) if is_whole => return Reading::nothing(),
        Err(_) => return Reading::nothing_yet(),
    };
    let (name, is_encrypted) = look_through(extensions);
    let name = name.filter(|name| !(is_encrypted && PUBLIC_NAMES.contains(&name.as_str())));
    let is_cut = is_cut || (!is_whole && extensions.is_empty());
    let opened = Opened {
        recognised: Some(recognised),
        // In the part that is not there it may still say that it is encrypted.
        is_inferred: name.is_some() && (is_encrypted || is_cut),
        name: name.map(|name| (name, source)),
    };
    if is_cut && !is_whole { Reading::SoFar(opened) } else { Reading::Whole(opened) }
}

/// The name, and whether there is another one under encryption (or something made to look like it).
fn look_through(mut extensions: &[u8]) -> (Option<Domain>, bool) {
    let (mut name, mut is_encrypted) = (None, false);
    while let Ok((rest, TlsExtension::Unknown(kind, content))) = parse_tls_extension_unknown(extensions) {
        extensions = rest;
        is_encrypted |= ENCRYPTED.contains(&kind.0);
        if kind.0 == SERVER_NAME && name.is_none() {
            name = server_name(content);
        }
    }
    (name, is_encrypted)
}

fn server_name(content: &[u8]) -> Option<Domain> {
    let Ok((_, TlsExtension::SNI(names))) = parse_tls_extension_sni_content(content) else { return None };
    names
        .into_iter()
        .find(|(kind, _)| *kind == SNIType::HostName)
        .and_then(|(_, name)| Domain::from_bytes(name))
}
