use std::ops::Range;

use super::{
    Field, MAX_CHARACTERS,
    amount::Comparison,
    letters::{Kind, Letter, text_of, tokens},
    term,
    words::{self, Side, Subject},
};

/// What could stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is to be replaced by one of the offers: characters, from 0. Empty to put it in only.
    pub replace: Range<usize>,
    /// By what.
    pub offer: Offer,
}

/// What can be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// Fields, each with the sign behind it, as they are to stand in the text (`domain:`, `tx>`).
    Fields(Vec<String>),
    /// Values that the language knows, as they are to stand in the text.
    Words(Vec<&'static str>),
    /// Values that the history knows: those of `field` that begin with `prefix`, each to be put there by [`super::quoted`].
    Values {
        /// Of what.
        field: Field,
        /// What was written of the value, without quotes and escapes.
        prefix: String,
    },
    /// Nothing.
    Nothing,
}

/// Lengths of time that are asked for often.
const TIMES: [&str; 6] = ["today", "yesterday", "1h", "24h", "7d", "30d"];

/// What could stand at the cursor, which is the number of characters before it.
#[must_use]
pub fn complete(text: &str, cursor: usize) -> Completion {
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        return Completion { replace: cursor..cursor, offer: Offer::Nothing };
    }
    let before: String = text.chars().take(cursor).collect();
    let cursor = before.chars().count();
    let tokens = tokens(&before);
    let (start, letters) = match tokens.all.last() {
        Some(token) if token.span.end == cursor => match &token.kind {
            Kind::Word(letters) => (token.span.start, letters.as_slice()),
            // A word of the language may be the beginning of another.
            Kind::Or | Kind::And | Kind::Not if token.span.end - token.span.start > 1 => {
                return Completion { replace: cursor..cursor, offer: Offer::Nothing };
            }
            _ => (cursor, [].as_slice()),
        },
        _ => (cursor, [].as_slice()),
    };
    let (start, offer) = offer(start, letters);
    // Behind the cursor the word goes on; what would end quotes is not known.
    let is_of_word =
        |c: &char| !tokens.is_open && !(c.is_whitespace() || matches!(c, '(' | ')' | '|' | ',' | '"'));
    let end = match offer {
        // A field that stands there already is replaced with its sign.
        Offer::Fields(_) => {
            let behind: String = text.chars().skip(cursor).take_while(is_of_word).collect();
            let name = behind.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
            name.map_or(cursor + behind.chars().count(), |name| {
                cursor + name + usize::from(behind[name..].starts_with([':', '>']))
            })
        }
        _ => cursor + text.chars().skip(cursor).take_while(is_of_word).count(),
    };
    Completion { replace: start..end, offer }
}

/// What could stand in the place of these letters, and where that begins.
fn offer(start: usize, letters: &[Letter]) -> (usize, Offer) {
    let Some(head) = term::head(letters) else {
        let is_bare = letters.iter().all(|letter| !letter.is_plain);
        return (start, if is_bare { fields(&text_of(letters)) } else { Offer::Nothing });
    };
    let is_equal = matches!(head.comparison, Comparison::Equal | Comparison::NotEqual);
    let subject = words::subject(&head.name).filter(|_| is_equal);
    let comma = letters.iter().rposition(|letter| letter.is(','));
    let first = match subject {
        Some(Subject::Field(_)) => comma.map_or(head.length, |comma| comma + 1).max(head.length),
        _ => head.length,
    };
    let (before, value) = letters.split_at(first);
    let start = before.last().map_or(start, |letter| letter.span.end);
    let prefix = text_of(value);
    let among = |words: &[&'static str]| {
        let lower = prefix.to_ascii_lowercase();
        let fitting: Vec<_> = words.iter().copied().filter(|word| word.starts_with(&lower)).collect();
        if fitting.is_empty() { Offer::Nothing } else { Offer::Words(fitting) }
    };
    let offer = match subject {
        None | Some(Subject::Measure(_) | Subject::Field(Field::Text)) => Offer::Nothing,
        Some(Subject::Time(Side::On)) => among(&TIMES[..2]),
        Some(Subject::Time(_)) => among(&TIMES),
        Some(Subject::Field(_)) if value.iter().any(|letter| letter.is('*')) => Offer::Nothing,
        Some(Subject::Field(field)) if !field.words().is_empty() => among(&field.words()),
        Some(Subject::Field(field)) => Offer::Values { field, prefix },
    };
    (start, offer)
}

/// The fields with a word that begins so, by their names.
fn fields(prefix: &str) -> Offer {
    let prefix = prefix.to_ascii_lowercase().replace('-', "_");
    let mut found: Vec<Subject> = Vec::new();
    for (subject, word) in words::all() {
        if word.starts_with(&prefix) && !found.contains(&subject) {
            found.push(subject);
        }
    }
    let written = |subject: Subject| {
        let sign = if matches!(subject, Subject::Measure(_)) { '>' } else { ':' };
        format!("{}{sign}", subject.as_str())
    };
    if found.is_empty() { Offer::Nothing } else { Offer::Fields(found.into_iter().map(written).collect()) }
}
