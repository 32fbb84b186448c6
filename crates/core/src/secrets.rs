//! Secrets in command lines: found by the names before them, by their form, and by what well-known programs take.
//!
//! What is masked too much costs a word of a command line, what is masked too little a password; a program that wants to show one
//! always can. Names stay, values go.

mod forms;
mod names;
mod pairs;
mod programs;

use std::ops::Range;

use programs::Words;

/// What stands in a secret's place.
const MASK: &[u8] = b"***";
/// One secret may have ended another, which is longer once that is masked. Who nests them deeper shows a part of their own.
const ROUNDS: usize = 3;

/// The same NUL-separated arguments, as many as before, with `***` in the place of what looks like a password or a token.
///
/// They may be cut off at any byte, and hold any bytes. To mask twice changes nothing.
#[must_use]
pub fn mask_secrets(arguments: &[u8]) -> Vec<u8> {
    let mut masked = arguments.to_vec();
    for _ in 0..ROUNDS {
        let again = mask_once(&masked);
        if again == masked {
            break;
        }
        masked = again;
    }
    masked
}

/// The same of the value of one option or variable, which may hold several words (`NODE_OPTIONS`) or `NAME=VALUE`, separated by
/// commas (`QEMU_SET_ENV`).
///
/// No secret reaches beyond its word: what stands behind it may say which code is loaded.
pub(crate) fn mask_value(value: &[u8]) -> Vec<u8> {
    let (mut words, mut separators) = (Vec::with_capacity(value.len()), Vec::new());
    let mut quote = None;
    for (at, byte) in value.iter().copied().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            None if is_quote(byte) => quote = Some(byte),
            _ => {}
        }
        let is_separator =
            byte == 0 || quote.is_none() && (byte.is_ascii_whitespace() || ends_pair(value, at));
        words.push(if is_separator { 0 } else { byte });
        separators.extend(is_separator.then_some(byte));
    }
    let mut separators = separators.into_iter();
    mask_secrets(&words)
        .into_iter()
        .map(|byte| if byte == 0 { separators.next().unwrap_or(byte) } else { byte })
        .collect()
}

/// The same of paths, which may be addresses: only what has the form of a secret is masked.
pub(crate) fn mask_addresses(paths: &[u8]) -> Vec<u8> {
    let (mut secrets, mut masked) = (Vec::new(), Vec::with_capacity(paths.len()));
    forms::find(paths, &mut secrets);
    replace(paths, secrets, &mut masked);
    masked
}

/// Whether a comma is here, and another `NAME=` behind it.
fn ends_pair(value: &[u8], at: usize) -> bool {
    if value[at] != b',' {
        return false;
    }
    let rest = &value[at + 1..];
    let name_end = until(rest, 0, |byte| !(byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)));
    name_end > 0 && rest.get(name_end) == Some(&b'=')
}

fn mask_once(arguments: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(arguments.len());
    let mut words = Words::default();
    for (index, argument) in arguments.split(|byte| *byte == 0).enumerate() {
        if index > 0 {
            masked.push(0);
        }
        replace(argument, secrets_of(argument, &mut words), &mut masked);
    }
    masked
}

/// Where the secrets of one argument are; `words` is what was before it.
fn secrets_of(argument: &[u8], words: &mut Words) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    match words.take_following() {
        Some(following) if following.is_value(argument) => secrets.extend(following.secret_of(argument)),
        _ => words.read(argument, &mut secrets),
    }
    pairs::find(argument, &mut secrets);
    forms::find(argument, &mut secrets);
    secrets
}

/// Writes `argument` with one mask for each secret, and for those that touch.
fn replace(argument: &[u8], mut secrets: Vec<Range<usize>>, masked: &mut Vec<u8>) {
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort_unstable_by_key(|secret| secret.start);
    let mut at = 0;
    let mut is_after_mask = false;
    for secret in secrets {
        if secret.start > at {
            masked.extend_from_slice(&argument[at..secret.start]);
            is_after_mask = false;
        }
        if secret.end > at {
            if !is_after_mask {
                masked.extend_from_slice(MASK);
            }
            is_after_mask = true;
            at = secret.end;
        }
    }
    masked.extend_from_slice(&argument[at..]);
}

/// Where `wanted` begins in `text`, from `from` on.
fn find_from(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    text.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|at| at + from)
}

/// Collects what begins at a byte; the next is looked for behind it.
fn scan(
    argument: &[u8],
    secrets: &mut Vec<Range<usize>>,
    mut beginning_at: impl FnMut(usize) -> Option<Range<usize>>,
) {
    let mut at = 0;
    while at < argument.len() {
        at = match beginning_at(at) {
            Some(secret) => {
                let end = secret.end.max(at + 1);
                secrets.push(secret);
                end
            }
            None => at + 1,
        };
    }
}

/// Where the first byte from `from` on is for which `ends` holds; else the end.
fn until(text: &[u8], from: usize, ends: impl Fn(u8) -> bool) -> usize {
    text.iter().skip(from).position(|byte| ends(*byte)).map_or(text.len(), |at| at + from)
}

/// The same of many places, from left to right: no byte is looked at twice, whatever a hostile text repeats.
struct Ahead<'a, F> {
    text: &'a [u8],
    ends: F,
    /// Between these, no byte ends it; the second one does.
    known: (usize, usize),
}

impl<'a, F: Fn(u8) -> bool> Ahead<'a, F> {
    fn new(text: &'a [u8], ends: F) -> Self {
        Self { text, ends, known: (usize::MAX, 0) }
    }

    fn until(&mut self, from: usize) -> usize {
        let (start, end) = self.known;
        if from < start || from > end {
            self.known = (from, until(self.text, from, &self.ends));
        }
        self.known.1
    }
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

#[cfg(test)]
mod tests;
