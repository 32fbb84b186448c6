//! Files to values.

use std::{collections::BTreeMap, ops::Range, path::PathBuf};

use toml_edit::{Document, Item, Table, Value};

use crate::{Config, KEYS, Key, Problem, Problems, Source, amount, key, value::Trouble};

/// How alike a word must be to be suggested.
const ALIKE: f64 = 0.75;

/// A configuration, and where its values come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Which files say the value of a key; none for its default. Several for a list that adds up.
    pub origins: BTreeMap<&'static str, Vec<Origin>>,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

/// What files say, the last of them first among equals.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn read(sources: &[Source]) -> Result<Loaded, Problems> {
    let mut reading = Reading::default();
    for source in sources {
        match Document::parse(source.text.as_str()) {
            Ok(document) => reading.file(source, document.as_table()),
            Err(error) => {
                let message = error.message().trim().replace('\n', "; ");
                reading.complain(source, error.span(), message);
            }
        }
    }
    reading.compare_ages();
    if !reading.problems.is_empty() {
        return Err(Problems(reading.problems));
    }
    let Reading { loaded, .. } = reading;
    Ok(loaded)
}

#[derive(Default)]
struct Reading<'a> {
    loaded: Loaded,
    problems: Vec<Problem>,
    /// Where the ages of the history were said.
    said: BTreeMap<&'static str, (&'a Source, Option<Range<usize>>)>,
}

impl<'a> Reading<'a> {
    fn complain(&mut self, source: &Source, span: Option<Range<usize>>, message: String) {
        self.problems.push(Problem::at(source.path.clone(), &source.text, span.unwrap_or(0..0), message));
    }

    fn file(&mut self, source: &'a Source, table: &Table) {
        for (section, item) in table {
            let span = || table.key(section).and_then(toml_edit::Key::span);
            let keys = || KEYS.iter().filter(|key| key.section() == section);
            match item {
                Item::Table(table) if keys().next().is_some() => {
                    let entries = table
                        .iter()
                        .map(|(word, item)| (word, item, table.key(word).and_then(toml_edit::Key::span)));
                    self.section(source, section, entries);
                }
                Item::Value(Value::InlineTable(table)) if keys().next().is_some() => {
                    let entries: Vec<_> = table
                        .iter()
                        .map(|(word, value)| {
                            (word, Item::Value(value.clone()), table.key(word).and_then(toml_edit::Key::span))
                        })
                        .collect();
                    self.section(
                        source,
                        section,
                        entries.iter().map(|(word, item, span)| (*word, item, span.clone())),
                    );
                }
                _ if keys().next().is_some() => {
                    let message = format!("{section} is a section: write [{section}], and below it its keys");
                    self.complain(source, span(), message);
                }
                Item::Table(_) => {
                    let hint = match suggestion(section, KEYS.iter().map(Key::section)) {
                        none if none.is_empty() => {
                            "; there are recording, retention, learning, places, log and exclusions"
                                .to_owned()
                        }
                        hint => hint,
                    };
                    self.complain(source, span(), format!("there is no section [{}]{hint}", shown(section)));
                }
                _ => {
                    let of = KEYS.iter().find(|key| key.word() == section);
                    let hint = match of {
                        Some(key) => format!("; it belongs below [{}]", key.section()),
                        None => suggestion(section, KEYS.iter().map(Key::word)),
                    };
                    self.complain(
                        source,
                        span(),
                        format!("{:?} is no key outside of a section{hint}", shown(section)),
                    );
                }
            }
        }
    }

    fn section<'b>(
        &mut self,
        source: &'a Source,
        section: &str,
        entries: impl Iterator<Item = (&'b str, &'b Item, Option<Range<usize>>)>,
    ) {
        for (word, item, span) in entries {
            let Some(key) = key(&format!("{section}.{word}")) else {
                let words = KEYS.iter().filter(|key| key.section() == section).map(Key::word);
                let elsewhere = KEYS.iter().find(|key| key.word() == word);
                let hint = match elsewhere {
                    Some(key) => format!("; it belongs below [{}]", key.section()),
                    None => suggestion(word, words),
                };
                self.complain(source, span, format!("{:?} is no key of [{section}]{hint}", shown(word)));
                continue;
            };
            let Item::Value(value) = item else {
                self.complain(source, span, format!("{} is a key, not a section", key.name));
                continue;
            };
            let mut troubles = Vec::new();
            (key.read)(&mut self.loaded.config, value, &mut troubles);
            for Trouble { span, message } in troubles {
                self.complain(source, span.or_else(|| value.span()), format!("{}: {message}", key.name));
            }
            let line = source.text.get(..span.as_ref().map_or(0, |span| span.start)).unwrap_or_default();
            let origin = Origin { path: source.path.clone(), line: line.matches('\n').count() + 1 };
            let origins = self.loaded.origins.entry(key.name).or_default();
            if !key.adds_up() {
                origins.clear();
            }
            origins.push(origin);
            self.said.insert(key.name, (source, value.span()));
        }
    }

    /// Sums must be kept as long as what they are sums of.
    fn compare_ages(&mut self) {
        let ages = &self.loaded.config.retention;
        let ages = [
            ("retention.bucket", ages.bucket),
            ("retention.minute", ages.minute),
            ("retention.hour", ages.hour),
            ("retention.day", ages.day),
        ];
        for pair in ages.windows(2) {
            let [(finer, long), (coarser, short)] = *pair else { continue };
            let lasts_longer = match (long, short) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(long), Some(short)) => long > short,
            };
            // Where neither was said, it is a default.
            let said = self.said.get(coarser).or_else(|| self.said.get(finer)).cloned();
            if let (true, Some((source, span))) = (lasts_longer, said) {
                let [long, short] = [long, short].map(amount::show_age);
                let message = format!("{coarser} ({short}) must be at least as long as {finer} ({long})");
                self.complain(source, span, message);
            }
        }
    }
}

fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let likeness = |known: &str| strsim::jaro_winkler(&word.to_ascii_lowercase(), known);
    let best = known.map(|known| (likeness(known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, known)) if likeness >= ALIKE => format!("; did you mean {known:?}?"),
        _ => String::new(),
    }
}

/// A word of a file in a sentence.
fn shown(word: &str) -> String {
    word.chars().take(64).collect()
}
