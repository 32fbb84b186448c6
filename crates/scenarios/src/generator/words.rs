use std::{net::SocketAddr, str::FromStr};

use crate::moved::Failure;

/// `NAME KEY=VALUE… [-- PROGRAM WORD…]`.
#[derive(Debug)]
pub(crate) struct Words {
    words: Vec<String>,
    rest: Vec<String>,
}

impl Words {
    pub(crate) fn new(mut words: Vec<String>) -> Self {
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let rest = words.drain(end..).skip(1).collect();
        Self { words, rest }
    }

    /// What is to be done.
    pub(crate) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Everything, for a message.
    pub(crate) fn all(&self) -> String {
        self.words.join(" ")
    }

    /// What stands after `--`.
    pub(crate) fn rest(&self) -> &[String] {
        &self.rest
    }

    /// All pairs, in their order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.words.iter().skip(1).map(|word| word.split_once('=').unwrap_or((word, "")))
    }

    /// A value that may be missing.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    pub(crate) fn text(&self, key: &str) -> Result<&str, Failure> {
        self.get(key).ok_or_else(|| Failure::Usage(format!("{key}=… is missing")))
    }

    pub(crate) fn number(&self, key: &str) -> Result<u64, Failure> {
        parse(key, self.text(key)?)
    }

    pub(crate) fn number_or(&self, key: &str, default: u64) -> Result<u64, Failure> {
        self.get(key).map_or(Ok(default), |value| parse(key, value))
    }

    /// A number of bytes that fit into memory.
    pub(crate) fn size(&self, key: &str) -> Result<usize, Failure> {
        parse(key, self.text(key)?)
    }

    /// `ADDRESS:PORT`, an IPv6 address in brackets.
    pub(crate) fn address(&self, key: &str) -> Result<SocketAddr, Failure> {
        parse(key, self.text(key)?)
    }

    /// Whether `KEY=yes` is there.
    pub(crate) fn is(&self, key: &str) -> bool {
        self.get(key) == Some("yes")
    }
}

pub(crate) fn parse<T: FromStr>(key: &str, value: &str) -> Result<T, Failure> {
    value.parse().map_err(|_| Failure::Usage(format!("{key}={value} cannot be read")))
}
