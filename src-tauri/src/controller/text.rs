use portolan_core::Untrusted;

/// A text for a person: our words with foreign ones between them.
///
/// It has no `Display`: who shows it says whether the place reads markup.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Ours(String),
    Theirs(Untrusted),
}

impl Text {
    /// Only our words.
    pub(crate) fn ours(words: impl Into<String>) -> Self {
        Self::default().and(words)
    }

    /// Followed by our words.
    pub(crate) fn and(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Ours(words.into()));
        self
    }

    /// Followed by foreign words, of which at most `characters` are shown.
    pub(crate) fn and_theirs(mut self, words: &str, characters: usize) -> Self {
        self.0.push(Piece::Theirs(shortened(words, characters).as_str().into()));
        self
    }

    /// For a place that shows text as it is.
    pub(crate) fn plain(&self) -> String {
        self.render(Clone::clone, Untrusted::for_terminal)
    }

    /// For a place that reads markup.
    pub(crate) fn markup(&self) -> String {
        // Our own line breaks are meant, unlike those of others.
        let ours = |words: &String| words.replace('&', "&amp;").replace('<', "&lt;");
        self.render(ours, Untrusted::for_markup)
    }

    fn render(&self, ours: impl Fn(&String) -> String, theirs: impl Fn(&Untrusted) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Ours(words) => ours(words),
            Piece::Theirs(words) => theirs(words),
        };
        self.0.iter().map(piece).collect()
    }
}

/// The last part of a path: what people call a program.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)
}

/// At most `characters`, with the middle left out: both ends of a path say something.
fn shortened(words: &str, characters: usize) -> String {
    let length = words.chars().count();
    if length <= characters {
        return words.to_owned();
    }
    let head = characters / 2;
    let tail = characters.saturating_sub(head + 1);
    words.chars().take(head).chain(['…']).chain(words.chars().skip(length - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_cannot_become_markup_or_another_line() {
        let text = Text::ours("A & B:\n").and_theirs("<b>x</b>\n\u{202e}&", 100);
        assert_eq!(text.markup(), "A &amp; B:\n&lt;b&gt;x&lt;/b&gt;\\u{a}\\u{202e}&amp;");
        assert_eq!(text.plain(), "A & B:\n<b>x</b>\\u{a}\\u{202e}&");
    }

    #[test]
    fn a_long_path_keeps_both_ends() {
        assert_eq!(shortened("/usr/lib/very/long/program", 11), "/usr/…ogram");
        assert_eq!(shortened("/usr/bin/curl", 13), "/usr/bin/curl");
        assert_eq!(shortened("äöüß", 3), "ä…ß");
    }

    #[test]
    fn a_program_is_called_by_its_file() {
        assert_eq!(file_name("/usr/bin/curl"), "curl");
        assert_eq!(file_name("/"), "/");
    }
}
