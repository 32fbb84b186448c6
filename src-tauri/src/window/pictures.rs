//! "Save picture": what the page shows, drawn anew from the same questions, as one would print it.

use directories::UserDirs;
use jiff::{Zoned, tz::TimeZone};
use portolan_bus::SeriesResult;
use portolan_core::Dimension;
use portolan_report::{Chart, Look, Map, Picture, Units};
use tauri::AppHandle;
use tokio::task::spawn_blocking;

use super::{
    Tray,
    dialog::{self, Wanted},
};
use crate::{
    preferences::{Base, Measure, Preferences},
    question::{Failure, PictureFormat, PictureKind, PictureRequest, Question, Saved},
    words::Language,
};

/// Twice as many pixels as a picture says, for screens that have them.
const PNG_SCALE: u32 = 2;
const NAME_MAX_BYTES: usize = 40;

/// Asks where to, and writes the picture there; `None` where the person says nowhere.
pub(super) async fn save(
    app: &AppHandle,
    tray: &Tray,
    wanted: PictureRequest,
) -> Result<Option<Saved>, Failure> {
    let preferences: Preferences = tray.asked(Question::Preferences).await?;
    let language = preferences.language.language();
    // The picture is of the moment when the person wanted it.
    let place = dialog::ask(app, language, place(language, &wanted));
    let (path, picture) = tokio::join!(place, draw(tray, &wanted, &preferences));
    let Some(path) = path? else { return Ok(None) };
    let (path, is_other) = dialog::ended(path, &["png", "svg"], ending(wanted.format));
    let is_svg = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("svg"));
    let picture = picture?;
    let bytes = match is_svg {
        true => picture.svg().as_bytes().to_vec(),
        false => spawn_blocking(move || picture.png(PNG_SCALE))
            .await
            .map_err(|error| Failure::other(error.to_string()))?
            .map_err(|error| dialog::not_saved(&path.to_string_lossy(), &error))?,
    };
    dialog::write(path, bytes, !is_other).await.map(Some)
}

fn ending(format: PictureFormat) -> &'static str {
    match format {
        PictureFormat::Png => "png",
        PictureFormat::Svg => "svg",
    }
}

fn place(language: Language, wanted: &PictureRequest) -> Wanted {
    let kind = match wanted.format {
        PictureFormat::Png => language.of_png(),
        PictureFormat::Svg => language.of_svg(),
    };
    let users = UserDirs::new();
    let folder = users.as_ref().and_then(|users| users.picture_dir().filter(|folder| folder.is_dir()));
    Wanted {
        title: language.save_picture(),
        accept: language.save(),
        kind,
        ending: ending(wanted.format),
        folder: folder.or(users.as_ref().map(UserDirs::home_dir)).map(Into::into),
        name: Some(name(&wanted.name, &Zoned::now(), wanted.format)),
    }
}

/// `portolan-applications-2026-11-22.png`.
fn name(part: &str, now: &Zoned, format: PictureFormat) -> String {
    let mut part: String = part.chars().filter(char::is_ascii_lowercase).collect();
    part.truncate(NAME_MAX_BYTES);
    format!("portolan-{part}-{}.{}", now.date(), ending(format))
}

async fn draw(tray: &Tray, wanted: &PictureRequest, preferences: &Preferences) -> Result<Picture, Failure> {
    let (about, request) = (wanted.about.trim(), &wanted.request);
    let look = look(preferences);
    match wanted.kind {
        PictureKind::Map => {
            let answer = tray.asked(Question::Query { request: request.clone() }).await?;
            Ok(Map { about, answer: &answer }.draw(&look))
        }
        PictureKind::Time => {
            let by: Option<Dimension> = match request.by.first() {
                None => None,
                Some(word) => Some(
                    word.parse()
                        .map_err(|_| Failure::other(preferences.language.language().not_a_dimension()))?,
                ),
            };
            let series: SeriesResult = tray.asked(Question::Series { request: request.clone() }).await?;
            Ok(Chart { about, series: &series, by }.draw(&look))
        }
    }
}

/// Paper, whatever the window looks like.
pub(super) fn look(preferences: &Preferences) -> Look {
    let language = match preferences.language.language() {
        Language::En => portolan_report::Language::English,
        Language::Es => portolan_report::Language::Spanish,
    };
    let units =
        Units { bits: preferences.measure == Measure::Bits, binary: preferences.base == Base::Binary };
    Look { units, ..Look::new(language, TimeZone::system()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_after_the_view_and_the_day_and_nothing_else() {
        let now: Zoned = "2026-11-22T23:30:00+01:00[Europe/Madrid]".parse().unwrap();
        assert_eq!(name("applications", &now, PictureFormat::Png), "portolan-applications-2026-11-22.png");
        assert_eq!(name("../../Map\0", &now, PictureFormat::Svg), "portolan-ap-2026-11-22.svg");
    }
}
