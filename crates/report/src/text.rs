//! Text that programs chose, in pictures and pages: harmless, bounded, and unable to move what stands beside it.

use portolan_core::Untrusted;
use unicode_width::UnicodeWidthChar as _;

/// As much of a text as is ever shown, in characters.
const LONGEST: usize = 300;
/// How many marks may be put on one character: more than writing needs, fewer than what covers the lines above.
const MARKS: usize = 3;

/// The text without control characters and without marks that reverse or hide text, cut after [`LONGEST`] characters.
pub(crate) fn harmless(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST + 1).collect();
    let mut shown = String::new();
    let mut marks = 0;
    for c in Untrusted::from(cut).for_terminal().chars() {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        match u32::from(c) {
            // No characters of XML, or of anything.
            code if code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code) => {
                shown.extend(c.escape_unicode());
            }
            _ if marks > MARKS => {}
            _ => shown.push(c),
        }
    }
    cut_to(&shown, LONGEST)
}

/// The same inside a sentence of ours: what is written from right to left turns nothing around it.
pub(crate) fn isolated(text: &str) -> String {
    format!("\u{2068}{}\u{2069}", harmless(text))
}

/// A title, and which traffic it is of where that is not all.
pub(crate) fn titled(title: String, about: &str) -> String {
    if about.is_empty() { title } else { format!("{title} · {}", isolated(about)) }
}

/// Harmless text for an element or an attribute of XML or HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
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

/// Cuts the middle out of a text that is wider than `width` pixels at this size.
pub(crate) fn fit(text: &str, size: f64, width: f64) -> String {
    if width_of(text, size) <= width {
        return text.to_owned();
    }
    let chars: Vec<char> = text.chars().collect();
    let room = width - width_of("…", size);
    let taken = |chars: &mut dyn Iterator<Item = &char>, room: f64| {
        let mut used = 0.0;
        chars
            .take_while(|c| {
                used += em(**c) * size;
                used <= room
            })
            .count()
    };
    let head = taken(&mut chars.iter(), room * 0.6);
    let tail = taken(&mut chars.iter().rev(), room * 0.4).min(chars.len() - head);
    let (begin, end) = (chars.iter().take(head), chars.iter().skip(chars.len() - tail));
    begin.chain(&['…']).chain(end).collect()
}

/// How wide a text is, about: nobody knows the font that shows it. Wide fonts are what is reckoned with.
pub(crate) fn width_of(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '\u{a0}' => 0.34,
        't' | 'f' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' | '·' => 0.41,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.97,
        'A'..='Z' => 0.72,
        c if c.is_ascii() => 0.62,
        c => match c.width() {
            Some(0) => 0.0,
            Some(2) => 1.0,
            _ => 0.68,
        },
    }
}

fn cut_to(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hostile_is_shown_and_does_nothing() {
        assert_eq!(harmless("a\x1b[2J\u{202e}b\u{0}\u{fffe}"), "a\\u{1b}[2J\\u{202e}b\\u{0}\\u{fffe}");
        assert_eq!(escaped("<b a='&'>\""), "&lt;b a=&#39;&amp;&#39;&gt;&quot;");
        assert_eq!(harmless(&"x".repeat(10_000)).chars().count(), LONGEST);
        let zalgo = format!("z{}", "\u{301}".repeat(500));
        assert_eq!(harmless(&zalgo).chars().count(), 1 + MARKS);
    }

    #[test]
    fn long_names_keep_both_ends_and_stay_in_their_place() {
        let fitted = fit(&format!("/usr/lib/{}/end", "a".repeat(200)), 13.0, 160.0);
        assert!(
            fitted.starts_with("/usr/lib") && fitted.ends_with("end") && fitted.contains('…'),
            "{fitted}"
        );
        assert!(width_of(&fitted, 13.0) <= 160.0);
        assert_eq!(fit("short", 13.0, 160.0), "short");
        assert_eq!(fit("anything", 13.0, -5.0), "…");
    }
}
