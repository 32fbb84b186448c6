//! What a question must be answered with, worked out record by record and without a database.

use std::{collections::BTreeMap, net::IpAddr};

use portolan_core::{
    Dimension::{self, LocalPort, RemotePort, Time},
    Endpoint, Executable, FileContent, Name, Owner, Place, UnixMillis,
};
use portolan_history::{
    Group, Keys, Question, Record, Sum,
    language::{Condition, Field, Filter, Pattern, Wanted},
};

use crate::world::service;

/// The groups, in no order that matters.
pub(crate) fn answer(records: &[Record], question: &Question) -> BTreeMap<Keys, Group> {
    let mut groups: BTreeMap<Keys, Group> = BTreeMap::new();
    let mut sources = BTreeMap::new();
    for record in records.iter().filter(|record| counts(record, question)) {
        let keys = keys(record, &question.by);
        let (first, last) = times(records, record, question);
        let sum = Sum { first: Some(first), last: Some(last), ..Sum::default() };
        let group = groups.entry(keys.clone()).or_insert(Group { keys, sum });
        if let Some(Name { source, .. }) = &record.name {
            let surest = sources.entry(group.keys.clone()).or_insert(*source);
            *surest = (*surest).min(*source);
        }
        group.sum.bytes += record.bytes;
        group.sum.flows = group.sum.flows.saturating_add(record.flows_opened);
        group.sum.first = group.sum.first.min(Some(first));
        group.sum.last = group.sum.last.max(Some(last));
    }
    let sourced = |mut group: Group| {
        if group.keys.contains_key("domain") {
            let source = sources[&group.keys].as_str().to_owned();
            group.keys.insert("name_source", source);
        }
        (group.keys.clone(), group)
    };
    groups.into_values().map(sourced).collect()
}

/// When a record's bytes moved, as exactly as is told: to the minute, where that is over and lies in the range as a whole and nobody
/// asks for what is finer.
fn times(records: &[Record], record: &Record, question: &Question) -> (UnixMillis, UnixMillis) {
    const MINUTE: i64 = 60_000;
    let minute = |time: i64| time - time.rem_euclid(MINUTE);
    let newest = records.iter().map(|record| record.bucket_start.0).max().unwrap();
    let start = minute(record.bucket_start.0);
    let end = start + MINUTE;
    let asks_finer =
        |field: &Field| matches!(field, Field::Of(LocalPort | RemotePort) | Field::AnyPort | Field::Local);
    let is_exact = question.by.iter().any(|by| matches!(by, LocalPort | RemotePort | Time))
        || fields(&question.query.filter).iter().any(asks_finer)
        || end > minute(newest)
        || question.query.since.is_some_and(|since| since.0 > start)
        || question.query.until.is_some_and(|until| until.0 < end);
    if is_exact { (record.first, record.last) } else { (UnixMillis(start), UnixMillis(end - 1)) }
}

fn fields(filter: &Filter) -> Vec<Field> {
    match filter {
        Filter::Every(filters) | Filter::Any(filters) => filters.iter().flat_map(fields).collect(),
        Filter::Not(filter) => fields(filter),
        Filter::Has(condition) => vec![condition.field],
    }
}

fn counts(record: &Record, question: &Question) -> bool {
    question.viewer.is_none_or(|viewer| record.uid == viewer)
        && question.query.since.is_none_or(|since| record.bucket_start >= since)
        && question.query.until.is_none_or(|until| record.bucket_start < until)
        && fits(record, &question.query.filter)
}

fn fits(record: &Record, filter: &Filter) -> bool {
    match filter {
        Filter::Every(filters) => filters.iter().all(|filter| fits(record, filter)),
        Filter::Any(filters) => filters.iter().any(|filter| fits(record, filter)),
        Filter::Not(filter) => !fits(record, filter),
        Filter::Has(Condition { field, wanted }) => {
            let values = values(record, *field);
            let is_wanted = |value: &String| match wanted {
                Wanted::NotKnown => false,
                Wanted::Known => true,
                Wanted::Like(pattern) => {
                    is_like(pattern, &lower(value))
                        || field.names_in(value).iter().any(|name| is_like(pattern, &lower(name)))
                }
                Wanted::Number(range) => range.contains(&value.parse().unwrap()),
                Wanted::Network { address, bits } => {
                    let (value, bits) = (value.parse::<IpAddr>().unwrap(), u32::from(*bits));
                    match (value, address) {
                        (IpAddr::V4(one), IpAddr::V4(other)) => {
                            bits == 0 || (one.to_bits() ^ other.to_bits()) >> (32 - bits) == 0
                        }
                        (IpAddr::V6(one), IpAddr::V6(other)) => {
                            bits == 0 || (one.to_bits() ^ other.to_bits()) >> (128 - bits) == 0
                        }
                        _ => false,
                    }
                }
                Wanted::Below(domain) => value == domain.as_str() || value.ends_with(&format!(".{domain}")),
                Wanted::Exactly(text) => text == value,
            };
            // Why nobody is known is no owner, but can be asked for.
            let reasons = match (&record.owner, field, wanted) {
                (Owner::Unattributed(reason), Field::Owner, Wanted::Like(_)) => {
                    vec!["unattributed".to_owned(), reason.to_string()]
                }
                _ => Vec::new(),
            };
            if *wanted == Wanted::NotKnown {
                values.is_empty()
            } else {
                values.iter().chain(&reasons).any(is_wanted)
            }
        }
    }
}

/// Each character as its small ones, whatever stands beside it.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether the text, in lower case, is the pattern: by trying what each star may stand for.
fn is_like(pattern: &Pattern, text: &str) -> bool {
    fn from(parts: &[String], text: &str) -> bool {
        let [first, rest @ ..] = parts else { return text.is_empty() };
        let Some(after) = text.strip_prefix(first.as_str()) else { return false };
        if rest.is_empty() {
            return after.is_empty();
        }
        let ends = after.char_indices().map(|(at, _)| at).chain([after.len()]);
        ends.into_iter().any(|at| from(rest, &after[at..]))
    }
    from(&pattern.parts, text)
}

/// What a record has of a field.
pub(crate) fn values(record: &Record, field: Field) -> Vec<String> {
    let of = |dimension: Dimension| keys(record, &[dimension]).remove(dimension.as_str());
    let lineage = match &record.owner {
        Owner::Program { lineage, .. } => Some(lineage),
        _ => None,
    };
    match field {
        Field::Of(dimension) => of(dimension).into_iter().collect(),
        Field::Sha256 => {
            let executable = lineage.map(|lineage| lineage.executable.sha256.to_string());
            executable
                .into_iter()
                .chain(script(record).and_then(|script| script.sha256).map(|hash| hash.to_string()))
                .collect()
        }
        Field::Ancestor => {
            let parents = std::iter::successors(lineage.and_then(|lineage| lineage.parent.as_ref()), |up| {
                up.parent.as_ref()
            });
            parents.map(|parent| parent.executable.path.as_raw().to_owned()).collect()
        }
        Field::State => lineage.map(|_| "unreviewed".to_owned()).into_iter().collect(),
        Field::Owner => match &record.owner {
            Owner::Program { .. } => vec!["program".to_owned()],
            Owner::Kernel => vec!["kernel".to_owned()],
            Owner::Unattributed(_) => Vec::new(),
        },
        Field::Local => record.local.map(|local| local.address.to_string()).into_iter().collect(),
        Field::AnyPort => [Dimension::LocalPort, Dimension::RemotePort].into_iter().filter_map(of).collect(),
        Field::Text => {
            use Dimension::{
                Application, Asn, Command, Container, Country, Domain, Executable, Remote, Script, Unit,
            };
            let application = of(Application).map(|key| {
                let names = Application.names_in(&key).into_iter().map(std::borrow::Cow::into_owned);
                names.chain([key.clone()]).collect::<Vec<_>>()
            });
            let network = keys(record, &[Asn]).remove("asn_name");
            let others = [Executable, Script, Command, Unit, Container, Domain, Country, Remote];
            let others = others.into_iter().filter_map(of);
            application.unwrap_or_default().into_iter().chain(others).chain(network).collect()
        }
    }
}

fn keys(record: &Record, by: &[Dimension]) -> Keys {
    let mut keys = Keys::new();
    for dimension in by {
        let word = dimension.as_str();
        let port =
            |side: Option<Endpoint>| side.filter(|side| side.port != 0).map(|side| side.port.to_string());
        let value = match dimension {
            Dimension::Application => owner(&mut keys, record).map(|(_, _, application)| application),
            Dimension::Executable => {
                let executable = owner(&mut keys, record).map(|(executable, ..)| executable);
                // As `world` has it: nobody looked. By a package: see `provenance`.
                let provenance = executable.as_ref().map(|_| ("provenance", "unknown".to_owned()));
                keys.extend(provenance);
                describe(&mut keys, executable, "path", "sha256")
            }
            Dimension::Script => {
                owner(&mut keys, record);
                let script = script(record);
                if let Some(sha256) = script.and_then(|script| script.sha256) {
                    keys.insert("script_sha256", sha256.to_string());
                }
                let path = script.map(|script| script.path.as_raw().to_owned());
                keys.extend(path.clone().map(|path| ("script_path", path)));
                path
            }
            Dimension::Parent => {
                let parent = owner(&mut keys, record).and_then(|(_, parent, _)| parent);
                describe(&mut keys, parent, "parent_path", "parent_sha256")
            }
            Dimension::User => Some(record.uid.0.to_string()),
            Dimension::Protocol => Some(record.protocol.to_string()),
            Dimension::Direction => Some(record.direction.as_str().to_owned()),
            Dimension::Remote => record.remote.map(|remote| remote.address.to_string()),
            Dimension::Domain => {
                let inferred = record.name.as_ref().is_some_and(|name| name.is_inferred);
                keys.extend(inferred.then(|| ("inferred", "true".to_owned())));
                record.name.as_ref().map(|name| name.domain.to_string())
            }
            Dimension::RegistrableDomain => {
                let name = record.name.as_ref().filter(|name| name.registrable.is_some());
                let inferred = name.is_some_and(|name| name.is_inferred);
                keys.extend(inferred.then(|| ("inferred", "true".to_owned())));
                name.and_then(|name| name.registrable.as_ref()).map(ToString::to_string)
            }
            Dimension::Range => range(record.place.as_ref()),
            Dimension::Country => {
                let country = record.place.as_ref().and_then(|place| place.country);
                let instead = country.is_none().then(|| range(record.place.as_ref())).flatten();
                keys.extend(instead.map(|range| ("range", range)));
                country.map(|country| country.to_string())
            }
            Dimension::Asn => {
                let network = record.place.as_ref().and_then(|place| place.network.as_ref());
                let instead = network.is_none().then(|| range(record.place.as_ref())).flatten();
                keys.extend(instead.map(|range| ("range", range)));
                let named = network.and_then(|network| network.name.as_ref());
                keys.extend(named.map(|name| ("asn_name", name.to_string())));
                network.map(|network| network.asn.to_string())
            }
            Dimension::Service => {
                let assumed = record.service_port.map(|port| {
                    let named = service(record.protocol, port).map(str::to_owned);
                    named.unwrap_or_else(|| format!("{}/{port}", record.protocol))
                });
                let told = record.recognised.map(|protocol| protocol.as_str().to_owned());
                let (is_told, word) = (told.is_some(), told.or(assumed));
                keys.extend(word.as_ref().map(|_| ("recognised", is_told.to_string())));
                word
            }
            Dimension::Port => record.service_port.map(|port| port.to_string()),
            Dimension::RemotePort => port(record.remote),
            Dimension::LocalPort => port(record.local),
            Dimension::Command => record.command_line.as_ref().map(|line| line.as_raw().to_owned()),
            Dimension::Unit => record.placement.unit.as_ref().map(|unit| unit.to_text().as_raw().to_owned()),
            Dimension::Container => {
                record.placement.container.as_ref().map(|container| container.to_text().as_raw().to_owned())
            }
            Dimension::Namespace => {
                Some(record.network_namespace).filter(|number| *number > 0).map(|number| number.to_string())
            }
            Dimension::Time => Some(record.bucket_start.0.to_string()),
        };
        keys.extend(value.map(|value| (word, value)));
    }
    keys
}

/// Executable, parent and application of a program; says why in `keys` when the owner is none.
fn owner(keys: &mut Keys, record: &Record) -> Option<(Executable, Option<Executable>, String)> {
    match &record.owner {
        Owner::Program { lineage, application, .. } => {
            let parent = lineage.parent.as_ref().map(|parent| parent.executable.clone());
            let application = application.as_untrusted().as_raw().to_owned();
            return Some((lineage.executable.clone(), parent, application));
        }
        Owner::Kernel => keys.insert("kernel", "kernel".to_owned()),
        Owner::Unattributed(reason) => keys.insert("unattributed", reason.to_string()),
    };
    None
}

fn range(place: Option<&Place>) -> Option<String> {
    place.map(|place| place.range.as_str().to_owned())
}

fn script(record: &Record) -> Option<&FileContent> {
    match &record.owner {
        Owner::Program { lineage, .. } => lineage.script.as_ref(),
        _ => None,
    }
}

fn describe(
    keys: &mut Keys,
    executable: Option<Executable>,
    path: &'static str,
    sha256: &'static str,
) -> Option<String> {
    let executable = executable?;
    let raw = executable.path.as_raw().to_owned();
    keys.insert(path, raw.clone());
    keys.insert(sha256, executable.sha256.to_string());
    Some(raw)
}
