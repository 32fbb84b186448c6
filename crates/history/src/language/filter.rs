use std::borrow::Cow;

use super::{Filter, Pattern};

impl Filter {
    /// All of these, in its shortest form.
    #[must_use]
    pub fn every(filters: Vec<Self>) -> Self {
        let mut all = Vec::with_capacity(filters.len());
        for filter in filters {
            match filter {
                Self::Every(inner) => all.extend(inner),
                other => all.push(other),
            }
        }
        one_or(all, Self::Every)
    }

    /// One of these, in its shortest form.
    #[must_use]
    pub fn any(filters: Vec<Self>) -> Self {
        let mut all = Vec::with_capacity(filters.len());
        for filter in filters {
            match filter {
                Self::Any(inner) => all.extend(inner),
                other => all.push(other),
            }
        }
        one_or(all, Self::Any)
    }

    /// All but this, in its shortest form.
    #[must_use]
    pub fn but(filter: Self) -> Self {
        match filter {
            Self::Not(inner) => *inner,
            Self::Every(inner) if inner.is_empty() => Self::Any(inner),
            Self::Any(inner) if inner.is_empty() => Self::Every(inner),
            other => Self::Not(Box::new(other)),
        }
    }
}

fn one_or(mut filters: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match (filters.pop(), filters.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            filters.extend(last);
            several(filters)
        }
    }
}

impl Pattern {
    /// What has these parts with anything between them.
    #[must_use]
    pub fn new<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut parts: Vec<String> =
            parts.into_iter().map(|part| lower(part.as_ref()).into_owned()).collect();
        let last = parts.len().saturating_sub(1);
        let mut at = 0;
        parts.retain(|part| {
            at += 1;
            !part.is_empty() || at == 1 || at == last + 1
        });
        Self { parts }
    }

    /// Whether this is the text, in whatever case. Linear in both.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let text = lower(text);
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else {
            return false;
        };
        if self.parts.len() == 1 {
            return text == first.as_str();
        }
        let Some(mut rest) =
            text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
        else {
            return false;
        };
        self.parts[1..self.parts.len() - 1].iter().all(|part| {
            let found = rest.find(part.as_str());
            rest = found.map_or("", |at| &rest[at + part.len()..]);
            found.is_some()
        })
    }
}

/// Each character for itself: whether two texts are the same does not depend on what stands around.
pub(crate) fn lower(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        text.chars().flat_map(char::to_lowercase).collect::<String>().into()
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}
