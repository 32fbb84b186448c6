//! Secrets that can be told by their form, wherever they are.

use std::ops::Range;

use super::{find_from, is_quote, scan, until};

/// What tokens begin with, and how many bytes must follow.
const TOKENS: [(&[u8], usize); 21] = [
    (b"ghp_", 16),
    (b"gho_", 16),
    (b"ghu_", 16),
    (b"ghs_", 16),
    (b"ghr_", 16),
    (b"github_pat_", 16),
    (b"glpat-", 16),
    (b"xoxb-", 16),
    (b"xoxp-", 16),
    (b"xoxa-", 16),
    (b"xoxr-", 16),
    (b"xoxs-", 16),
    (b"sk-", 20),
    (b"sk_live_", 16),
    (b"rk_live_", 16),
    (b"npm_", 30),
    (b"hf_", 24),
    (b"dop_v1_", 30),
    (b"AIza", 30),
    (b"ya29.", 20),
    (b"eyJ", 12),
];

pub(super) fn find(argument: &[u8], secrets: &mut Vec<Range<usize>>) {
    secrets.extend(private_key(argument));
    scan(argument, secrets, |at| {
        token(argument, at).or_else(|| bearer(argument, at)).or_else(|| in_address(argument, at))
    });
}

/// A token that begins here, behind what it begins with; of a JSON Web Token, all three parts.
fn token(argument: &[u8], at: usize) -> Option<Range<usize>> {
    if at > 0 && argument[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let rest = &argument[at..];
    let (prefix, least) = TOKENS.into_iter().find(|(prefix, _)| rest.starts_with(prefix))?;
    let is_web_token = prefix == b"eyJ";
    let start = at + prefix.len();
    let end = until(argument, start, |byte| {
        !(byte.is_ascii_alphanumeric() || b"_-".contains(&byte) || (is_web_token && byte == b'.'))
    });
    let body = &argument[start..end];
    // Words joined by dashes are none; a web token has a dot, unless it was cut off before.
    let is_token = if is_web_token {
        body.contains(&b'.') || end == argument.len()
    } else {
        body.iter().any(u8::is_ascii_digit)
    };
    (body.len() >= least && is_token).then_some(start..end)
}

/// `Bearer` and a token, without the header's name.
fn bearer(argument: &[u8], at: usize) -> Option<Range<usize>> {
    const BEARER: &[u8] = b"bearer ";
    let start = at + BEARER.len();
    if !argument.get(at..start)?.eq_ignore_ascii_case(BEARER) {
        return None;
    }
    let end = until(argument, start, |byte| byte.is_ascii_whitespace() || is_quote(byte));
    let value = &argument[start..end];
    (value.len() >= 16 && value.iter().any(u8::is_ascii_digit)).then_some(start..end)
}

/// The password in `scheme://user:password@host`, when `://` is here; or the user, when that is as long as a token.
fn in_address(argument: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + 3;
    if argument.get(at..start)? != b"://" {
        return None;
    }
    let ends_word = |byte: u8| byte.is_ascii_whitespace() || is_quote(byte);
    let word_end = until(argument, start, ends_word);
    let authority_end = start + until(&argument[start..word_end], 0, |byte| b"/?#".contains(&byte));
    let last_at =
        |end: usize| argument[start..end].iter().rposition(|byte| *byte == b'@').map(|at| at + start);
    let colon = until(&argument[..authority_end], start, |byte| byte == b':');
    let host = match last_at(authority_end) {
        Some(host) => host,
        None => {
            // A password with a slash in it; a port is none.
            let after = argument.get(colon + 1..authority_end)?;
            let is_port = after.iter().all(u8::is_ascii_digit);
            if is_port {
                return None;
            }
            last_at(word_end)?
        }
    };
    if colon < host {
        return Some(colon + 1..host);
    }
    let user = &argument[start..host];
    let is_token = user.len() >= 20 && user.iter().any(u8::is_ascii_digit);
    is_token.then_some(start..host)
}

/// The body of a private key in PEM, to its end or that of the argument.
fn private_key(argument: &[u8]) -> Option<Range<usize>> {
    const NAME: &[u8] = b"PRIVATE KEY-----";
    let begin = find_from(argument, b"-----BEGIN ", 0)?;
    let start = find_from(argument, NAME, begin)? + NAME.len();
    let end = find_from(argument, b"-----END ", start).unwrap_or(argument.len());
    Some(start..end)
}
