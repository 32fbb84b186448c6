use portolan_core::{Untrusted, mask_secrets};

/// Arguments on one line, secrets masked, then cut: half a secret may not look like one. `None` when there are none.
pub(super) fn command_line(arguments: &[u8]) -> Option<Untrusted> {
    let arguments = arguments.get(..MASKED_MAX).unwrap_or(arguments);
    let arguments = arguments.strip_suffix(b"\0").unwrap_or(arguments);
    if arguments.is_empty() {
        return None;
    }
    let mut line = mask_secrets(arguments);
    if line.len() > KEPT_MAX {
        let is_within = |byte: &u8| byte & 0xc0 == 0x80; // a character of UTF-8
        let kept = line[..=KEPT_MAX].iter().rposition(|byte| !is_within(byte));
        line.truncate(kept.unwrap_or_default());
    }
    line.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
    Some(Untrusted::from_bytes(&line))
}

/// Bytes of a command line that are kept.
const KEPT_MAX: usize = 1024;
/// Bytes of arguments that are searched for secrets: one that begins in what is kept may be as long as the rest.
const MASKED_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &str) -> String {
        command_line(arguments.as_bytes()).unwrap().as_raw().to_owned()
    }

    #[test]
    fn a_long_command_line_is_cut_behind_its_secrets_and_between_characters() {
        assert_eq!(line("a\0b c\0"), "a b c");
        assert_eq!(command_line(b""), None);
        let plain = "x".repeat(KEPT_MAX - 20);
        let token = format!("ghp_{}", "0123456789abcdefABCDEF0123456789wxyz");
        let masked = line(&format!("{plain}\0{token}\0more"));
        assert_eq!(masked, format!("{plain} ghp_*** more"));
        let filled = "x".repeat(KEPT_MAX - 1);
        assert_eq!(line(&format!("{filled}ä")), filled);
        assert_eq!(line(&format!("{filled}yz")), format!("{filled}y"));
        assert!(line(&"ä".repeat(100_000)).len() <= KEPT_MAX);
    }
}
