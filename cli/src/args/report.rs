use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use jiff::civil::Date;

use super::{Grouping, dimension, length};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  portolan report --month 2026-10\n  portolan report --chart map since:7d -o map.png\n  \
                        portolan report --chart bars --by registrable-domain app:firefox --lang es -o firefox.svg"
)]
pub(crate) struct Report {
    /// The month, as 2026-10; without it and without a time in QUERY, this one.
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    pub(crate) month: Option<Date>,
    /// A picture instead of the page.
    #[arg(long)]
    pub(crate) chart: Option<Chart>,
    /// What the picture's lines or bars are of, as in `query`; none for received and sent alone [default: application]
    #[arg(long, value_name = "DIMENSION", value_parser = dimension, requires = "chart")]
    pub(crate) by: Option<Grouping>,
    /// How to write it [default: what FILE ends with, else html, or svg for a picture]
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// Write this file, or - for standard output [default: portolan-MONTH.html and the like, here]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file where there is one.
    #[arg(long)]
    pub(crate) force: bool,
    /// The language [default: that of LC_ALL, LC_MESSAGES or LANG where it is one of these, else en]
    #[arg(long)]
    pub(crate) lang: Option<Language>,
    /// The colours of a picture; a page has both.
    #[arg(long, default_value = "paper", requires = "chart")]
    pub(crate) theme: Theme,
    /// Ask this history file, without a daemon and without writing anything to it.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// How long all questions to it may take (90s, 10m) [default: 60s]
    #[arg(long, value_name = "HOW-LONG", requires = "history", value_parser = length)]
    pub(crate) timeout: Option<Duration>,
    /// Which traffic and which time, in the words of docs/query.md; without any, all of the month.
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Chart {
    /// What moved over time, stacked.
    Time,
    /// The largest, with received and sent in one bar.
    Bars,
    /// The countries of the world.
    Map,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A page with tables and pictures in it.
    Html,
    /// A drawing, at any size.
    Svg,
    /// Pixels, 2560 × 1440.
    Png,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English.
    En,
    /// Spanish.
    Es,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Theme {
    /// Light.
    Paper,
    /// Dark.
    Night,
}

impl Format {
    /// How a file's name ends.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

impl From<Theme> for portolan_report::Theme {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::Paper => Self::Paper,
            Theme::Night => Self::Night,
        }
    }
}

impl From<Language> for portolan_report::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::En => Self::English,
            Language::Es => Self::Spanish,
        }
    }
}

/// The first day of a month.
fn month(text: &str) -> Result<Date, String> {
    format!("{text}-01").parse().map_err(|_| "a month is a year and a number, such as 2026-10".to_owned())
}
