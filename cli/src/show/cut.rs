use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How text loses what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Not at all.
    Never,
    /// The end goes: names.
    End,
    /// The middle goes: paths, addresses with a port.
    Middle,
    /// A hash: shown whole, or its first so many digits.
    Digits(usize),
}

/// How many columns of a terminal the text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `columns`, with `…` where something is missing.
pub(crate) fn fit(text: &str, columns: usize, cut: Cut) -> String {
    if width(text) <= columns || cut == Cut::Never {
        return text.to_owned();
    }
    match cut {
        _ if columns == 0 => String::new(),
        Cut::Middle if columns >= 8 => {
            let name = text.rfind('/').map_or(0, |slash| width(&text[slash..]));
            let most = columns - 2;
            let tail = if name <= most { name.max((columns - 1) * 2 / 3) } else { (columns - 1) * 2 / 3 };
            format!("{}…{}", start_of(text, columns - 1 - tail), end_of(text, tail))
        }
        _ => start_of(text, columns - 1) + "…",
    }
}

/// The text with spaces up to `columns`.
pub(crate) fn pad(text: &str, columns: usize, to_the_right: bool) -> String {
    let spaces = " ".repeat(columns.saturating_sub(width(text)));
    if to_the_right { spaces + text } else { text.to_owned() + &spaces }
}

/// As much of the beginning as fits.
pub(crate) fn start_of(text: &str, columns: usize) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept) > columns {
            kept.pop();
            break;
        }
    }
    kept
}

fn end_of(text: &str, columns: usize) -> String {
    let mut used = 0;
    let kept: Vec<char> = text
        .chars()
        .rev()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect();
    kept.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_root_and_its_file() {
        assert_eq!(fit("/usr/lib/firefox/firefox-bin", 19, Cut::Middle), "/usr/l…/firefox-bin");
        assert_eq!(fit("[2001:db8::17]:443", 12, Cut::Middle), "[200…17]:443");
        assert_eq!(fit("/usr/bin/curl", 13, Cut::Middle), "/usr/bin/curl");
        assert_eq!(
            fit("/usr/lib/x86_64-linux-gnu/webkit/NetworkProcess", 18, Cut::Middle),
            "/u…/NetworkProcess"
        );
        assert_eq!(fit(&"ab".repeat(32), 13, Cut::Digits(12)), "abababababab…");
    }

    #[test]
    fn wide_characters_count_double_and_never_overflow() {
        for columns in 0..12 {
            for cut in [Cut::End, Cut::Middle] {
                assert!(width(&fit("/日本語/プログラム", columns, cut)) <= columns);
            }
        }
        assert_eq!(pad("日", 4, false), "日  ");
        assert_eq!(pad("7", 3, true), "  7");
    }
}
