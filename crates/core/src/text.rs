use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Text that another program chose: a path, a name, a command line, a domain.
///
/// It has no `Display`, so that it cannot reach a person without a decision on how to make it harmless:
/// [`Untrusted::for_terminal`] or [`Untrusted::for_markup`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, export_to = "evidence.ts")]
pub struct Untrusted(String);

impl Untrusted {
    /// Text from the kernel, which need not be UTF-8.
    ///
    /// A byte that is not UTF-8 becomes `\xNN`, and so does a backslash that stands before what would be read as that: two
    /// different names never give one text, and [`Untrusted::to_bytes`] gives them back. Other escapes, as systemd makes them
    /// (`\x2d`), stay.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some(at) = rest.find('\\') {
                let (before, from) = rest.split_at(at);
                text.push_str(before);
                text.push_str(if escaped_byte(from.as_bytes()).is_some() { "\\x5c" } else { "\\" });
                rest = &from[1..];
            }
            text.push_str(rest);
            text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
        }
        Self(text)
    }

    /// The bytes that [`Untrusted::from_bytes`] made this text of.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            let escaped = escaped_byte(rest);
            bytes.push(escaped.unwrap_or(*first));
            rest = if escaped.is_some() { &rest[4..] } else { tail };
        }
        bytes
    }

    /// The text as it came, for storage and comparison only.
    #[must_use]
    pub fn as_raw(&self) -> &str {
        &self.0
    }

    /// The text on one line, without anything that a terminal would obey or that reorders what is read.
    #[must_use]
    pub fn for_terminal(&self) -> String {
        let mut shown = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            if is_deceptive(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
        }
        shown
    }

    /// The text for a notification body or any other place that reads markup.
    #[must_use]
    pub fn for_markup(&self) -> String {
        let mut shown = String::with_capacity(self.0.len());
        for c in self.for_terminal().chars() {
            match c {
                '&' => shown.push_str("&amp;"),
                '<' => shown.push_str("&lt;"),
                '>' => shown.push_str("&gt;"),
                '"' => shown.push_str("&quot;"),
                '\'' => shown.push_str("&#39;"),
                c => shown.push(c),
            }
        }
        shown
    }
}

/// A JSON document without a character that a terminal would obey or that reorders what is read.
///
/// serde_json escapes the control characters of ASCII. The others stand only inside strings, where `\uXXXX` means the same to
/// every reader.
#[must_use]
pub fn harmless_json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for c in document.chars() {
        if (c.is_ascii() && c != '\u{7f}') || !is_deceptive(c) {
            shown.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    shown
}

/// The byte that `\xNN` at the beginning stands for, where it is one that [`Untrusted::from_bytes`] writes so.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let &[high, low] = text.strip_prefix(b"\\x")?.first_chunk()?;
    let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    (byte == b'\\' || !byte.is_ascii()).then_some(byte)
}

/// Control characters, line separators, and the marks that reverse or hide text (Unicode TR 36, "bidi" and "invisible").
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.for_terminal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_line_breaks_do_not_reach_a_terminal() {
        let shown = Untrusted::from("a\x1b[2Jb\nc\u{202e}d").for_terminal();
        assert_eq!(shown, "a\\u{1b}[2Jb\\u{a}c\\u{202e}d");
    }

    #[test]
    fn markup_is_text() {
        let shown = Untrusted::from("<a href=\"x\">&'").for_markup();
        assert_eq!(shown, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }

    #[test]
    fn different_bytes_stay_different() {
        assert_ne!(Untrusted::from_bytes(b"/tmp/\xff"), Untrusted::from_bytes(b"/tmp/\xfe"));
        assert_ne!(Untrusted::from_bytes(b"/tmp/\xff"), Untrusted::from_bytes(b"/tmp/\\xff"));
        assert_eq!(Untrusted::from_bytes(b"/\\xff\\xFF\\x2d\\x").as_raw(), "/\\x5cxff\\xFF\\x2d\\x");
        assert_eq!(Untrusted::from_bytes("/tmp/ä".as_bytes()).as_raw(), "/tmp/ä");
    }

    /// Everything of up to seven bytes that escapes are made of, and of bytes that are no text.
    #[test]
    fn every_name_reads_back() {
        const BYTES: [u8; 6] = *b"\\x5c\xff\xc3";
        for length in 0..=7 {
            for number in 0..BYTES.len().pow(length) {
                let bytes: Vec<u8> =
                    (0..length).map(|place| BYTES[number / BYTES.len().pow(place) % BYTES.len()]).collect();
                assert_eq!(Untrusted::from_bytes(&bytes).to_bytes(), bytes);
            }
        }
    }
}
