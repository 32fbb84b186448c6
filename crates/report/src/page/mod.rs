//! The report: one page that needs nothing but itself.

mod html;
mod rows;
mod style;
mod summary;

use portolan_bus::{Application, Finding, QueryResult, SeriesResult, Status};
use portolan_core::Dimension;

use crate::{
    bars::{Bars, Ranked},
    chart::Chart,
    look::{Language, Look, Theme},
    map::{Atlas, Map, source},
    naming::heading,
    picture::Picture,
    text::{harmless, isolated},
};
use html::{Html, Table};

/// As many rows as a table has.
const ROWS: usize = 20;

/// What a report is made of. All answers are to the same query and of the same range.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The name of the machine; hostile text.
    pub host: &'a str,
    /// Which traffic, in the query language, where it is not all; hostile text.
    pub query: &'a str,
    /// From when on.
    pub since_ms: i64,
    /// Until before when.
    pub until_ms: i64,
    /// Now.
    pub now_ms: i64,
    /// By application over time.
    pub series: &'a SeriesResult,
    /// By application; all of them.
    pub applications: &'a QueryResult,
    /// By registrable domain.
    pub destinations: &'a QueryResult,
    /// By country.
    pub countries: &'a QueryResult,
    /// By service.
    pub services: &'a QueryResult,
    /// By application in the time before, as long; to compare with.
    pub before: Option<&'a QueryResult>,
    /// The applications that are known; those that talked first in the range are new.
    pub known: &'a [Application],
    /// The findings, answered or not; those of another time are not told.
    pub findings: &'a [Finding],
    /// The daemon's state; `None` where a file was asked.
    pub status: Option<&'a Status>,
}

/// The time that a report of this range is compared with: as long, and just before; `None` where there is none.
#[must_use]
pub fn range_before(look: &Look, since_ms: i64, until_ms: i64) -> Option<(i64, i64)> {
    crate::calendar::before(look, since_ms, until_ms)
}

impl Report<'_> {
    /// The page, as HTML. It is light or dark as the reader's system is, whatever the theme of `look`.
    #[must_use]
    pub fn html(&self, look: &Look) -> String {
        let look = &Look { theme: Theme::Paper, size: (1280, 600), ..look.clone() };
        let title = look.say("Whom this machine talked to", "Con quién habló este equipo");
        let period = self.period(look);
        let mut page = Html::new(look, &format!("Portolan · {} · {period}", isolated(self.host)));
        page.header(title, &format!("{} · {period}", isolated(self.host)));
        if !self.query.is_empty() {
            let only = look.say("Only what fits this query: ", "Solo lo que cumple esta consulta: ");
            page.labelled(only, &harmless(self.query));
        }
        page.section(look.say("In short", "En pocas palabras"));
        page.list(&summary::sentences(self, look));
        self.pictures(look, &mut page);
        page.section(look.say("What changed, and what was found", "Qué cambió y qué se encontró"));
        self.changes(look, &mut page);
        page.section(look.say("What the figures mean", "Qué significan las cifras"));
        page.list(&self.meaning(look));
        page.finish()
    }

    /// The name of the month, or the first and the last day.
    pub(crate) fn period(&self, look: &Look) -> String {
        look.month(self.since_ms, self.until_ms).unwrap_or_else(|| look.range(self.since_ms, self.until_ms))
    }

    fn pictures(&self, look: &Look, page: &mut Html) {
        let by = Some(Dimension::Application);
        page.section(look.say("Over time", "En el tiempo"));
        page.picture(&Chart { about: "", series: self.series, by }.draw(look));
        for (by, answer) in [
            (Dimension::Application, self.applications),
            (Dimension::RegistrableDomain, self.destinations),
            (Dimension::Country, self.countries),
            (Dimension::Service, self.services),
        ] {
            page.section(heading(look, by));
            if let Some(picture) = picture(look, by, answer) {
                page.picture(&picture);
            }
            page.table(&self.ranked(look, by, answer));
        }
    }

    fn ranked(&self, look: &Look, by: Dimension, answer: &QueryResult) -> Table {
        let ranked = match by {
            // All of it, by country or by what is none.
            Dimension::Country => Atlas::new(look, answer).ranked(look, ROWS),
            _ => Ranked::new(look, answer, by, ROWS),
        };
        let caption = match by {
            Dimension::Application => {
                look.say("Applications by what they moved", "Aplicaciones por lo que movieron")
            }
            Dimension::Country => {
                look.say("Countries by what was moved with them", "Países por lo movido con ellos")
            }
            Dimension::Service => look.say("Services by what they moved", "Servicios por lo que movieron"),
            _ => look.say(
                "Destinations by what was moved with them; ~ stands before names that may as well be others",
                "Destinos por lo movido con ellos; ~ precede a nombres que podrían ser otros",
            ),
        };
        let columns =
            ["", look.say("received", "recibido"), look.say("sent", "enviado"), look.say("share", "parte")];
        let mut table = Table::new(caption, &columns);
        for row in ranked.rows.iter().chain(&ranked.others) {
            let share = look.percent(row.total(), ranked.total());
            table.row(&row.name, &[look.bytes(row.rx), look.bytes(row.tx), share]);
        }
        let all = look.say("All together", "Todo junto");
        let share = look.percent(ranked.total(), ranked.total());
        table.total(all, &[look.bytes(ranked.rx), look.bytes(ranked.tx), share]);
        table
    }

    fn changes(&self, look: &Look, page: &mut Html) {
        for table in [rows::new_applications(self, look), rows::findings(self, look)] {
            page.table(&table);
        }
    }

    fn meaning(&self, look: &Look) -> Vec<String> {
        let mut said = vec![
            look.say(
                "Bytes are what programs moved at their sockets, the same number that the program itself would count. Headers and \
                 what was sent again are not in them, so a bill for the line shows more.",
                "Los bytes son los que los programas movieron en sus sockets, el mismo número que contaría el propio programa. \
                 No incluyen cabeceras ni retransmisiones, así que la factura de la línea muestra más.",
            )
            .to_owned(),
            look.say(
                "A country is where the other side's address is registered. Servers of large networks may stand elsewhere.",
                "Un país es donde está registrada la dirección del otro lado. Los servidores de redes grandes pueden estar en otra parte.",
            )
            .to_owned(),
            source(look, &self.countries.places),
        ];
        let zone = look.zone_name();
        said.push(look.say(
            format!("Times are of {zone}. Where nothing was recorded the chart is shaded."),
            format!("Las horas son de {zone}. Donde no se registró nada, el gráfico tiene sombra."),
        ));
        let finest = finest(look, &self.applications.covered.finest);
        let covered = &self.applications.covered;
        if let (Some(since), Some(until)) = (covered.since_unix_ms, covered.until_unix_ms) {
            let range = look.range(since, until);
            said.push(look.say(
                format!("The figures are of {range}, from sums by the {finest}."),
                format!("Las cifras son de {range}, de sumas por {finest}."),
            ));
        }
        if self.applications.access == portolan_bus::Access::Own {
            let own =
                look.say("Only traffic of the user who asked.", "Solo el tráfico del usuario que preguntó.");
            said.push(own.to_owned());
        }
        let now = look.moment(self.now_ms);
        said.push(look.say(
            format!("Made by Portolan {} on {now}.", env!("CARGO_PKG_VERSION")),
            format!("Hecho con Portolan {} el {now}.", env!("CARGO_PKG_VERSION")),
        ));
        said
    }
}

fn picture(look: &Look, by: Dimension, answer: &QueryResult) -> Option<Picture> {
    match by {
        Dimension::Country => Some(Map { about: "", answer }.draw(look)),
        // Its few rows are read faster in the table.
        Dimension::Service => None,
        by => Some(Bars { about: "", answer, by }.draw(look)),
    }
}

fn finest(look: &Look, word: &str) -> &'static str {
    match word {
        "minute" => look.say("minute", "minuto"),
        "hour" => look.say("hour", "hora"),
        "day" => look.say("day", "día"),
        _ => look.say("shortest interval", "intervalo más corto"),
    }
}

impl Language {
    /// A list in a sentence: `a, b and c`.
    pub(crate) fn listed(self, words: &[String]) -> String {
        let and = match self {
            Self::English => "and",
            // No word of a list begins with an i that would make it "e" often enough to be worth a rule.
            Self::Spanish => "y",
        };
        match words.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, first)) => format!("{} {and} {last}", first.join(", ")),
            None => String::new(),
        }
    }
}
