use super::cut::{start_of, width};

/// Fewer columns than this hold no text worth reading: then lines are longer than the terminal.
const NARROWEST: usize = 16;

/// The text in lines that fit, all but the first indented by `hanging`; on one line for a file or a pipe
/// (`terminal_width` is `None`).
///
/// Lines break at spaces, but not between digits, and within a word only where the word is longer than a line. What
/// continues is always further in than what begins, so that no name with spaces in it can pass for a line of its own.
pub(crate) fn wrap(text: &str, terminal_width: Option<usize>, hanging: usize) -> String {
    let Some(terminal_width) = terminal_width else { return text.to_owned() };
    let narrow = terminal_width.saturating_sub(hanging).max(NARROWEST);
    let (mut lines, mut rest, mut room) = (Vec::new(), text, terminal_width.max(hanging + NARROWEST));
    // What stands before it in the first line is its title.
    let mut least = hanging;
    while width(rest) > room {
        let fitting = start_of(rest, room).len();
        let end = break_before(rest, fitting).filter(|end| *end > least).unwrap_or(fitting);
        let (line, more) = rest.split_at(end);
        lines.push(line.trim_end());
        rest = more.trim_start();
        (room, least) = (narrow, 0);
    }
    lines.push(rest);
    lines.join(&format!("\n{}", " ".repeat(hanging)))
}

/// The last space at or before the byte `fitting`.
fn break_before(text: &str, fitting: usize) -> Option<usize> {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    text.char_indices()
        .take_while(|(at, _)| *at <= fitting)
        .filter(|(at, c)| {
            let within_number = is_digit(text[..*at].chars().next_back())
                && is_digit(text[*at + c.len_utf8()..].chars().next());
            *c == ' ' && !within_number
        })
        .map(|(at, _)| at)
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_hang_below_their_text() {
        let shown = wrap("Title   the kernel counted 12 345 bytes at its sockets", Some(30), 8);
        assert_eq!(shown, "Title   the kernel counted\n        12 345 bytes at its\n        sockets");
        assert_eq!(wrap("Title   short", Some(30), 8), "Title   short");
        let long = format!("Title   {}", "x ".repeat(200));
        assert_eq!(wrap(&long, None, 8), long);
    }

    #[test]
    fn a_word_longer_than_a_line_is_broken_and_whole() {
        let name = "/日本".repeat(500);
        let shown = wrap(&format!("Title   {name}"), Some(40), 8);
        assert!(shown.lines().all(|line| width(line) <= 40), "{shown}");
        let joined: String = shown.lines().map(|line| &line[8..]).collect();
        assert_eq!(joined, name);
    }

    #[test]
    fn a_name_with_spaces_never_begins_a_line() {
        let shown = wrap(&format!("    /tmp/a{}#8  approved", " ".repeat(70)), Some(40), 8);
        assert!(shown.lines().skip(1).all(|line| line.starts_with("        ")), "{shown}");
        assert_eq!(wrap("a narrow terminal", Some(3), 8).lines().count(), 1);
    }
}
