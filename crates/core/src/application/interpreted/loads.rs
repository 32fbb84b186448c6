use super::{Unknowable, interpreter_path, path};
use crate::{
    Untrusted,
    application::stable,
    secrets::{mask_addresses, mask_value},
};

/// What all of them may take in a key; beyond, nobody knows what is run.
const MAX_BYTES: usize = 16 * 1024;

/// Code that an interpreter is told to load besides what it runs: words `OPTION=VALUE`, without a space and a secret in them.
#[derive(Debug)]
pub(super) struct Loads<'a> {
    words: Vec<String>,
    /// Bytes that were searched for secrets.
    searched: usize,
    working_directory: Option<&'a Untrusted>,
}

impl<'a> Loads<'a> {
    pub(super) fn new(working_directory: Option<&'a Untrusted>) -> Self {
        Self { words: Vec::new(), searched: 0, working_directory }
    }

    pub(super) fn into_words(self) -> Vec<String> {
        self.words
    }

    /// Notes a name, which is a path when it begins like one.
    pub(super) fn name(&mut self, option: &[u8], value: &[u8]) -> Result<(), Unknowable> {
        self.search(value)?;
        let value = &mask_value(value);
        let is_relative = [&b"./"[..], b"../"].iter().any(|start| value.starts_with(start));
        let value = if is_relative { self.resolved(value)? } else { stable_text(value) };
        self.push(option, &value)
    }

    /// Notes paths, separated by colons.
    pub(super) fn paths(&mut self, option: &[u8], value: &[u8]) -> Result<(), Unknowable> {
        self.search(value)?;
        let mut paths = String::new();
        for (index, entry) in mask_addresses(value).split(|byte| *byte == b':').enumerate() {
            if index > 0 {
                paths.push(':');
            }
            paths += &self.resolved(&mask_value(entry))?;
            // Each may be longer than it is written, by the working directory.
            if paths.len() > MAX_BYTES {
                return Err(Unknowable);
            }
        }
        self.push(option, &paths)
    }

    /// Notes that something may be loaded, nobody knows what.
    pub(super) fn unknown(&mut self, option: &[u8]) -> Result<(), Unknowable> {
        self.push(option, "?")
    }

    /// Notes a program that is run by another and runs something itself.
    pub(super) fn program(&mut self, path: &str) -> Result<(), Unknowable> {
        self.push(b"run", &interpreter_path(path))
    }

    /// Whoever writes much that looks like secrets makes the search long.
    fn search(&mut self, value: &[u8]) -> Result<(), Unknowable> {
        self.searched += value.len();
        if self.searched > MAX_BYTES { Err(Unknowable) } else { Ok(()) }
    }

    fn resolved(&self, entry: &[u8]) -> Result<String, Unknowable> {
        let path = path::resolve(entry, self.working_directory).ok_or(Unknowable)?;
        Ok(stable::path(path.as_raw()))
    }

    fn push(&mut self, option: &[u8], value: &str) -> Result<(), Unknowable> {
        let option = Untrusted::from_bytes(option);
        let dash = if option.as_raw().len() == 1 { "-" } else { "" };
        let word =
            format!("{dash}{}={}", escaped(option.as_raw().trim_end_matches([':', '='])), escaped(value));
        if self.words.iter().map(String::len).sum::<usize>() + word.len() > MAX_BYTES {
            return Err(Unknowable);
        }
        self.words.push(word);
        Ok(())
    }
}

fn stable_text(value: &[u8]) -> String {
    stable::path(Untrusted::from_bytes(value).as_raw())
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace(' ', "%20")
}
