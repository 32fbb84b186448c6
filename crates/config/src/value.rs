//! One value of a file.

use std::{
    ops::Range,
    path::{Component, PathBuf},
    time::Duration,
};

use portolan_core::{FindingKind, Severity};
use toml_edit::Value;

use crate::{LogFormat, amount};

/// Entries of one list.
const ENTRIES_MAX: usize = 1000;
/// Bytes of one text.
const TEXT_MAX: usize = 4096;

/// What is wrong with a value.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// Where, when it was read from a file.
    pub(crate) span: Option<Range<usize>>,
    pub(crate) message: String,
}

impl Trouble {
    pub(crate) fn at(value: &Value, message: impl Into<String>) -> Self {
        Self { span: value.span(), message: message.into() }
    }
}

pub(crate) fn switch(value: &Value) -> Result<bool, Trouble> {
    value.as_bool().ok_or_else(|| wrong(value, "true or false"))
}

/// A text that can be shown on a line.
pub(crate) fn text<'a>(value: &'a Value, expected: &str) -> Result<&'a str, Trouble> {
    let text = value.as_str().ok_or_else(|| wrong(value, expected))?;
    if text.len() > TEXT_MAX {
        return Err(Trouble::at(
            value,
            format!("a text of {} bytes is too long, {TEXT_MAX} are the most", text.len()),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Trouble::at(value, "there is a control character in it, such as a newline"));
    }
    Ok(text)
}

pub(crate) fn duration(value: &Value, range: (Duration, Duration)) -> Result<Duration, Trouble> {
    let found = amount::duration(text(value, "a duration such as \"10 s\"")?);
    within(value, found.map_err(|error| Trouble::at(value, error))?, range)
}

pub(crate) fn age(value: &Value, range: (Duration, Duration)) -> Result<Option<Duration>, Trouble> {
    let found = amount::age(text(value, "a duration such as \"30 days\", or \"for ever\"")?);
    found.map_err(|error| Trouble::at(value, error))?.map(|age| within(value, age, range)).transpose()
}

pub(crate) fn size(value: &Value, least: u64) -> Result<u64, Trouble> {
    let found =
        amount::size(text(value, "a size such as \"2 GB\"")?).map_err(|error| Trouble::at(value, error))?;
    if found < least {
        let (found, least) = (amount::show_size(found), amount::show_size(least));
        return Err(Trouble::at(value, format!("{found} is too little, it must be at least {least}")));
    }
    Ok(found)
}

fn within(value: &Value, found: Duration, (least, most): (Duration, Duration)) -> Result<Duration, Trouble> {
    if (least..=most).contains(&found) {
        return Ok(found);
    }
    let [found, least, most] = [found, least, most].map(amount::show_duration);
    Err(Trouble::at(value, format!("{found} is out of range, it must be from {least} to {most}")))
}

/// All entries of a list that can be read; what is wrong with the others.
pub(crate) fn list<T: PartialEq>(
    value: &Value,
    expected: &str,
    troubles: &mut Vec<Trouble>,
    read: impl Fn(&Value) -> Result<T, Trouble>,
) -> Vec<T> {
    let Some(entries) = value.as_array() else {
        troubles.push(wrong(value, &format!("a list in brackets, {expected}")));
        return Vec::new();
    };
    if entries.len() > ENTRIES_MAX {
        troubles.push(Trouble::at(
            value,
            format!("these are {} entries, {ENTRIES_MAX} are the most", entries.len()),
        ));
        return Vec::new();
    }
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        match read(entry) {
            Ok(one) if found.contains(&one) => troubles.push(Trouble::at(entry, "this is in the list twice")),
            Ok(one) => found.push(one),
            Err(trouble) => troubles.push(trouble),
        }
    }
    found
}

/// How severe a finding must be.
pub(crate) fn least(value: &Value) -> Result<Option<Severity>, Trouble> {
    let expected = "\"normal\", \"loud\" or \"none\"";
    match text(value, expected)? {
        "normal" => Ok(Some(Severity::Normal)),
        "loud" => Ok(Some(Severity::Loud)),
        "none" => Ok(None),
        _ => Err(wrong(value, expected)),
    }
}

/// A kind of finding.
pub(crate) fn kind(value: &Value) -> Result<FindingKind, Trouble> {
    let word = text(value, "a kind of finding such as \"new-application\"")?;
    word.parse().map_err(|error: portolan_core::ParseError| Trouble::at(value, error.to_string()))
}

/// `off`, or a path that names a file.
pub(crate) fn file(value: &Value) -> Result<Option<PathBuf>, Trouble> {
    let path = match text(value, "an absolute path, or \"off\"")? {
        "off" => return Ok(None),
        path => PathBuf::from(path),
    };
    let is_plain = path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
    match (path.is_absolute(), is_plain && path.file_name().is_some()) {
        (true, true) if !path.as_os_str().as_encoded_bytes().ends_with(b"/") => Ok(Some(path)),
        (true, _) => Err(Trouble::at(value, format!("{path:?} names no file, or has \"..\" in it"))),
        (false, _) => {
            let message = format!("{path:?} is not an absolute path; it must begin with /, or be \"off\"");
            Err(Trouble::at(value, message))
        }
    }
}

pub(crate) fn format(value: &Value) -> Result<LogFormat, Trouble> {
    let found = text(value, "\"json\" or \"csv\"")?;
    let known = [LogFormat::Json, LogFormat::Csv].into_iter().find(|format| format.as_str() == found);
    known.ok_or_else(|| Trouble::at(value, format!("{found:?} is no format; expected \"json\" or \"csv\"")))
}

/// A number from 0 to `most`.
pub(crate) fn count(value: &Value, most: u32) -> Result<u32, Trouble> {
    let found = value.as_integer().ok_or_else(|| wrong(value, "a number"))?;
    u32::try_from(found)
        .ok()
        .filter(|found| *found <= most)
        .ok_or_else(|| Trouble::at(value, format!("{found} is out of range, it must be from 0 to {most}")))
}

/// A path, a list of paths, `none` or `own`.
pub(crate) fn databases(value: &Value, troubles: &mut Vec<Trouble>) -> Option<Vec<PathBuf>> {
    const MOST: usize = 4;
    let expected = "a path, a list of paths, \"own\" or \"none\"";
    let path = |value: &Value| {
        let path = text(value, expected)?;
        if !path.starts_with('/') {
            return Err(Trouble::at(
                value,
                format!("{path:?} is not an absolute path; it must begin with /"),
            ));
        }
        Ok(PathBuf::from(path))
    };
    match value.as_str() {
        Some("none" | "") => return Some(Vec::new()),
        Some("own") => return None,
        Some(_) => match path(value) {
            Ok(path) => return Some(vec![path]),
            Err(trouble) => troubles.push(trouble),
        },
        None if value.is_array() => {
            let paths = list(value, expected, troubles, path);
            if paths.len() > MOST {
                troubles.push(Trouble::at(
                    value,
                    format!("these are {} paths, {MOST} are the most", paths.len()),
                ));
            }
            return Some(paths);
        }
        None => troubles.push(wrong(value, expected)),
    }
    None
}

/// A number or, as a text, two with a `-` between: from the first to the last.
pub(crate) fn numbers<T>(value: &Value, what: &str) -> Result<std::ops::RangeInclusive<T>, Trouble>
where
    T: TryFrom<i64> + std::str::FromStr + PartialOrd + Copy + std::fmt::Display,
{
    if let Some(number) = value.as_integer() {
        let number = T::try_from(number).map_err(|_| Trouble::at(value, format!("{number} is no {what}")))?;
        return Ok(number..=number);
    }
    let text = text(value, &format!("a {what}, or two such as \"6881-6889\""))?;
    let one = |part: &str| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_number.then(|| part.parse().ok()).flatten();
        number.ok_or_else(|| Trouble::at(value, format!("{part:?} is no {what}")))
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (one(first.trim())?, one(last.trim())?),
        None => (one(text)?, one(text)?),
    };
    if first > last {
        return Err(Trouble::at(value, format!("{first} comes after {last}")));
    }
    Ok(first..=last)
}

pub(crate) fn wrong(value: &Value, expected: &str) -> Trouble {
    let hint = match value {
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::InlineTable(_) => "a table",
    };
    Trouble::at(value, format!("this is {hint}; expected {expected}"))
}
