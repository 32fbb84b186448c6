//! The monthly report, as `portolan report --month` writes it.

use std::fs;

use directories::UserDirs;
use jiff::{Timestamp, civil::Date};
use portolan_bus::{Application, Finding, QueryRequest, QueryResult, SeriesResult, Status};
use portolan_core::Dimension;
use portolan_report::{Look, Report, month_of, range_before};
use tauri::AppHandle;

use super::{
    Tray,
    dialog::{self, Wanted},
    pictures::look,
};
use crate::{
    preferences::Preferences,
    question::{Failure, Question, Saved},
};

const ENDING: &str = "html";
/// As many as the page names.
const TOP: u32 = 100;
const LINES: u32 = 8;

/// Asks where to, and writes the report of a month (`2026-10`) there; `None` where the person says nowhere.
pub(super) async fn save(app: &AppHandle, tray: &Tray, month: String) -> Result<Option<Saved>, Failure> {
    let preferences: Preferences = tray.asked(Question::Preferences).await?;
    let (language, look) = (preferences.language.language(), look(&preferences));
    let Some((since, until)) = range(&month, &look) else {
        return Err(Failure::other(language.no_month()));
    };
    let folder = UserDirs::new().map(|users| users.document_dir().unwrap_or(users.home_dir()).to_owned());
    let wanted = Wanted {
        title: language.save_report(),
        accept: language.save(),
        kind: language.of_page(),
        ending: ENDING,
        folder: folder.filter(|folder| folder.is_dir()),
        name: Some(format!("portolan-{month}.{ENDING}")),
    };
    let (path, page) = tokio::join!(dialog::ask(app, language, wanted), page(tray, &look, since, until));
    let Some(path) = path? else { return Ok(None) };
    let (path, is_other) = dialog::ended(path, &[ENDING, "htm"], ENDING);
    dialog::write(path, page?.into_bytes(), !is_other).await.map(Some)
}

fn range(month: &str, look: &Look) -> Option<(i64, i64)> {
    let first: Date = format!("{month}-01").parse().ok()?;
    month_of(&first.to_zoned(look.zone.clone()).ok()?)
}

async fn page(tray: &Tray, look: &Look, since_ms: i64, until_ms: i64) -> Result<String, Failure> {
    let query = |(since, until): (i64, i64), by: Dimension, top: u32, step: &str| QueryRequest {
        query: format!("since:@{} until:@{}", since / 1000, until / 1000),
        by: vec![by.as_str().to_owned()],
        top,
        step: step.to_owned(),
        zone: look.zone.iana_name().unwrap_or_default().to_owned(),
        token: 0,
    };
    let answer = async |range, by, top| -> Result<QueryResult, Failure> {
        tray.asked(Question::Query { request: query(range, by, top, "") }).await
    };
    let range = (since_ms, until_ms);
    let request = query(range, Dimension::Application, LINES, "hour");
    let series: SeriesResult = tray.asked(Question::Series { request }).await?;
    let before = match range_before(look, since_ms, until_ms) {
        Some(before) => Some(answer(before, Dimension::Application, 0).await?),
        None => None,
    };
    let known: Vec<Application> = tray.asked(Question::Applications).await?;
    let findings: Vec<Finding> = tray.asked(Question::Findings { answered: true }).await?;
    let status: Status = tray.asked(Question::Status).await?;
    Ok(Report {
        host: fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim(),
        query: "",
        since_ms,
        until_ms,
        now_ms: Timestamp::now().as_millisecond(),
        series: &series,
        applications: &answer(range, Dimension::Application, 0).await?,
        destinations: &answer(range, Dimension::RegistrableDomain, TOP).await?,
        countries: &answer(range, Dimension::Country, 0).await?,
        services: &answer(range, Dimension::Service, TOP).await?,
        before: before.as_ref(),
        known: &known,
        findings: &findings,
        status: Some(&status),
    }
    .html(look))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use portolan_report::Language;

    use super::*;

    #[test]
    fn a_month_is_one_of_the_persons_calendar_and_nothing_else() {
        let look = Look::new(Language::English, TimeZone::UTC);
        assert_eq!(range("2026-10", &look), Some((1_790_812_800_000, 1_793_491_200_000)));
        for nonsense in ["", "2026-13", "2026", "../x", "2026-10-01"] {
            assert_eq!(range(nonsense, &look), None, "{nonsense}");
        }
    }
}
