/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secret {
    /// A password or a token.
    Value,
    /// The same, unless it is a path: a key, or the working directory.
    ValueButNoPath,
    /// A header's: with spaces, and perhaps the name of a scheme before it.
    Header,
}

/// A name may have anything before these.
const ENDINGS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "secret",
    "token",
    "apikey",
    "authkey",
    "secretkey",
    "accesskey",
    "credential",
];
/// These must be a word of their own: `bypass` is none.
const WORDS: [&str; 6] = ["pass", "psk", "pw", "bearer", "jwt", "pat"];
/// What a key must be to be a secret.
const KEYS: [&str; 13] = [
    "api",
    "access",
    "secret",
    "private",
    "auth",
    "signing",
    "encryption",
    "master",
    "shared",
    "account",
    "session",
    "client",
    "storage",
];
/// Names that begin with these are questions or limits: `--no-password`, `--max-token`.
const QUESTIONS: [&str; 20] = [
    "no", "ask", "prompt", "disable", "enable", "show", "without", "require", "allow", "skip", "reset",
    "change", "forget", "save", "remember", "hide", "max", "min", "num", "count",
];

/// Whether a value of this name is a secret. Dashes before it do not matter, nor does its case.
pub(super) fn secret(name: &[u8]) -> Option<Secret> {
    let words = words_of(name);
    let (last, before) = words.split_last()?;
    if words.first().is_some_and(|first| QUESTIONS.contains(&first.as_str())) {
        return None;
    }
    let is = |word: &str| last == word;
    if is("authorization") || is("cookie") {
        return Some(Secret::Header);
    }
    if is("pwd") || is("oldpwd") || last.ends_with("privatekey") {
        return Some(Secret::ValueButNoPath);
    }
    if is("key") && before.last().is_some_and(|kind| KEYS.contains(&kind.as_str())) {
        return Some(Secret::ValueButNoPath);
    }
    let is_value = ENDINGS.iter().any(|ending| last.ends_with(ending))
        || WORDS.into_iter().any(is)
        || matches!(words.as_slice(), [aws, secret, ..] if aws == "aws" && secret == "secret");
    is_value.then_some(Secret::Value)
}

/// `keyStore_Pass-word` is key, store, pass and word.
fn words_of(name: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = b'_';
    for byte in name.iter().copied() {
        if byte.is_ascii_alphanumeric() {
            let is_hump = byte.is_ascii_uppercase() && before.is_ascii_lowercase();
            match words.last_mut() {
                Some(word) if before.is_ascii_alphanumeric() && !is_hump => {
                    word.push(byte.to_ascii_lowercase().into());
                }
                _ => words.push(char::from(byte.to_ascii_lowercase()).into()),
            }
        }
        before = byte;
    }
    words
}

/// What stands in the place of a secret and says where it is instead: a variable, a file, the standard input.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let is_variable = value.strip_prefix(b"$").is_some_and(|name| {
        !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_{}".contains(byte))
    });
    let elsewhere: [&[u8]; 6] = [b"file:", b"env:", b"fd:", b"@", b"/run/secrets/", b"/dev/"];
    is_variable
        || value == b"-"
        || value == b"stdin"
        || elsewhere.into_iter().any(|prefix| value.starts_with(prefix))
}

pub(super) fn is_path(value: &[u8]) -> bool {
    let roots: [&[u8]; 4] = [b"/", b"./", b"../", b"~"];
    roots.into_iter().any(|root| value.starts_with(root))
}
