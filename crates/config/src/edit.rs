//! One key set in a file.

use toml_edit::{Array, DocumentMut, Item, Table, Value};

use crate::{Key, keys::Form};

/// The file beside others that `portolan config set` writes to.
pub const SET_FILE: &str = "50-set.toml";

/// The first lines of that file.
const HEAD: &str = "# What `portolan config set` was told. It may be edited by hand, too. What a file says whose name sorts after this one's \
                    counts instead.\n\n";

/// Bytes of a value on the command line.
const VALUE_MAX: usize = 16_384;

/// The text of a file with a key set to a value as a person types it, or without the key for `None`. All else in it stays as it is.
/// The value is not judged: read the result.
///
/// # Errors
/// A sentence: the file is not TOML, or the text is no value at all.
pub fn edited(file: &str, key: &Key, value: Option<&str>) -> Result<String, String> {
    let mut document: DocumentMut =
        file.parse().map_err(|error: toml_edit::TomlError| error.message().trim().to_owned())?;
    // Comments of an empty document are behind all that comes into it.
    let head = match file {
        "" => HEAD,
        comments if document.is_empty() => {
            document = DocumentMut::new();
            comments
        }
        _ => "",
    };
    let section = document.entry(key.section()).or_insert_with(|| Item::Table(Table::new()));
    let table =
        section.as_table_like_mut().ok_or_else(|| format!("{} is no section there", key.section()))?;
    match value {
        None => drop(table.remove(key.word())),
        Some(text) => {
            let mut value = typed(key.form, text)?;
            match table.get_mut(key.word()).and_then(Item::as_value_mut) {
                Some(known) => {
                    *value.decor_mut() = known.decor().clone();
                    *known = value;
                }
                None => drop(table.insert(key.word(), Item::Value(value))),
            }
        }
    }
    if table.is_empty() {
        // Its comments go with it.
        document.remove(key.section());
    }
    Ok(format!("{head}{document}"))
}

/// What a person typed, as TOML.
fn typed(form: Form, text: &str) -> Result<Value, String> {
    if text.len() > VALUE_MAX {
        return Err(format!("a value of {} bytes is too long, {VALUE_MAX} are the most", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err("there is a control character in the value, such as a newline".to_owned());
    }
    let text = text.trim();
    let in_toml = || text.parse::<Value>().map_err(|error| error.to_string().replace('\n', " "));
    match form {
        Form::Switch => match text {
            "on" | "yes" | "true" => Ok(true.into()),
            "off" | "no" | "false" => Ok(false.into()),
            _ => Err(format!("{text:?} is neither on nor off")),
        },
        Form::List | Form::TextOrList if text.starts_with('[') => in_toml(),
        Form::List if text.starts_with('{') => Ok(Value::Array(Array::from_iter([in_toml()?]))),
        Form::List => {
            let one = text.parse::<i64>().map_or_else(|_| unquoted(text), Value::from);
            Ok(Value::Array(Array::from_iter([one])))
        }
        Form::Number => text.parse::<i64>().map(Value::from).map_err(|_| format!("{text:?} is no number")),
        Form::Text | Form::TextOrList => Ok(unquoted(text)),
    }
}

/// Quotes around it are a habit, and not meant.
fn unquoted(text: &str) -> Value {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text).into()
}
