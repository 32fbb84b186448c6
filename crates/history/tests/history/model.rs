//! What a question must be answered with, worked out record by record and without a database.

use std::collections::BTreeMap;

use portolan_core::{Bytes, Dimension, Endpoint, Executable, FileContent, Name, Only, Owner, Place, Wanted};
use portolan_history::{Group, Question, Record};

use crate::world::service;

type Keys = BTreeMap<String, String>;

/// The groups, in no order that matters.
pub(crate) fn answer(records: &[Record], question: &Question) -> BTreeMap<Keys, Group> {
    let mut groups: BTreeMap<Keys, Group> = BTreeMap::new();
    let mut sources = BTreeMap::new();
    for record in records.iter().filter(|record| counts(record, question)) {
        let keys = keys(record, &question.by);
        let group = groups.entry(keys.clone()).or_insert(Group {
            keys,
            bytes: Bytes::default(),
            flows: 0,
            first: Some(record.first),
            last: Some(record.last),
        });
        if let Some(Name { source, .. }) = &record.name {
            let surest = sources.entry(group.keys.clone()).or_insert(*source);
            *surest = (*surest).min(*source);
        }
        group.bytes += record.bytes;
        group.flows += record.flows_opened;
        group.first = group.first.min(Some(record.first));
        group.last = group.last.max(Some(record.last));
    }
    let sourced = |mut group: Group| {
        if group.keys.contains_key("domain") {
            let source = sources[&group.keys].as_str().to_owned();
            group.keys.insert("name_source".to_owned(), source);
        }
        (group.keys.clone(), group)
    };
    groups.into_values().map(sourced).collect()
}

fn counts(record: &Record, question: &Question) -> bool {
    let end = record.bucket_start.0 + i64::from(record.bucket_ms);
    question.viewer.is_none_or(|viewer| record.uid == viewer)
        && question.since.is_none_or(|since| end > since.0)
        && question.until.is_none_or(|until| record.bucket_start < until)
        && question.only.iter().all(|one| {
            let alternatives = question.only.iter().filter(|other| other.dimension() == one.dimension());
            alternatives.into_iter().any(|only| is_wanted(record, only))
        })
        && question.since.zip(question.until).is_none_or(|(since, until)| since < until)
}

fn is_wanted(record: &Record, only: &Only) -> bool {
    let keys = keys(record, &[only.dimension()]);
    let value = keys.get(only.dimension().as_str());
    match only.wanted() {
        Wanted::NotKnown => value.is_none(),
        Wanted::Text(text) => value == Some(text),
        Wanted::Number(number) => value == Some(&number.to_string()),
        Wanted::Address(address) => value == Some(&address.to_string()),
        Wanted::Below(domain) => {
            value.is_some_and(|value| value == domain.as_str() || value.ends_with(&format!(".{domain}")))
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
                let provenance = executable.as_ref().map(|_| ("provenance".to_owned(), "unknown".to_owned()));
                keys.extend(provenance);
                describe(&mut keys, executable, "path", "sha256")
            }
            Dimension::Script => {
                owner(&mut keys, record);
                let script = script(record);
                if let Some(sha256) = script.and_then(|script| script.sha256) {
                    keys.insert("script_sha256".to_owned(), sha256.to_string());
                }
                let path = script.map(|script| script.path.as_raw().to_owned());
                keys.extend(path.clone().map(|path| ("script_path".to_owned(), path)));
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
                keys.extend(inferred.then(|| ("inferred".to_owned(), "true".to_owned())));
                record.name.as_ref().map(|name| name.domain.to_string())
            }
            Dimension::RegistrableDomain => {
                let name = record.name.as_ref().filter(|name| name.registrable.is_some());
                let inferred = name.is_some_and(|name| name.is_inferred);
                keys.extend(inferred.then(|| ("inferred".to_owned(), "true".to_owned())));
                name.and_then(|name| name.registrable.as_ref()).map(ToString::to_string)
            }
            Dimension::Range => range(record.place.as_ref()),
            Dimension::Country => {
                let country = record.place.as_ref().and_then(|place| place.country);
                let instead = country.is_none().then(|| range(record.place.as_ref())).flatten();
                keys.extend(instead.map(|range| ("range".to_owned(), range)));
                country.map(|country| country.to_string())
            }
            Dimension::Asn => {
                let network = record.place.as_ref().and_then(|place| place.network.as_ref());
                let instead = network.is_none().then(|| range(record.place.as_ref())).flatten();
                keys.extend(instead.map(|range| ("range".to_owned(), range)));
                let named = network.and_then(|network| network.name.as_ref());
                keys.extend(named.map(|name| ("asn_name".to_owned(), name.to_string())));
                network.map(|network| network.asn.to_string())
            }
            Dimension::Service => {
                let assumed = record.service_port.map(|port| {
                    let named = service(record.protocol, port).map(str::to_owned);
                    named.unwrap_or_else(|| format!("{}/{port}", record.protocol))
                });
                let told = record.recognised.map(|protocol| protocol.as_str().to_owned());
                let (is_told, word) = (told.is_some(), told.or(assumed));
                keys.extend(word.as_ref().map(|_| ("recognised".to_owned(), is_told.to_string())));
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
            Dimension::Namespace => Some(record.network_namespace.to_string()),
            Dimension::Time => Some(record.bucket_start.0.to_string()),
        };
        keys.extend(value.map(|value| (word.to_owned(), value)));
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
        Owner::Kernel => keys.insert("kernel".to_owned(), "kernel".to_owned()),
        Owner::Unattributed(reason) => keys.insert("unattributed".to_owned(), reason.to_string()),
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

fn describe(keys: &mut Keys, executable: Option<Executable>, path: &str, sha256: &str) -> Option<String> {
    let executable = executable?;
    let raw = executable.path.as_raw().to_owned();
    keys.insert(path.to_owned(), raw.clone());
    keys.insert(sha256.to_owned(), executable.sha256.to_string());
    Some(raw)
}
