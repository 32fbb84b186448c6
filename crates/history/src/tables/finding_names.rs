//! Names in findings, and how they go when nobody is to know them any more.

use std::collections::{BTreeSet, HashSet};

use rusqlite::Connection;
use serde_json::Value;

/// What stands where a name stood.
const GONE: &str = "***";

/// Takes names (numbers of `domain`) that no traffic has any more out of all findings: as the name of the other side, and as a word of
/// their texts, such as of a command line.
pub(crate) fn forget_unused(connection: &Connection, domains: &BTreeSet<i64>) -> rusqlite::Result<()> {
    let mut used = connection.prepare("SELECT DISTINCT domain_id FROM peer WHERE domain_id IS NOT NULL")?;
    let used: HashSet<i64> = used.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let unused: BTreeSet<i64> = domains.iter().copied().filter(|domain| !used.contains(domain)).collect();
    let mut name = connection.prepare("SELECT name FROM domain WHERE id = ?1")?;
    let mut names: HashSet<String> = HashSet::new();
    for domain in &unused {
        names.extend(name.query_map([domain], |row| row.get(0))?.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    if names.is_empty() {
        return Ok(());
    }
    let mut findings = connection.prepare("SELECT id, remote_domain_id, detail, evidence FROM finding")?;
    let mut findings = findings.query([])?;
    let (mut nameless, mut changed) = (Vec::new(), Vec::new());
    while let Some(row) = findings.next()? {
        let id: i64 = row.get(0)?;
        nameless.extend(row.get::<_, Option<i64>>(1)?.filter(|domain| unused.contains(domain)).map(|_| id));
        let (detail, evidence): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        let new_detail = detail.as_deref().map(|detail| without(&names, detail));
        let new_evidence = evidence.as_deref().map(|evidence| without_in_json(&names, evidence));
        if new_detail != detail || new_evidence != evidence {
            changed.push((id, new_detail, new_evidence));
        }
    }
    let mut change = connection.prepare("UPDATE finding SET detail = ?2, evidence = ?3 WHERE id = ?1")?;
    changed.into_iter().try_for_each(|row| change.execute(row).map(drop))?;
    let mut take = connection.prepare(
        "UPDATE finding SET remote_domain_id = NULL, remote_name_source = NULL, remote_name_inferred = 0 WHERE id = ?1",
    )?;
    nameless.into_iter().try_for_each(|id| take.execute([id]).map(drop))
}

/// The document, as it is when none of the names is in it. What is no JSON is text.
fn without_in_json(names: &HashSet<String>, document: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(document) else { return without(names, document) };
    if strip(names, &mut value) { value.to_string() } else { document.to_owned() }
}

/// Strings only: keys are no names. Whether there was a name.
fn strip(names: &HashSet<String>, value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            let rest = without(names, text);
            let is_other = rest != *text;
            *text = rest;
            is_other
        }
        Value::Array(values) => values.iter_mut().fold(false, |found, value| strip(names, value) | found),
        Value::Object(values) => values.values_mut().fold(false, |found, value| strip(names, value) | found),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The text with each name that is a word of it, and no part of another name, replaced. Names are in small letters.
fn without(names: &HashSet<String>, text: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some(start) = rest.find(is_of_name) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_of_name(c)).unwrap_or(from.len()));
        let name = word.trim_matches('.');
        kept.push_str(before);
        if names.contains(&name.to_ascii_lowercase()) {
            kept.push_str(&word.replacen(name, GONE, 1));
        } else {
            kept.push_str(word);
        }
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_where_it_is_a_word_and_nothing_else_does() {
        let names = HashSet::from(["example.org".to_owned(), "id".to_owned()]);
        for (text, expected) in [
            ("curl https://Example.ORG/x?y=example.org.", "curl https://***/x?y=***."),
            (
                "sub.example.org my-example.org example.organic example.org.uk",
                "sub.example.org my-example.org example.organic example.org.uk",
            ),
            ("an id, identity", "an ***, identity"),
            ("ä example.org ß", "ä *** ß"),
            ("", ""),
        ] {
            assert_eq!(without(&names, text), expected);
        }
        let json = r#"{"id":["id",{"x":"example.org"}],"n":1}"#;
        assert_eq!(without_in_json(&names, json), r#"{"id":["***",{"x":"***"}],"n":1}"#);
    }
}
