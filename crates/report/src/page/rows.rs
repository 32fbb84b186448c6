//! The tables of what is new, what changed and what was found.

use portolan_bus::{Application, Finding, FindingState, Severity};
use portolan_core::{ApplicationKey, Evidence, FindingKind};

use super::{Report, html::Table};
use crate::look::Look;

/// As many applications, and as many findings, as are told one by one.
const TOLD: usize = 60;

impl<'a> Report<'a> {
    /// Those that talked first in the range, the first one first.
    pub(super) fn new_ones(&self) -> Vec<&'a Application> {
        let range = self.since_ms..self.until_ms;
        let mut new: Vec<_> = self.known.iter().filter(|one| range.contains(&one.first_unix_ms)).collect();
        new.sort_by_key(|one| one.first_unix_ms);
        new
    }

    /// The findings of the range, the loud ones first, then the newest.
    pub(super) fn found(&self) -> Vec<&'a Finding> {
        let range = self.since_ms..self.until_ms;
        let mut found: Vec<_> =
            self.findings.iter().filter(|finding| range.contains(&finding.unix_ms)).collect();
        found
            .sort_by_key(|finding| (std::cmp::Reverse(finding.severity), std::cmp::Reverse(finding.unix_ms)));
        found
    }
}

pub(super) fn new_applications(report: &Report<'_>, look: &Look) -> Table {
    let new = report.new_ones();
    let caption =
        look.say("Applications that talked for the first time", "Aplicaciones que hablaron por primera vez");
    let caption = told(look, caption, new.len());
    let columns = look.say(
        ["application", "executable", "from", "first", "answer"],
        ["aplicación", "ejecutable", "origen", "primera vez", "respuesta"],
    );
    let empty = look.say("No application was new.", "Ninguna aplicación fue nueva.");
    let mut table = Table::new(&caption, &columns).of_words(empty);
    for one in new.into_iter().take(TOLD) {
        let origin = one.provenance.as_ref().map(|it| match (&it.package_name, &it.package_version) {
            (Some(name), Some(version)) => format!("{name} {version}"),
            _ => state_of_file(look, &it.state).to_owned(),
        });
        let origin = origin.unwrap_or_else(|| "–".to_owned());
        let review = match one.review.as_str() {
            "approved" => look.say("approved", "aprobada"),
            "ignored" => look.say("ignored", "ignorada"),
            _ => look.say("none yet", "aún ninguna"),
        };
        table.row(
            &application(&one.application),
            &[one.path.clone(), origin, look.moment(one.first_unix_ms), review.to_owned()],
        );
    }
    table
}

pub(super) fn findings(report: &Report<'_>, look: &Look) -> Table {
    let found = report.found();
    let caption = told(look, look.say("What was found", "Lo que se encontró"), found.len());
    let columns = look.say(
        ["finding", "about", "when", "weight", "answer"],
        ["hallazgo", "sobre", "cuándo", "peso", "respuesta"],
    );
    let empty = look.say("Nothing was found.", "No se encontró nada.");
    let mut table = Table::new(&caption, &columns).of_words(empty);
    for finding in found.into_iter().take(TOLD) {
        let weight = match finding.severity {
            Severity::Loud => look.say("loud", "grave"),
            Severity::Normal => look.say("normal", "normal"),
            Severity::Quiet => look.say("quiet: explained", "leve: explicado"),
        };
        let answer = match (finding.state, &finding.application) {
            (FindingState::Open, _) => look.say("waits", "pendiente"),
            (FindingState::Approved, _) => look.say("approved", "aprobado"),
            (FindingState::Ignored, Some(_)) => look.say("ignored", "ignorado"),
            (FindingState::Ignored, None) => look.say("dismissed", "descartado"),
        };
        let answer = match finding.answered_unix_ms {
            Some(at) => format!("{answer}, {}", look.moment(at)),
            None => answer.to_owned(),
        };
        table.row(
            &title(look, &finding.kind),
            &[about(look, finding), look.moment(finding.unix_ms), weight.to_owned(), answer],
        );
    }
    table
}

/// What people call an application. Hostile text.
pub(super) fn application(key: &str) -> String {
    ApplicationKey::from_stored(key.into()).display_name().as_raw().to_owned()
}

fn about(look: &Look, finding: &Finding) -> String {
    let members = || {
        let evidence = finding.evidence.as_deref().map(Evidence::from_json).unwrap_or_default();
        let names =
            evidence.members.iter().map(|member| member.application.display_name().as_raw().to_owned());
        let names: std::collections::BTreeSet<String> = names.collect();
        let more = names.len().saturating_sub(8);
        let mut names: Vec<String> = names.into_iter().take(8).collect();
        if more > 0 {
            names.push(look.say(format!("{more} more"), format!("{more} más")));
        }
        look.language.listed(&names)
    };
    match (&finding.application, &finding.path) {
        (Some(key), Some(path)) => format!("{}: {path}", application(key)),
        (Some(key), None) => application(key),
        (None, Some(path)) => path.clone(),
        (None, None) => finding.detail.clone().unwrap_or_else(members),
    }
}

fn told(look: &Look, caption: &str, count: usize) -> String {
    let all = look.count(u64::try_from(count).unwrap_or(u64::MAX));
    match count {
        0..=TOLD => format!("{caption}: {all}"),
        _ => look.say(
            format!("{caption}: {all}; the first {TOLD}"),
            format!("{caption}: {all}; los primeros {TOLD}"),
        ),
    }
}

fn state_of_file(look: &Look, state: &str) -> &'static str {
    match state {
        "unowned" => look.say("no package", "ningún paquete"),
        "modified" => look.say("changed after its package", "distinto de su paquete"),
        _ => look.say("not known", "no se sabe"),
    }
}

fn title(look: &Look, kind: &str) -> String {
    let Ok(kind) = kind.parse() else { return kind.to_owned() };
    match kind {
        FindingKind::NewApplication => look.say("New application", "Aplicación nueva"),
        FindingKind::ChangedExecutable => look.say("Changed application", "Aplicación cambiada"),
        FindingKind::ChangedFile => look.say("Changed file", "Archivo cambiado"),
        FindingKind::Upgraded => look.say("Upgraded", "Actualizado"),
        FindingKind::ForeignCode => look.say("Foreign code", "Código ajeno"),
        FindingKind::Unidentified => {
            look.say("Program that cannot be identified", "Programa que no se puede identificar")
        }
        FindingKind::Baseline => look.say("Learned in the first hours", "Aprendido en las primeras horas"),
        FindingKind::LostEvents => look.say("Events were lost", "Se perdieron eventos"),
        FindingKind::SelfTestFailed => look.say("The self-test failed", "Falló la autocomprobación"),
        FindingKind::UnbalancedLedger => look.say("The ledger does not balance", "Las cuentas no cuadran"),
        FindingKind::HistoryDamaged => look.say("The history was damaged", "El historial se dañó"),
        FindingKind::HistoryNotWritten => {
            look.say("The history could not be written", "No se pudo escribir el historial")
        }
    }
    .to_owned()
}
