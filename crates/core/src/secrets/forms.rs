//! Secrets that can be told by their form, wherever they are.

use std::ops::Range;

use super::{Ahead, find_from, is_quote, scan, until};

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
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let mut token_ends = Ahead::new(argument, |byte| !is_of_token(byte));
    let mut web_token_ends = Ahead::new(argument, |byte| !is_of_token(byte) && byte != b'.');
    let mut digits = Ahead::new(argument, |byte| byte.is_ascii_digit());
    let mut dots = Ahead::new(argument, |byte| byte == b'.');
    let mut words = Ahead::new(argument, |byte| byte.is_ascii_whitespace() || is_quote(byte));
    let mut last_host = None;
    scan(argument, secrets, |at| {
        let token = token_start(argument, at).and_then(|token| {
            // Words joined by dashes are none; a web token has a dot, unless it was cut off before.
            let (end, is_token) = if token.is_web {
                let end = web_token_ends.until(token.start);
                (end, dots.until(token.start) < end || end == argument.len())
            } else {
                let end = token_ends.until(token.start);
                (end, digits.until(token.start) < end)
            };
            (end - token.start >= token.least && is_token).then_some(token.start..end)
        });
        token.or_else(|| bearer(argument, at)).or_else(|| {
            let start = address_at(argument, at)?;
            let end = words.until(start);
            // Of each word, once.
            if last_host.is_none_or(|(word_end, _)| word_end != end) {
                last_host = Some((
                    end,
                    argument[start..end].iter().rposition(|byte| *byte == b'@').map(|at| at + start),
                ));
            }
            let host = last_host.and_then(|(_, host)| host).filter(|host| *host >= start);
            in_address(argument, start..end, host)
        })
    });
}

struct TokenStart {
    /// Behind what it begins with.
    start: usize,
    least: usize,
    /// A JSON Web Token has three parts, with dots between them.
    is_web: bool,
}

fn token_start(argument: &[u8], at: usize) -> Option<TokenStart> {
    if at > 0 && argument[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let rest = &argument[at..];
    let (prefix, least) = TOKENS.into_iter().find(|(prefix, _)| rest.starts_with(prefix))?;
    Some(TokenStart { start: at + prefix.len(), least, is_web: prefix == b"eyJ" })
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

/// Where the authority of an address begins whose `://` is here.
fn address_at(argument: &[u8], at: usize) -> Option<usize> {
    let start = at + 3;
    (argument.get(at..start)? == b"://").then_some(start)
}

/// The password in `user:password@host`, with which this word begins behind its scheme; or the user, when that is as long as a
/// token. `last_at` is the last `@` in the word.
fn in_address(argument: &[u8], word: Range<usize>, last_at: Option<usize>) -> Option<Range<usize>> {
    let start = word.start;
    let authority_end = start + until(&argument[word], 0, |byte| b"/?#".contains(&byte));
    let colon = until(&argument[..authority_end], start, |byte| byte == b':');
    let in_authority = argument[start..authority_end].iter().rposition(|byte| *byte == b'@');
    let host = match in_authority {
        Some(host) => start + host,
        None => {
            // A password with a slash in it; a port is none.
            let after = argument.get(colon + 1..authority_end)?;
            let is_port = after.iter().all(u8::is_ascii_digit);
            if is_port {
                return None;
            }
            last_at?
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
