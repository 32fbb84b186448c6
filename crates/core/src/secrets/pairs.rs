//! `name=value` and `name: value`, alone or in the middle of an argument.

use std::ops::Range;

use super::{
    Ahead, is_quote,
    names::{self, Secret},
    scan, until,
};

pub(super) fn find(argument: &[u8], secrets: &mut Vec<Range<usize>>) {
    let mut ends = Ends {
        header: Ahead::new(argument, |byte| is_quote(byte) || byte == b'\n'),
        value: Ahead::new(argument, ends_value),
    };
    scan(argument, secrets, |at| {
        if matches!(argument[at], b'=' | b':') { value_after(argument, at, &mut ends) } else { None }
    });
}

/// Where values end that have no quotes around them.
struct Ends<'a, H, V> {
    header: Ahead<'a, H>,
    value: Ahead<'a, V>,
}

/// The secret behind a `=` or `:`, when a name of one is before it.
fn value_after<H: Fn(u8) -> bool, V: Fn(u8) -> bool>(
    argument: &[u8],
    separator: usize,
    ends: &mut Ends<'_, H, V>,
) -> Option<Range<usize>> {
    let is_colon = argument[separator] == b':';
    // In JSON, the name is in quotes, which are escaped inside others.
    let mut name_end = separator;
    while name_end > 0 && (is_quote(argument[name_end - 1]) || argument[name_end - 1] == b'\\') {
        name_end -= 1;
    }
    let name_start = argument[..name_end].iter().rposition(|byte| !is_of_name(*byte)).map_or(0, |at| at + 1);
    let name = &argument[name_start..name_end];
    let kind = names::secret(name.strip_prefix(b"-D").unwrap_or(name))?; // java's -Dapi.key=…
    if is_colon && name_start > 0 && matches!(argument[name_start - 1], b'/' | b'@') {
        return None; // an image and its tag, a host and its port
    }
    let mut start = separator + 1;
    while argument.get(start).is_some_and(|byte| {
        *byte == b'\\' || (is_colon && *byte == b' ') || (*byte == b'=' && start == separator + 1)
    }) {
        start += 1;
    }
    let (start, end) = match argument.get(start).copied() {
        None => return None,
        Some(quote) if is_quote(quote) => (start + 1, until(argument, start + 1, |byte| byte == quote)),
        Some(_) if name_start == 0 => (start, argument.len()),
        Some(_) if kind == Secret::Header => (start, ends.header.until(start)),
        Some(_) => (start, ends.value.until(start)),
    };
    let value = &argument[start..end];
    let is_none = names::is_reference(value)
        || (is_colon && value.starts_with(b"//"))
        || (kind == Secret::ValueButNoPath && names::is_path(value));
    let start = if kind == Secret::Header { start + scheme_length(value) } else { start };
    (!is_none).then_some(start..end)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || is_quote(byte) || b"&;,|<>)}]\\".contains(&byte)
}

/// How much of a header's value names its scheme: `Bearer `.
fn scheme_length(value: &[u8]) -> usize {
    let schemes: [&[u8]; 6] = [b"bearer ", b"basic ", b"digest ", b"token ", b"negotiate ", b"apikey "];
    let begins =
        |scheme: &&[u8]| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    schemes.iter().find(|scheme| begins(scheme)).map_or(0, |scheme| scheme.len())
}
