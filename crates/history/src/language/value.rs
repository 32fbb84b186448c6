//! What stands behind a field.

use std::net::IpAddr;

use portolan_core::{Country, Dimension, Domain, Protocol};

use super::{
    Condition, Field, Filter, Pattern, Problem, Wanted,
    amount::Comparison,
    fits,
    letters::{Letter, Span, text_of},
    problem::{nearest, said},
};

/// The condition that a field has this value, or compares with it so.
pub(super) fn condition(
    field: Field,
    comparison: Comparison,
    letters: &[Letter],
    span: Span,
) -> Result<Filter, Problem> {
    if field == Field::Text {
        return text(letters, span);
    }
    let is_compared = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if is_compared && field.largest().is_none() {
        let name = field.as_str();
        return Err(Problem::at(
            span,
            format!("{name} is no number to compare with; write {name}: before a value"),
        ));
    }
    let wanted = match letters {
        [] => return Err(missing(field, span)),
        [only] if !is_compared && (only.is('-') || only.is('?')) => Wanted::NotKnown,
        stars if !is_compared && stars.iter().all(|letter| letter.is('*')) => Wanted::Known,
        letters if field.largest().is_some() => number(field, comparison, letters, span)?,
        letters => wanted(field, letters, span)?,
    };
    Ok(Filter::Has(Condition { field, wanted }))
}

/// Text to be found anywhere; of stars only, everything.
pub(super) fn text(letters: &[Letter], span: Span) -> Result<Filter, Problem> {
    let Pattern { parts } = pattern(letters);
    if parts.iter().all(String::is_empty) {
        if letters.is_empty() {
            return Err(Problem::at(span, "nothing stands here to be found; * finds everything"));
        }
        return Ok(Filter::Every(Vec::new()));
    }
    let anywhere = Pattern::new([String::new()].into_iter().chain(parts).chain([String::new()]));
    Ok(Filter::Has(Condition { field: Field::Text, wanted: Wanted::Like(anywhere) }))
}

pub(super) fn missing(field: Field, span: Span) -> Problem {
    let name = field.as_str();
    let message = format!(
        "a value of {name} is missing; it stands directly behind the sign, and {name}:- is for what is not known"
    );
    Problem::at(span, message)
}

fn pattern(letters: &[Letter]) -> Pattern {
    Pattern::new(letters.split(|letter| letter.is('*')).map(text_of))
}

/// A value of a field whose values are no numbers.
fn wanted(field: Field, letters: &[Letter], span: Span) -> Result<Wanted, Problem> {
    let given = text_of(letters);
    let has_star = letters.iter().any(|letter| letter.is('*'));
    let wrong = |expected: &str| {
        Problem::at(span, format!("{} is no {}; expected {expected}", said(&given), field.as_str()))
    };
    match field {
        Field::Of(Dimension::Remote) | Field::Local => network(&given).ok_or_else(|| {
            let name = Domain::from_bytes(given.as_bytes()).filter(|_| field != Field::Local);
            let name = name.map(|name| format!("; a name is found with domain:{name}")).unwrap_or_default();
            wrong(&format!("an address such as 192.0.2.1 or 2001:db8::1, or a network such as 10.0.0.0/8{name}"))
        }),
        Field::Of(Dimension::Domain) => domain(&pattern(letters)).ok_or_else(|| {
            wrong("a name such as example.org, or *.example.org for all below it (international names as xn--…)")
        }),
        Field::Of(Dimension::RegistrableDomain) if !has_star => {
            let domain: Option<Domain> = given.parse().ok();
            domain.map(|domain| Wanted::Like(Pattern::new([domain.as_str()]))).ok_or_else(|| wrong("a name such as example.org"))
        }
        Field::Of(Dimension::Country) if !has_star && given.parse::<Country>().is_err() => {
            Err(wrong("two letters such as DE"))
        }
        Field::Sha256 => {
            let Pattern { mut parts } = pattern(letters);
            let is_digest = |parts: &[String]| parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let length: usize = parts.iter().map(String::len).sum();
            if !is_digest(&parts) || length > 64 {
                return Err(wrong("hexadecimal digits, as many as are known of 64"));
            }
            if parts.len() == 1 && length < 64 {
                parts.push(String::new());
            }
            Ok(Wanted::Like(Pattern::new(parts)))
        }
        _ => {
            let words = field.words();
            if words.is_empty() || has_star {
                return Ok(Wanted::Like(pattern(letters)));
            }
            word(field, &given, &words).map(|word| Wanted::Like(Pattern::new([word]))).ok_or_else(|| {
                wrong(&words.join(", ")).suggesting(nearest(&given, words.iter().copied()))
            })
        }
    }
}

/// One of the words of a field, as the history has it.
fn word(field: Field, given: &str, words: &[&'static str]) -> Option<String> {
    let lower = given.to_ascii_lowercase().replace('_', "-");
    match (field, lower.as_str()) {
        (Field::Of(Dimension::Direction), "in") => Some("inbound".to_owned()),
        (Field::Of(Dimension::Direction), "out") => Some("outbound".to_owned()),
        (Field::Of(Dimension::Protocol), other) => {
            let protocol = match other.parse().ok()? {
                // The numbers of those that have a name are those.
                Protocol::Ip(number) => Protocol::from_ip_number(u8::try_from(number).ok()?.into()),
                named => named,
            };
            Some(protocol.to_string())
        }
        (_, other) => words.iter().find(|word| **word == other).map(|word| (*word).to_owned()),
    }
}

fn domain(pattern: &Pattern) -> Option<Wanted> {
    match pattern.parts.as_slice() {
        [name] => name.parse().ok().map(|domain: Domain| Wanted::Like(Pattern::new([domain.as_str()]))),
        [first, name] if first.is_empty() && name.starts_with('.') => {
            name.get(1..)?.parse().ok().map(Wanted::Below)
        }
        _ => Some(Wanted::Like(pattern.clone())),
    }
}

/// An address, in brackets or not, with or without how many bits count.
fn network(given: &str) -> Option<Wanted> {
    let (address, bits) =
        given.split_once('/').map_or((given, None), |(address, bits)| (address, Some(bits)));
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr = bare.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let is_number = |bits: &str| bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u8 = bits.map_or(Some(width), |bits| bits.parse().ok().filter(|_| is_number(bits)))?;
    if bits > width {
        return None;
    }
    let (address, bits) = match (address.to_canonical(), bits.checked_sub(96)) {
        (IpAddr::V4(inner), Some(bits)) if address.is_ipv6() => (IpAddr::V4(inner), bits),
        _ => (address, bits),
    };
    Some(Wanted::Network { address: fits::network(address, bits), bits })
}

/// A number, or a range of them.
fn number(field: Field, comparison: Comparison, letters: &[Letter], span: Span) -> Result<Wanted, Problem> {
    let given = text_of(letters);
    let largest = field.largest().unwrap_or_default();
    let read = |text: &str| single(field, text).filter(|number| *number <= largest);
    let range = match given
        .split_once('-')
        .filter(|_| comparison == Comparison::Equal || comparison == Comparison::NotEqual)
    {
        Some((from, to)) => {
            let ends = read(from).zip(read(to)).ok_or_else(|| no_number(field, &given, span))?;
            if ends.0 > ends.1 {
                let problem = Problem::at(span, "a range begins with its smaller number");
                return Err(problem.suggesting(Some(format!("{}-{}", ends.1, ends.0))));
            }
            Some(ends.0..=ends.1)
        }
        None => {
            let number = read(&given).ok_or_else(|| no_number(field, &given, span))?;
            let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
            let range = comparison.range(unsigned(number), unsigned(largest));
            range.and_then(|range| {
                Some(i64::try_from(*range.start()).ok()?..=i64::try_from(*range.end()).ok()?)
            })
        }
    };
    range.map(Wanted::Number).ok_or_else(|| {
        Problem::at(span, format!("no {} is that; they go from 0 to {largest}", field.as_str()))
    })
}

fn single(field: Field, text: &str) -> Option<i64> {
    let digits = match field {
        Field::Of(Dimension::User) if text == "root" => "0",
        Field::Of(Dimension::Asn) => {
            text.get(..2).filter(|two| two.eq_ignore_ascii_case("as")).map_or(text, |_| &text[2..])
        }
        _ => text,
    };
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn no_number(field: Field, given: &str, span: Span) -> Problem {
    let expected = match field {
        Field::Of(Dimension::User) => {
            "a uid such as 1000 (`id -u NAME` tells it), a range such as 1000-1999, or root".to_owned()
        }
        Field::Of(Dimension::Asn) => "the number of a network such as AS64496".to_owned(),
        Field::Of(Dimension::Namespace) => {
            "the inode number of a network namespace (`lsns -t net` tells it)".to_owned()
        }
        _ if given.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
            "a number from 0 to 65535; a service is found by its name with service:https".to_owned()
        }
        _ => "a number from 0 to 65535 or a range such as 8000-8999".to_owned(),
    };
    Problem::at(span, format!("{} is no {}; expected {expected}", said(given), field.as_str()))
}
