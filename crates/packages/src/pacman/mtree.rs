//! The checksums of a package's files: `mtree`, text of mtree(5) that is compressed with gzip.
//!
//! A line is a path that begins with "./", then keywords: `./usr/bin/tool time=… size=5 sha256digest=…`.
//! Spaces and what is not printable ASCII is written as a backslash and three octal digits. `/set` lines have
//! defaults, never checksums. Source: makepkg (scripts/libmakepkg), libarchive's
//! archive_write_set_format_mtree.c.

use std::ops::ControlFlow;

use flate2::read::GzDecoder;

use super::Claim;
use crate::{Checksum, PackagesError, reading::Reading, root::Folder};

/// Gives claims, all of one package, the checksums of `name`. SHA-256 rather than MD5, where there are both.
pub(super) fn checksums(
    database: &Folder,
    name: &str,
    claims: &mut [Claim],
    reading: &mut Reading,
) -> Result<(), PackagesError> {
    let Some(file) = database.file(name)? else { return Ok(()) };
    let mut open = claims.len();
    reading.lines(
        GzDecoder::new(file),
        || database.at(name),
        |line| {
            let mut words = line.split(|byte| *byte == b' ');
            let Some(path) = words.next().and_then(|path| path.strip_prefix(b"./")).and_then(unescaped)
            else {
                return ControlFlow::Continue(());
            };
            for claim in claims.iter_mut().filter(|claim| claim.listed == path) {
                claim.checksum = checksum(words.clone()).or(claim.checksum);
                open = open.saturating_sub(1);
            }
            if open == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    )
}

fn checksum<'a>(keywords: impl Iterator<Item = &'a [u8]>) -> Option<Checksum> {
    let (mut sha256, mut md5) = (None, None);
    for keyword in keywords {
        let Some(place) = memchr::memchr(b'=', keyword) else { continue };
        let Some((name, value)) = keyword.split_at_checked(place) else { continue };
        let value = value.get(1..).unwrap_or_default();
        match name {
            b"sha256digest" | b"sha256" => sha256 = Checksum::sha256(value),
            b"md5digest" | b"md5" => md5 = Checksum::md5(value),
            _ => {}
        }
    }
    sha256.or(md5)
}

/// `None` for a backslash without three octal digits.
fn unescaped(path: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            plain.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(3)?;
        rest = after;
        plain.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_digits_stand_for_a_byte() {
        assert_eq!(unescaped(br"usr/a\040b\303\244").as_deref(), Some("usr/a bä".as_bytes()));
        for broken in [br"usr/a\04".as_slice(), br"usr/a\999", br"usr/a\", br"usr/a\777"] {
            assert_eq!(unescaped(broken), None);
        }
    }
}
