//! Where the bytes went.

use std::collections::BTreeMap;

use portolan_bus::{PlaceData, QueryResult};
use portolan_core::Dimension;

use crate::{
    bars::{Ranked, Row, subtitle},
    canvas::{Canvas, Pen, picture},
    countries,
    frame::{BOTTOM, EDGE, Frame, TOP, frame, nothing},
    look::Look,
    naming::name,
    number::{many, real},
    picture::Picture,
    text::{isolated, titled},
    world::{SHAPES, projected},
};

const LIST: f64 = 290.0;
/// Degrees north that the paper shows.
const NORTH: f64 = 83.7;
const SOUTH: f64 = -56.0;

/// An answer by country as a map of the world, with a list beside it in which nothing is missing.
#[derive(Debug, Clone, Copy)]
pub struct Map<'a> {
    /// Which traffic it is of, in the query language; empty for all. Hostile text.
    pub about: &'a str,
    /// Groups by country; those without one carry `range`.
    pub answer: &'a QueryResult,
}

/// What moved with a country, and with everywhere that is none.
#[derive(Debug)]
pub(crate) struct Atlas {
    /// By code. Countries that no map knows are among them.
    by_code: BTreeMap<String, u64>,
    countries: Vec<Row>,
    /// By what they are called: the local network, unknown places.
    elsewhere: Vec<Row>,
    ranked: Ranked,
}

impl Map<'_> {
    /// Draws it.
    #[must_use]
    pub fn draw(&self, look: &Look) -> Picture {
        let atlas = Atlas::new(look, self.answer);
        let title = look.say("Where the bytes went", "Adónde fueron los bytes").to_owned();
        let title = titled(title, self.about);
        let described = atlas.described(look);
        picture(look, &title, &described, |canvas| {
            let source = source(look, &self.answer.places);
            let note = look.say(
                "Bytes that programs moved at their sockets, by the country that the other side's address is registered in. \
                 Map: Natural Earth, Equal Earth projection.",
                "Bytes que los programas movieron en sus sockets, por el país en que está registrada la dirección del otro lado. \
                 Mapa: Natural Earth, proyección Equal Earth.",
            );
            let subtitle = subtitle(look, self.answer, &atlas.ranked);
            frame(canvas, &Frame { title: &title, subtitle: &subtitle, note, source: &source });
            if atlas.ranked.total() == 0 {
                return nothing(canvas, look);
            }
            draw(canvas, look, &atlas);
        })
    }
}

impl Atlas {
    pub(crate) fn new(look: &Look, answer: &QueryResult) -> Self {
        let (mut by_code, mut countries) = (BTreeMap::new(), Vec::new());
        let mut elsewhere: BTreeMap<String, Row> = BTreeMap::new();
        for group in answer.groups.rows() {
            let row = Row {
                name: name(look, Dimension::Country, &group.keys),
                rx: group.rx_bytes,
                tx: group.tx_bytes,
            };
            match group.keys.get("country") {
                Some(code) => {
                    let sum = by_code.entry(code.clone()).or_insert(0_u64);
                    *sum = sum.saturating_add(row.total());
                    countries.push(row);
                }
                None => add(&mut elsewhere, row),
            }
        }
        if let Some(other) = &answer.groups.other {
            let name = look.say("not told one by one", "sin desglosar").to_owned();
            add(&mut elsewhere, Row { name, rx: other.sum.rx_bytes, tx: other.sum.tx_bytes });
        }
        countries.sort_by_key(|row| std::cmp::Reverse(row.total()));
        let mut elsewhere: Vec<Row> = elsewhere.into_values().collect();
        elsewhere.retain(|row| row.total() > 0);
        elsewhere.sort_by_key(|row| std::cmp::Reverse(row.total()));
        Self {
            by_code,
            countries,
            elsewhere,
            ranked: Ranked::new(look, answer, Dimension::Country, usize::MAX),
        }
    }

    /// With which countries most was moved, the largest first.
    pub(crate) fn countries(&self) -> &[Row] {
        &self.countries
    }

    /// What is no country, the largest first.
    pub(crate) fn elsewhere(&self) -> &[Row] {
        &self.elsewhere
    }

    pub(crate) fn total(&self) -> u64 {
        self.ranked.total()
    }

    /// The list as a table has it.
    pub(crate) fn ranked(&self, look: &Look, most: usize) -> Ranked {
        Ranked { rows: self.list(look, most), others: None, rx: self.ranked.rx, tx: self.ranked.tx }
    }

    /// The list beside the map: at most `most` lines, of which the sum is everything.
    pub(crate) fn list(&self, look: &Look, most: usize) -> Vec<Row> {
        let elsewhere = Self::folded(look, &self.elsewhere, 4, |count| {
            look.say(format!("{count} other places"), format!("{count} lugares más"))
        });
        let room = most.saturating_sub(elsewhere.len()).max(2);
        let mut list = Self::folded(look, &self.countries, room, |count| {
            look.say(format!("{count} other countries"), format!("{count} países más"))
        });
        list.extend(elsewhere);
        list
    }

    /// The first rows, and the others as one.
    fn folded(look: &Look, rows: &[Row], most: usize, name: impl Fn(&str) -> String) -> Vec<Row> {
        if rows.len() <= most {
            return rows.to_vec();
        }
        let (first, rest) = rows.split_at(most.saturating_sub(1));
        let count = look.count(u64::try_from(rest.len()).unwrap_or(u64::MAX));
        let sum = |of: fn(&Row) -> u64| rest.iter().map(of).fold(0, u64::saturating_add);
        let others = Row { name: name(&count), rx: sum(|row| row.rx), tx: sum(|row| row.tx) };
        first.iter().cloned().chain([others]).collect()
    }

    /// For those who do not see the picture.
    fn described(&self, look: &Look) -> String {
        let row = |row: &Row| format!("{}: {}", isolated(&row.name), look.bytes(row.total()));
        self.list(look, 30).iter().map(row).collect::<Vec<_>>().join("; ")
    }

    /// From which amount on each colour is, the least first.
    fn classes(&self) -> [u64; 6] {
        let most = self.by_code.values().copied().max().unwrap_or_default();
        let top = 10_u64.saturating_pow(most.checked_ilog10().unwrap_or_default());
        let mut classes = [5, 4, 3, 2, 1, 0].map(|below| top / 10_u64.pow(below));
        classes[0] = classes[0].min(1);
        classes
    }
}

fn add(rows: &mut BTreeMap<String, Row>, row: Row) {
    let sum = rows.entry(row.name.clone()).or_insert(Row { rx: 0, tx: 0, ..row.clone() });
    sum.rx = sum.rx.saturating_add(row.rx);
    sum.tx = sum.tx.saturating_add(row.tx);
}

fn draw(canvas: &Canvas<'_>, look: &Look, atlas: &Atlas) {
    let colours = canvas.colours;
    let classes = atlas.classes();
    let colour = |bytes: u64| {
        let class = classes.iter().rposition(|from| bytes >= (*from).max(1));
        class.and_then(|class| colours.scale.get(class)).copied().unwrap_or(colours.land)
    };
    let (left, right) = (EDGE, canvas.width - EDGE - LIST - 24.0);
    let (top, bottom) = (TOP - 8.0, canvas.height - BOTTOM - 52.0);
    let ends = (projected((0.0, NORTH)).1, projected((0.0, SOUTH)).1);
    let (wide, high) = (2.0 * projected((180.0, 0.0)).0, ends.0 - ends.1);
    let scale = ((right - left) / wide).min((bottom - top) / high);
    let (middle, upper) = ((left + right) / 2.0, top + ((bottom - top) - high * scale) / 2.0);
    let at = |place: (f64, f64)| {
        let (x, y) = projected(place);
        (middle + x * scale, upper + (ends.0 - y) * scale)
    };
    graticule(canvas, &at);
    let by_shape: BTreeMap<&str, u64> = atlas
        .by_code
        .iter()
        .filter_map(|(code, bytes)| Some((countries::of(code)?.shape?, *bytes)))
        .collect();
    for shape in SHAPES.iter() {
        let fill = by_shape.get(shape.name.as_str()).map_or(colours.land, |bytes| colour(*bytes));
        for outline in &shape.outlines {
            let points: Vec<_> = outline.iter().map(|place| at(*place)).collect();
            canvas.area(&points, fill);
            let closed: Vec<_> = points.iter().chain(points.first()).copied().collect();
            canvas.path(&closed, colours.ground, 0.6);
        }
    }
    for (code, bytes) in &atlas.by_code {
        if let Some(place) = countries::of(code).and_then(|country| country.at) {
            let (x, y) = at(place);
            canvas.circle(x, y, 4.2, colours.ground);
            canvas.circle(x, y, 3.4, colour(*bytes));
        }
    }
    key(canvas, look, &classes, (left, canvas.height - BOTTOM - 26.0), right);
    list(canvas, look, atlas);
}

/// Thin lines of 30 degrees.
fn graticule(canvas: &Canvas<'_>, at: &impl Fn((f64, f64)) -> (f64, f64)) {
    let colour = canvas.colours.line;
    for east in (-6..=6).map(|line| f64::from(line) * 30.0) {
        let points: Vec<_> =
            (0..=28).map(|step| at((east, SOUTH + (NORTH - SOUTH) * f64::from(step) / 28.0))).collect();
        canvas.path(&points, colour, 0.5);
    }
    for north in [SOUTH, -30.0, 0.0, 30.0, 60.0, NORTH] {
        canvas.path(&[at((-180.0, north)), at((180.0, north))], colour, 0.5);
    }
}

/// What the colours mean.
fn key(canvas: &Canvas<'_>, look: &Look, classes: &[u64; 6], (left, y): (f64, f64), right: f64) {
    let colours = canvas.colours;
    let pen = Pen::new(12.0, colours.ink_soft);
    let wide = ((right - left) / 7.0).min(118.0);
    canvas.rect([left, y - 6.0, 26.0, 12.0], colours.land);
    canvas.text(left + 33.0, y, look.say("nothing", "nada"), pen);
    let mut shown: Vec<(u64, usize)> = classes.iter().copied().zip(0..).collect();
    shown.dedup_by_key(|(from, _)| *from);
    for (place, (from, class)) in shown.iter().enumerate() {
        let x = left + many(place + 1) * wide;
        let Some(colour) = colours.scale.get(*class) else { continue };
        canvas.rect([x, y - 6.0, 26.0, 12.0], *colour);
        let label = match place {
            0 => look.say("less", "menos").to_owned(),
            _ => format!("≥ {}", short(look, *from)),
        };
        canvas.text(x + 33.0, y, &label, pen);
    }
}

/// A power of ten without decimals.
fn short(look: &Look, bytes: u64) -> String {
    let text = look.bytes(bytes);
    let zeros = look.say([".00", ".0"], [",00", ",0"]);
    zeros.iter().fold(text, |text, zeros| text.replace(&format!("{zeros}\u{a0}"), "\u{a0}"))
}

fn list(canvas: &Canvas<'_>, look: &Look, atlas: &Atlas) {
    let colours = canvas.colours;
    let (left, right) = (canvas.width - EDGE - LIST, canvas.width - EDGE);
    let small = Pen::new(12.0, colours.ink_soft);
    let most = crate::number::times((canvas.height - TOP - BOTTOM - 60.0) / 25.0);
    let rows = atlas.list(look, most);
    let total = atlas.ranked.total();
    canvas.text(left, TOP, look.say("Country", "País"), small);
    canvas.text(right - 62.0, TOP, look.say("in + out", "rec. + env."), small.right());
    canvas.text(right, TOP, look.say("share", "parte"), small.right());
    let longest = rows.iter().map(Row::total).max().unwrap_or_default();
    let mut y = TOP + 24.0;
    for row in &rows {
        canvas.text_within(left, y, LIST - 148.0, &row.name, Pen::new(13.0, colours.ink));
        canvas.text(right - 62.0, y, &look.bytes(row.total()), Pen::new(13.0, colours.ink).right());
        canvas.text(right, y, &look.percent(row.total(), total), small.right());
        let long = |bytes: u64| real(bytes) / real(longest).max(1.0) * LIST;
        if long(row.total()) >= 3.0 {
            canvas.rect([left, y + 10.0, long(row.rx), 2.0], colours.received);
            canvas.rect([left + long(row.rx), y + 10.0, long(row.tx), 2.0], colours.sent);
        }
        y += 25.0;
    }
    canvas.line((left, y - 8.0), (right, y - 8.0), colours.ink_soft, 1.0);
    canvas.text(left, y + 4.0, look.say("All together", "Todo junto"), Pen::new(13.0, colours.ink).bold());
    canvas.text(right - 62.0, y + 4.0, &look.bytes(total), Pen::new(13.0, colours.ink).right());
    canvas.text(right, y + 4.0, &look.percent(total, total), small.right());
}

/// Which database said where addresses belong, as its licence wants it.
pub(crate) fn source(look: &Look, places: &[PlaceData]) -> String {
    let of = |place: &PlaceData| {
        let made = place.made_unix_ms.map(|made| format!(", {}", look.day(made))).unwrap_or_default();
        let wanted =
            place.attribution.as_ref().map(|text| format!(" ({})", isolated(text))).unwrap_or_default();
        format!("{}{made}{wanted}", isolated(&place.name))
    };
    let all: Vec<String> = places.iter().map(of).collect();
    match all.is_empty() {
        true => look
            .say(
                "Countries as they were when the bytes were recorded; the database is not named there.",
                "Países según se registraron con los bytes; la base de datos no consta allí.",
            )
            .to_owned(),
        false => look.say(format!("Countries: {}.", all.join("; ")), format!("Países: {}.", all.join("; "))),
    }
}
