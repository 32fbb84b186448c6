use std::ops::Index;

/// The words of a group, by what they are words of, in the order of that. Hostile text.
///
/// As a map, for as little memory as it takes: an answer may have a million groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Keys(Vec<(&'static str, String)>);

impl Keys {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (*other).cmp(key))
    }

    /// Whether no word is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The word of a key; `None` where it is not known.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&String> {
        self.find(key).ok().and_then(|at| self.0.get(at)).map(|(_, word)| word)
    }

    /// Whether the word of a key is known.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Gives a key a word, in the place of what it had.
    pub fn insert(&mut self, key: &'static str, word: String) {
        match self.find(key) {
            Ok(at) => self.0[at] = (key, word),
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (key, word));
            }
        }
    }

    /// Takes the word of a key away.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }

    /// All keys with their words.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &String)> {
        self.0.iter().map(|(key, word)| (*key, word))
    }
}

impl Index<&str> for Keys {
    type Output = String;

    /// The word of a key that is known. Panics where it is not, as a map does.
    fn index(&self, key: &str) -> &String {
        &self.0[self.find(key).unwrap_or(usize::MAX)].1
    }
}

impl Extend<(&'static str, String)> for Keys {
    fn extend<T: IntoIterator<Item = (&'static str, String)>>(&mut self, words: T) {
        words.into_iter().for_each(|(key, word)| self.insert(key, word));
    }
}

impl FromIterator<(&'static str, String)> for Keys {
    fn from_iter<T: IntoIterator<Item = (&'static str, String)>>(words: T) -> Self {
        let mut keys = Self::new();
        keys.extend(words);
        keys
    }
}
