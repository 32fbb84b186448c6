//! Whether a text fits a pattern, for SQL.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use portolan_core::ApplicationKey;
use rusqlite::{Connection, functions::FunctionFlags, types::ValueRef};

use crate::language::Pattern;

/// From now on `fits` is true of the texts that fit `pattern`, `fits_path` also of paths whose file name does, `fits_application` of keys
/// or what people see of them, and `fits_address` of addresses as they are stored. With `anywhere` it is enough that a part fits.
pub(super) fn tell(connection: &Connection, pattern: &Pattern, anywhere: bool) -> rusqlite::Result<()> {
    let pattern = Arc::new(if anywhere { contained(pattern) } else { pattern.clone() });
    let tell = |name, fits: fn(&Pattern, ValueRef<'_>) -> bool| {
        let (pattern, flags) =
            (Arc::clone(&pattern), FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8);
        connection
            .create_scalar_function(name, 1, flags, move |arguments| Ok(fits(&pattern, arguments.get_raw(0))))
    };
    tell("fits", |pattern, value| text(value).is_some_and(|text| fits(pattern, text)))?;
    tell("fits_path", |pattern, value| {
        text(value).is_some_and(|path| {
            fits(pattern, path) || path.rsplit('/').next().is_some_and(|name| fits(pattern, name))
        })
    })?;
    tell("fits_application", |pattern, value| {
        text(value).is_some_and(|key| {
            let shown = || ApplicationKey::from_stored(key.into()).display_name();
            fits(pattern, key) || fits(pattern, shown().as_raw())
        })
    })?;
    tell("fits_address", |pattern, value| {
        value.as_blob().ok().and_then(address_of).is_some_and(|address| fits(pattern, &address.to_string()))
    })
}

fn text(value: ValueRef<'_>) -> Option<&str> {
    value.as_str().ok()
}

/// An address as its column holds it; `None` where that is none.
pub(super) fn address_of(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// Whether any address has all of these parts.
pub(super) fn can_be_address(pattern: &Pattern) -> bool {
    let is_of_address = |letter: u8| letter.is_ascii_hexdigit() || matches!(letter, b'.' | b':');
    pattern.parts.iter().all(|part| part.bytes().all(is_of_address))
}

/// The pattern of whatever has a part that fits this one.
fn contained(pattern: &Pattern) -> Pattern {
    let parts = pattern.parts.iter().cloned();
    Pattern { parts: std::iter::once(String::new()).chain(parts).chain([String::new()]).collect() }
}

/// Whether the whole text fits, without case.
fn fits(pattern: &Pattern, text: &str) -> bool {
    let text = lower(text);
    let [first, middle @ .., last] = pattern.parts.as_slice() else {
        return pattern.parts.first().map_or("", String::as_str) == text;
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
    else {
        return false;
    };
    middle.iter().all(|part| match rest.split_once(part.as_str()) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// In lower case.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => text.to_ascii_lowercase().into(),
            false => text.into(),
        }
    } else {
        text.to_lowercase().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern { parts: text.split('*').map(str::to_owned).collect() }
    }

    #[test]
    fn stars_stand_for_anything() {
        for (wanted, text) in [
            ("", ""),
            ("*", ""),
            ("*", "any"),
            ("a", "A"),
            ("a*", "abc"),
            ("*c", "abc"),
            ("a*c", "ac"),
            ("a*b*c", "a-b-c"),
            ("*b*b*", "bb"),
            ("é*", "ÉTÉ"),
            ("**", "x"),
        ] {
            assert!(fits(&pattern(wanted), text), "{wanted} {text}");
        }
        for (wanted, text) in
            [("", "a"), ("a", "ab"), ("a*a", "a"), ("a*b", "abc"), ("*b*b*", "b"), ("a*bc*c", "abc")]
        {
            assert!(!fits(&pattern(wanted), text), "{wanted} {text}");
        }
        assert!(fits(&contained(&pattern("b*d")), "abcde") && !fits(&contained(&pattern("bd")), "abcde"));
    }
}
