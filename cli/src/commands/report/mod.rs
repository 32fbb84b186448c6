//! `portolan report`: the history as a page or a picture.

mod asking;
mod file;
mod range;

use std::{env, fs, path::Path};

use portolan_core::Dimension;
use portolan_report::{Bars, Language, Look, Map, Picture, Report, range_before};
use serde_json::json;

use self::{asking::Source, file::Place, range::Range};
use crate::{
    args::{self, Chart, Format, Grouping},
    failure::{Failure, Kind},
    output,
    show::clock::Clock,
};

/// Twice as many pixels as a picture says, for screens that have them.
const PNG_SCALE: u32 = 2;

/// Asks the history, the daemon's or a file, draws, and writes one file.
pub(crate) async fn run(options: &args::Report, json: bool) -> Result<(), Failure> {
    let clock = Clock::read();
    let range = Range::new(options, &clock)?;
    let format = format(options)?;
    let by = by(options)?;
    let place = Place::new(options, format, &range.name(options.chart))?;
    let look = Look { theme: options.theme.into(), ..Look::new(language(options), clock.zone.clone()) };
    let source = Source::open(options, clock).await?;
    let bytes = match options.chart {
        None => page(&source, &range, &look).await?.into_bytes(),
        Some(chart) => {
            let picture = draw(&source, &range, &look, chart, by).await?;
            match format {
                Format::Png => picture.png(PNG_SCALE).map_err(|error| Failure::of(Kind::Failed, &error))?,
                _ => picture.svg().as_bytes().to_vec(),
            }
        }
    };
    let Some(path) = place.write(&bytes)? else { return Ok(()) };
    if json {
        return output::json(&json!({ "written": { "path": path.to_string_lossy(), "bytes": bytes.len() } }));
    }
    output::text(&format!(
        "{}\n",
        portolan_core::Untrusted::from(path.to_string_lossy().as_ref()).for_terminal()
    ))
}

/// One picture.
async fn draw(
    source: &Source,
    range: &Range,
    look: &Look,
    chart: Chart,
    by: Option<Dimension>,
) -> Result<Picture, Failure> {
    let about = &range.given;
    Ok(match chart {
        Chart::Time => {
            let series = source.series(&range.text, by, 8, range.step()).await?;
            portolan_report::Chart { about, series: &series, by }.draw(look)
        }
        Chart::Bars => {
            let by = by.unwrap_or(Dimension::Application);
            Bars { about, answer: &source.answer(&range.text, by, 100).await?, by }.draw(look)
        }
        Chart::Map => {
            Map { about, answer: &source.answer(&range.text, Dimension::Country, 0).await? }.draw(look)
        }
    })
}

/// The page.
async fn page(source: &Source, range: &Range, look: &Look) -> Result<String, Failure> {
    let text = &range.text;
    let applications = source.answer(text, Dimension::Application, 0).await?;
    let covered = &applications.covered;
    let since_ms = range.since.or(covered.since_unix_ms).unwrap_or(range.now_ms);
    let until_ms = range.until.unwrap_or(range.now_ms);
    let before = match range_before(look, since_ms, until_ms) {
        Some((from, to)) => Some(source.answer(&range.at(from, to), Dimension::Application, 0).await?),
        None => None,
    };
    let status = source.status().await?;
    Ok(Report {
        host: fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim(),
        query: &range.given,
        since_ms,
        until_ms,
        now_ms: range.now_ms,
        series: &source.series(text, Some(Dimension::Application), 8, range.step()).await?,
        destinations: &source.answer(text, Dimension::RegistrableDomain, 100).await?,
        countries: &source.answer(text, Dimension::Country, 0).await?,
        services: &source.answer(text, Dimension::Service, 100).await?,
        applications: &applications,
        before: before.as_ref(),
        known: &source.applications().await?,
        findings: &source.findings().await?,
        status: status.as_ref(),
    }
    .html(look))
}

fn by(options: &args::Report) -> Result<Option<Dimension>, Failure> {
    match (options.chart, options.by) {
        (Some(Chart::Map), Some(_)) => Err(Failure::new(Kind::Usage, "a map is by country: leave --by out")),
        (Some(Chart::Bars), Some(Grouping::None)) => {
            Err(Failure::new(Kind::Usage, "bars need something to be of: --by none is for --chart time"))
        }
        (_, Some(Grouping::None)) => Ok(None),
        (_, Some(Grouping::By(Dimension::Time))) => Err(Failure::new(
            Kind::Usage,
            "--by time means nothing here: --chart time is over time by itself",
        )),
        (_, Some(Grouping::By(dimension))) => Ok(Some(dimension)),
        (_, None) => Ok(Some(Dimension::Application)),
    }
}

/// As asked for, or as the file is called.
fn format(options: &args::Report) -> Result<Format, Failure> {
    let ending = options.output.as_deref().and_then(Path::extension).and_then(|ending| ending.to_str());
    let of_file = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("html" | "htm") => Some(Format::Html),
        Some("svg") => Some(Format::Svg),
        Some("png") => Some(Format::Png),
        _ => None,
    };
    let usual = if options.chart.is_some() { Format::Svg } else { Format::Html };
    match (options.format.or(of_file).unwrap_or(usual), options.chart) {
        (Format::Html, Some(_)) => {
            Err(Failure::new(Kind::Usage, "a picture is SVG or PNG: leave --chart out for the page"))
        }
        (Format::Svg | Format::Png, None) => Err(Failure::new(
            Kind::Usage,
            "SVG and PNG are for pictures: say which with --chart time, bars or map",
        )),
        (format, _) => Ok(format),
    }
}

fn language(options: &args::Report) -> Language {
    let locale = || {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| env::var(name).ok().filter(|it| !it.is_empty()))
    };
    match options.lang {
        Some(language) => language.into(),
        None => Language::of_locale(&locale().unwrap_or_default()),
    }
}
