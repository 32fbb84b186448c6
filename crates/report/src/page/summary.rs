//! What happened, in a few plain sentences.

use std::collections::BTreeMap;

use portolan_bus::{FindingState, QueryResult};
use portolan_core::{Dimension, FindingKind};

use super::{Report, rows::application};
use crate::{
    bars::{Ranked, Row},
    look::Look,
    map::Atlas,
    text::isolated,
};

/// Kinds of findings that say that something of the record may be missing or wrong.
const OF_THE_RECORD: [FindingKind; 5] = [
    FindingKind::LostEvents,
    FindingKind::SelfTestFailed,
    FindingKind::UnbalancedLedger,
    FindingKind::HistoryDamaged,
    FindingKind::HistoryNotWritten,
];

pub(super) fn sentences(report: &Report<'_>, look: &Look) -> Vec<String> {
    let applications = Ranked::new(look, report.applications, Dimension::Application, usize::MAX);
    if applications.total() == 0 {
        return vec![
            look.say("Nothing was recorded in this time.", "No se registró nada en este tiempo.").to_owned(),
        ];
    }
    let mut said = vec![moved(report, look, &applications), most(look, &applications)];
    said.extend(destinations(report, look));
    said.push(countries(report, look));
    said.extend(report.before.map(|before| compared(report, look, before)));
    said.push(new(report, look));
    said.push(found(report, look));
    said.push(attributed(report, look));
    said.push(losses(report, look));
    said
}

fn moved(report: &Report<'_>, look: &Look, ranked: &Ranked) -> String {
    let (rx, tx) = (look.bytes(ranked.rx), look.bytes(ranked.tx));
    let named =
        report.applications.groups.rows().iter().filter(|row| row.keys.contains_key("application")).count();
    let named = look.count(u64::try_from(named).unwrap_or(u64::MAX));
    let flows = look.count(report.applications.total.flows);
    let period = report.period(look);
    look.say(
        format!("{named} applications received {rx} and sent {tx} in {flows} flows ({period})."),
        format!("{named} aplicaciones recibieron {rx} y enviaron {tx} en {flows} flujos ({period})."),
    )
}

/// The three largest of a list, each with its share.
fn largest(look: &Look, rows: &[Row], total: u64) -> String {
    let words = |row: &Row| {
        format!("{} ({}, {})", isolated(&row.name), look.bytes(row.total()), look.percent(row.total(), total))
    };
    look.language.listed(&rows.iter().take(3).map(words).collect::<Vec<_>>())
}

fn most(look: &Look, ranked: &Ranked) -> String {
    let largest = largest(look, &ranked.rows, ranked.total());
    look.say(format!("Most was moved by {largest}."), format!("Lo que más movió: {largest}."))
}

fn destinations(report: &Report<'_>, look: &Look) -> Option<String> {
    let rows: Vec<Row> =
        Ranked::new(look, report.destinations, Dimension::RegistrableDomain, usize::MAX).rows;
    let named: std::collections::BTreeSet<String> = report
        .destinations
        .groups
        .rows()
        .iter()
        .filter(|row| row.keys.contains_key("registrable_domain"))
        .map(|row| crate::naming::name(look, Dimension::RegistrableDomain, &row.keys))
        .collect();
    let rows: Vec<Row> = rows.into_iter().filter(|row| named.contains(&row.name)).collect();
    let total = report.destinations.total;
    let largest = largest(look, &rows, total.rx_bytes.saturating_add(total.tx_bytes));
    (!rows.is_empty()).then(|| {
        look.say(
            format!("The destinations with most of it were {largest}."),
            format!("Los destinos con más fueron {largest}."),
        )
    })
}

fn countries(report: &Report<'_>, look: &Look) -> String {
    let atlas = Atlas::new(look, report.countries);
    let (countries, elsewhere) =
        (largest(look, atlas.countries(), atlas.total()), largest(look, atlas.elsewhere(), atlas.total()));
    match (countries.is_empty(), elsewhere.is_empty()) {
        (true, _) => look.say(
            format!("No country is known: {elsewhere}."),
            format!("No se conoce ningún país: {elsewhere}."),
        ),
        (_, true) => look.say(format!("By country: {countries}."), format!("Por país: {countries}.")),
        _ => look.say(
            format!("By country: {countries}; without a country: {elsewhere}."),
            format!("Por país: {countries}; sin país: {elsewhere}."),
        ),
    }
}

/// How much more or less than before, and which application changed most.
fn compared(report: &Report<'_>, look: &Look, before: &QueryResult) -> String {
    let sums = |answer: &QueryResult| -> BTreeMap<String, u64> {
        let rows = answer.groups.rows().into_iter();
        rows.filter_map(|row| {
            let bytes = row.tx_bytes.saturating_add(row.rx_bytes);
            Some((row.keys.get("application")?.clone(), bytes))
        })
        .collect()
    };
    let total = |answer: &QueryResult| answer.total.tx_bytes.saturating_add(answer.total.rx_bytes);
    let (now, then) = (total(report.applications), total(before));
    if then == 0 {
        return look
            .say(
                "Nothing was recorded in the time before, to compare with.",
                "No hay registro del tiempo anterior con que comparar.",
            )
            .to_owned();
    }
    let (all, earlier) = (sums(report.applications), sums(before));
    let grown = all
        .iter()
        .map(|(key, bytes)| (bytes.saturating_sub(earlier.get(key).copied().unwrap_or(0)), key))
        .max();
    let grown = grown.filter(|(bytes, _)| *bytes > 0).map(|(bytes, key)| {
        let (name, bytes) = (isolated(&application(key)), look.bytes(bytes));
        look.say(
            format!("; {name} grew most, by {bytes}"),
            format!("; la que más creció fue {name}, en {bytes}"),
        )
    });
    let is_more = now >= then;
    let (difference, then) = (look.bytes(now.abs_diff(then)), look.bytes(then));
    let more = look.say(["less", "more"], ["menos", "más"])[usize::from(is_more)];
    let grown = grown.unwrap_or_default();
    look.say(
        format!("That is {difference} {more} than the {then} of the time before{grown}."),
        format!("Son {difference} {more} que los {then} del tiempo anterior{grown}."),
    )
}

fn new(report: &Report<'_>, look: &Look) -> String {
    let new = report.new_ones();
    let count = look.count(u64::try_from(new.len()).unwrap_or(u64::MAX));
    let mut names: Vec<String> =
        new.iter().take(4).map(|one| isolated(&application(&one.application))).collect();
    if new.len() > names.len() {
        names.push(look.say("others", "otras").to_owned());
    }
    let names = look.language.listed(&names);
    match new.len() {
        0 => look.say("No application was new.", "Ninguna aplicación fue nueva.").to_owned(),
        1 => look.say(
            format!("One application talked for the first time: {names}."),
            format!("Una aplicación habló por primera vez: {names}."),
        ),
        _ => look.say(
            format!("{count} applications talked for the first time: {names}."),
            format!("{count} aplicaciones hablaron por primera vez: {names}."),
        ),
    }
}

fn found(report: &Report<'_>, look: &Look) -> String {
    let found = report.found();
    let number = |state: FindingState| found.iter().filter(|finding| finding.state == state).count();
    let count = |count: usize| look.count(u64::try_from(count).unwrap_or(u64::MAX));
    let kinds = [FindingKind::ChangedExecutable, FindingKind::ChangedFile, FindingKind::ForeignCode];
    let serious =
        found.iter().filter(|finding| finding.kind.parse().is_ok_and(|kind| kinds.contains(&kind))).count();
    let (all, serious) = (count(found.len()), count(serious));
    let [open, approved, ignored] =
        [FindingState::Open, FindingState::Approved, FindingState::Ignored].map(|state| count(number(state)));
    match found.len() {
        0 => look.say("Nothing was found that wants an answer.", "No se encontró nada que pida respuesta.").to_owned(),
        _ => look.say(
            format!(
                "Findings: {all}, {serious} of them changed programs or foreign code. Approved: {approved}; ignored or dismissed: \
                 {ignored}; still waiting: {open}."
            ),
            format!(
                "Hallazgos: {all}, de ellos {serious} de programas cambiados o código ajeno. Aprobados: {approved}; ignorados o \
                 descartados: {ignored}; pendientes: {open}."
            ),
        ),
    }
}

/// How many of the bytes have an owner.
fn attributed(report: &Report<'_>, look: &Look) -> String {
    let (mut kernel, mut nobody) = (0_u64, 0_u64);
    for row in report.applications.groups.rows() {
        let bytes = row.tx_bytes.saturating_add(row.rx_bytes);
        match row.keys {
            keys if keys.contains_key("application") => {}
            keys if keys.contains_key("kernel") => kernel = kernel.saturating_add(bytes),
            _ => nobody = nobody.saturating_add(bytes),
        }
    }
    let sum = report.applications.total;
    let total = sum.tx_bytes.saturating_add(sum.rx_bytes);
    let owned = look.percent(total.saturating_sub(nobody), total);
    let (kernel, nobody) = (look.bytes(kernel), look.bytes(nobody));
    look.say(
        format!("{owned} of the bytes have a known owner; {kernel} are the kernel's own, of {nobody} the owner is not known."),
        format!("El {owned} de los bytes tiene dueño conocido; {kernel} son del propio núcleo y de {nobody} no se sabe el dueño."),
    )
}

fn losses(report: &Report<'_>, look: &Look) -> String {
    let of_the_record = report
        .found()
        .iter()
        .filter(|finding| finding.kind.parse().is_ok_and(|kind| OF_THE_RECORD.contains(&kind)))
        .count();
    let lost: u64 = report
        .status
        .map(|status| status.losses.values().fold(0_u64, |sum, lost| sum.saturating_add(*lost)))
        .unwrap_or_default();
    let since = report.status.map(|status| look.moment(status.started_unix_ms));
    let now = since.map(|since| {
        let lost = look.count(lost);
        look.say(
            format!(" Since it started ({since}) the recorder lost {lost} events."),
            format!(" Desde que arrancó ({since}), el registrador perdió {lost} eventos."),
        )
    });
    let count = look.count(u64::try_from(of_the_record).unwrap_or(u64::MAX));
    let found = match of_the_record {
        0 => look.say(
            "No loss was found in this time.".to_owned(),
            "No se halló ninguna pérdida en este tiempo.".to_owned(),
        ),
        _ => look.say(
            format!("Losses or faults of the record that were found: {count}; the table below tells them."),
            format!("Pérdidas o fallos del registro que se hallaron: {count}; están en la tabla de abajo."),
        ),
    };
    found + &now.unwrap_or_default()
}
