use portolan_core::Untrusted;

/// Text as one word of a shell command that a person may copy: harmless to the terminal, and quoted so that the shell
/// takes nothing in it for itself.
pub(crate) fn word(text: &Untrusted) -> String {
    let shown = text.for_terminal();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-+@%=,".contains(c);
    if !shown.is_empty() && shown.chars().all(plain) {
        return shown;
    }
    format!("'{}'", shown.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_become_a_command() {
        assert_eq!(word(&"path:/usr/bin/curl".into()), "path:/usr/bin/curl");
        assert_eq!(word(&"path:/tmp/x;rm -rf ~".into()), "'path:/tmp/x;rm -rf ~'");
        assert_eq!(word(&"/tmp/it's".into()), "'/tmp/it'\\''s'");
        assert_eq!(word(&"/tmp/\x1b]0;".into()), "'/tmp/\\u{1b}]0;'");
    }
}
