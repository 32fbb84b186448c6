//! Names of countries and where small ones are: `data/countries.tsv`, from CLDR and Natural Earth (`data/README.md`).

use std::{collections::BTreeMap, sync::LazyLock};

use crate::{look::Look, text::harmless};

const TABLE: &str = include_str!("../data/countries.tsv");

/// What is known of a country.
#[derive(Debug)]
pub(crate) struct Country {
    /// What its shape is called; `None` for those that the map is too small for.
    pub(crate) shape: Option<&'static str>,
    /// Degrees east and north of a country without a shape.
    pub(crate) at: Option<(f64, f64)>,
    english: &'static str,
    spanish: &'static str,
}

static COUNTRIES: LazyLock<BTreeMap<&'static str, Country>> =
    LazyLock::new(|| TABLE.lines().skip(1).filter_map(country).collect());

fn country(line: &'static str) -> Option<(&'static str, Country)> {
    let [code, shape, east, north, english, spanish] =
        line.split('\t').collect::<Vec<_>>().try_into().ok()?;
    let shape = Some(shape).filter(|shape| !shape.is_empty());
    let at = east.parse().ok().zip(north.parse().ok());
    Some((code, Country { shape, at, english, spanish }))
}

/// The country of a code of two letters; `None` for codes that databases make up (`EU`, `A1`).
pub(crate) fn of(code: &str) -> Option<&'static Country> {
    COUNTRIES.get(code)
}

/// The name of a country, or its code where that is all there is. Harmless text.
pub(crate) fn name(look: &Look, code: &str) -> String {
    match of(code) {
        Some(country) => look.say(country.english, country.spanish).to_owned(),
        None => harmless(code),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::{look::Language, world};

    #[test]
    fn every_country_has_names_and_a_place_on_the_map() {
        assert_eq!(COUNTRIES.len(), 250);
        for (code, country) in COUNTRIES.iter() {
            assert!(!country.english.is_empty() && !country.spanish.is_empty(), "{code}");
            assert!(country.shape.is_some() != country.at.is_some(), "{code}");
            if let Some(shape) = country.shape {
                assert!(world::SHAPES.iter().any(|known| known.name == shape), "{code} {shape}");
            }
        }
        let look = Look::new(Language::Spanish, TimeZone::UTC);
        assert_eq!((name(&look, "DE"), name(&look, "A1")), ("Alemania".to_owned(), "A1".to_owned()));
    }
}
