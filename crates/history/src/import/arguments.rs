use portolan_core::{Untrusted, mask_secrets};

/// Bytes of a command line that are kept, as of one that was measured.
const KEPT_MAX: usize = 1024;

/// A command line as a shell would read it, secrets masked, then cut; `None` when there is none.
pub(super) fn masked(line: &str) -> Option<Untrusted> {
    let words = words(line);
    if words.iter().all(String::is_empty) {
        return None;
    }
    let masked = mask_secrets(words.join("\0").as_bytes());
    let mut text = String::from_utf8_lossy(&masked).replace('\0', " ");
    text.truncate(text.floor_char_boundary(KEPT_MAX));
    Some(text.into())
}

/// The words of a line in which whatever a shell would change stands in quotes. What is no such line gives some words.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut is_word, mut quote) = (String::new(), false, None);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => (quote, is_word) = (Some(c), true),
            None if c == ' ' => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            // It would part words.
            _ if c == '\0' => {}
            _ => {
                word.push(c);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_the_shell_would_take() {
        assert_eq!(words("curl -H 'a b' '' 'x'\"'\"'y'"), ["curl", "-H", "a b", "", "x'y"]);
        assert_eq!(words("  a  'b"), ["a", "b"]);
        assert_eq!(masked(""), None);
        assert_eq!(masked("   "), None);
        assert_eq!(masked("''"), None);
    }

    #[test]
    fn secrets_are_masked_and_what_is_long_is_cut() {
        let line = masked("mysql --password=hunter2 'a b'").unwrap();
        assert!(!line.as_raw().contains("hunter2") && line.as_raw().ends_with("a b"), "{line:?}");
        assert!(masked(&"ä".repeat(5_000)).unwrap().as_raw().len() <= KEPT_MAX);
    }
}
