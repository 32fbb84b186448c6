use std::fmt::{self, Write as _};

use portolan_core::{Dimension, Untrusted};

use super::{Condition, Field, Filter, Pattern, Query, Wanted, amount, moment, words::Subject};

impl fmt::Display for Query {
    /// The canonical text: [`super::parse`] reads it back as the same query, whatever `now` is. Safe for a terminal.
    /// Of what was read, it can be longer than [`super::MAX_CHARACTERS`] where that had characters which are written by their numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut terms = Vec::new();
        match &self.filter {
            Filter::Every(filters) => {
                terms.extend(filters.iter().map(|filter| written(filter, Within::Every)))
            }
            // Beside what is about the whole query, alternatives stand in parentheses.
            Filter::Any(_) if self.since.is_some() || self.until.is_some() || !self.totals.is_empty() => {
                terms.push(written(&self.filter, Within::Every));
            }
            other => terms.push(written(other, Within::Nothing)),
        }
        for total in &self.totals {
            let name = Subject::Measure(total.measure).as_str();
            terms.push(format!("{name}{}", amount::condition(&total.range, total.measure)));
        }
        terms.extend(self.since.map(|since| format!("since:{}", moment::written(since))));
        terms.extend(self.until.map(|until| format!("until:{}", moment::written(until))));
        f.write_str(&terms.join(" "))
    }
}

/// The text that says exactly this value behind a field, in quotes where it needs them: what completion puts there.
#[must_use]
pub fn quoted(value: &str) -> String {
    // A sign of its own would be read as “not known”.
    let is_bare =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '/' | '@' | '+' | '%' | '-' | ':' | '~');
    if value.chars().all(is_bare) && value != "-" && !value.is_empty() {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c => text.push_str(&Untrusted::from(c.to_string()).for_terminal()),
        }
    }
    text.push('"');
    text
}

/// What a filter stands in, which says whether it needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Any,
    Every,
    Not,
}

fn written(filter: &Filter, within: Within) -> String {
    let list = |filters: &[Filter], inner: Within, between: &str| {
        filters.iter().map(|filter| written(filter, inner)).collect::<Vec<_>>().join(between)
    };
    match filter {
        Filter::Every(filters) if filters.is_empty() => "*".to_owned(),
        Filter::Any(filters) if filters.is_empty() => "!*".to_owned(),
        Filter::Every(filters) if within == Within::Not => format!("({})", list(filters, Within::Every, " ")),
        Filter::Every(filters) => list(filters, Within::Every, " "),
        Filter::Any(filters) => match values(filters, within) {
            Some(values) => values,
            None if matches!(within, Within::Nothing | Within::Any) => list(filters, Within::Any, " or "),
            None => format!("({})", list(filters, Within::Any, " or ")),
        },
        Filter::Not(inner) => format!("!{}", written(inner, Within::Not)),
        Filter::Has(condition) => condition_text(condition),
    }
}

/// Several values of one field.
fn values(filters: &[Filter], within: Within) -> Option<String> {
    let conditions: Vec<&Condition> = filters
        .iter()
        .map(|filter| match filter {
            Filter::Has(condition) => Some(condition),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let field = conditions.first()?.field;
    // Of text, `a or b` is what everybody writes; in parentheses, the text could stand deeper than it was read from.
    let is_plain_or = field == Field::Text && matches!(within, Within::Nothing | Within::Any);
    if is_plain_or || conditions.iter().any(|condition| condition.field != field) {
        return None;
    }
    let values: Vec<String> = conditions.iter().map(|condition| value(field, &condition.wanted)).collect();
    Some(format!("{}:{}", field.as_str(), values.join(",")))
}

fn condition_text(condition: &Condition) -> String {
    let Condition { field, wanted } = condition;
    match (field, wanted, field.largest()) {
        (Field::Text, Wanted::Like(pattern), _) => {
            let text = value(Field::Text, wanted);
            let is_word =
                |part: &String| part.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '/'));
            let is_read_so =
                pattern.parts.iter().all(is_word) && !matches!(text.as_str(), "or" | "and" | "not");
            if is_read_so || text.starts_with('"') { text } else { format!("{}:{text}", field.as_str()) }
        }
        (_, Wanted::Number(range), Some(largest)) if *range.end() == largest && *range.start() != largest => {
            format!("{}>={}", field.as_str(), range.start())
        }
        (_, Wanted::Number(range), Some(_)) if *range.start() == 0 && *range.end() != 0 => {
            format!("{}<={}", field.as_str(), range.end())
        }
        _ => format!("{}:{}", field.as_str(), value(*field, wanted)),
    }
}

fn value(field: Field, wanted: &Wanted) -> String {
    match wanted {
        Wanted::NotKnown => "-".to_owned(),
        Wanted::Known => "*".to_owned(),
        Wanted::Number(range) if range.start() == range.end() => {
            format!("{}{}", number_prefix(field), range.start())
        }
        Wanted::Number(range) => format!("{}-{}", range.start(), range.end()),
        Wanted::Network { address, bits } => {
            let width = if address.is_ipv4() { 32 } else { 128 };
            if *bits == width { address.to_string() } else { format!("{address}/{bits}") }
        }
        Wanted::Below(domain) => format!("*.{domain}"),
        Wanted::Exactly(text) => quoted(text),
        Wanted::Like(pattern) if field == Field::Text => {
            stars(pattern.parts.get(1..pattern.parts.len().saturating_sub(1)))
        }
        Wanted::Like(Pattern { parts }) => {
            let text = stars(Some(parts));
            let is_code = field == Field::Of(Dimension::Country) && text.len() == 2;
            if is_code { text.to_ascii_uppercase() } else { text }
        }
    }
}

fn number_prefix(field: Field) -> &'static str {
    if field == Field::Of(Dimension::Asn) { "AS" } else { "" }
}

/// The parts with stars between them.
fn stars(parts: Option<&[String]>) -> String {
    let mut text = String::new();
    let parts = parts.unwrap_or_default();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            text.push('*');
        }
        if !part.is_empty() || parts.len() == 1 {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", quoted(part));
        }
    }
    text
}
