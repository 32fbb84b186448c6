//! The largest groups, one below the other.

use portolan_bus::{QueryResult, Sum};
use portolan_core::Dimension;

use crate::{
    canvas::{Canvas, Pen, picture},
    frame::{BOTTOM, EDGE, Frame, TOP, frame, nothing},
    look::Look,
    naming::{heading, names},
    number::{many, real, times},
    picture::Picture,
    text::{isolated, titled},
};

const NAME: f64 = 270.0;
const FIGURES: f64 = 290.0;
const ROW: f64 = 30.0;

/// The groups of an answer as a picture: a bar each, received and sent in it.
#[derive(Debug, Clone, Copy)]
pub struct Bars<'a> {
    /// Which traffic it is of, in the query language; empty for all. Hostile text.
    pub about: &'a str,
    /// The groups, largest first.
    pub answer: &'a QueryResult,
    /// What they are of.
    pub by: Dimension,
}

/// A line of the picture or of a table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Harmless text.
    pub(crate) name: String,
    pub(crate) rx: u64,
    pub(crate) tx: u64,
}

/// The first groups of an answer, and all others as one.
#[derive(Debug)]
pub(crate) struct Ranked {
    pub(crate) rows: Vec<Row>,
    /// With how many they are.
    pub(crate) others: Option<Row>,
    pub(crate) rx: u64,
    pub(crate) tx: u64,
}

impl Bars<'_> {
    /// Draws it.
    #[must_use]
    pub fn draw(&self, look: &Look) -> Picture {
        let height = f64::from(look.size.1.clamp(360, 8192)) - TOP - BOTTOM;
        let most = times(((height - 30.0) / ROW).floor()).saturating_sub(1);
        let ranked = Ranked::new(look, self.answer, self.by, most);
        let title = titled(heading(look, self.by).to_owned(), self.about);
        let described = ranked.described(look);
        picture(look, &title, &described, |canvas| {
            let note = look.say(
                "Bytes that programs moved at their sockets, without headers. Shares are of everything asked for.",
                "Bytes que los programas movieron en sus sockets, sin cabeceras. Los porcentajes son de todo lo pedido.",
            );
            let words =
                Frame { title: &title, subtitle: &subtitle(look, self.answer, &ranked), note, source: "" };
            frame(canvas, &words);
            match ranked.rows.is_empty() {
                true => nothing(canvas, look),
                false => draw(canvas, look, &ranked, heading(look, self.by)),
            }
        })
    }
}

impl Row {
    pub(crate) fn total(&self) -> u64 {
        self.rx.saturating_add(self.tx)
    }
}

impl Ranked {
    /// At most `most` rows, largest first, and the others. Groups that moved nothing are not shown.
    pub(crate) fn new(look: &Look, answer: &QueryResult, by: Dimension, most: usize) -> Self {
        let groups = answer.groups.rows();
        let keys: Vec<_> = groups.iter().map(|group| group.keys.clone()).collect();
        let row = |(name, group): (String, &portolan_bus::QueryRow)| Row {
            name,
            rx: group.rx_bytes,
            tx: group.tx_bytes,
        };
        let mut rows: Vec<Row> = names(look, by, &keys).into_iter().zip(&groups).map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.total()));
        let left_out = answer.groups.other.map(|other| (other.groups, other.sum));
        let sum = |rows: &[Row], of: fn(&Row) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
        let other = left_out.map_or_else(Sum::default, |(_, sum)| sum);
        let rx = sum(&rows, |row| row.rx).saturating_add(other.rx_bytes);
        let tx = sum(&rows, |row| row.tx).saturating_add(other.tx_bytes);
        rows.retain(|row| row.total() > 0);
        let behind = rows.split_off(rows.len().min(most));
        let count = u64::try_from(behind.len())
            .unwrap_or(u64::MAX)
            .saturating_add(left_out.map_or(0, |(groups, _)| groups));
        let others = (count > 0).then(|| Row {
            name: match count {
                1 => look.say("1 other", "1 más").to_owned(),
                _ => look.say(format!("{} others", look.count(count)), format!("{} más", look.count(count))),
            },
            rx: sum(&behind, |row| row.rx).saturating_add(other.rx_bytes),
            tx: sum(&behind, |row| row.tx).saturating_add(other.tx_bytes),
        });
        Self { rows, others, rx, tx }
    }

    pub(crate) fn total(&self) -> u64 {
        self.rx.saturating_add(self.tx)
    }

    /// For those who do not see the picture.
    fn described(&self, look: &Look) -> String {
        let row = |row: &Row| {
            let (rx, tx, name) = (look.bytes(row.rx), look.bytes(row.tx), isolated(&row.name));
            look.say(
                format!("{name}: {rx} received, {tx} sent"),
                format!("{name}: {rx} recibidos, {tx} enviados"),
            )
        };
        self.rows.iter().chain(&self.others).map(row).collect::<Vec<_>>().join("; ")
    }
}

fn draw(canvas: &Canvas<'_>, look: &Look, ranked: &Ranked, heading: &str) {
    let colours = canvas.colours;
    let (right, left) = (canvas.width - EDGE, EDGE + NAME + 16.0);
    let width = right - FIGURES - left;
    let columns = [right - 190.0, right - 85.0, right];
    let small = Pen::new(12.0, colours.ink_soft);
    let y = TOP + 4.0;
    canvas.text(EDGE, y, heading, small);
    let legend =
        [(look.say("received", "recibido"), colours.received), (look.say("sent", "enviado"), colours.sent)];
    let mut x = left;
    for (word, colour) in legend {
        canvas.rect([x, y - 6.0, 12.0, 12.0], colour);
        canvas.text(x + 20.0, y, word, small);
        x += 110.0;
    }
    let share = look.say("share", "parte");
    for (x, word) in columns.iter().zip([legend[0].0, legend[1].0, share]) {
        canvas.text(*x, y, word, small.right());
    }
    let longest = ranked.rows.iter().map(Row::total).max().unwrap_or_default();
    let room = canvas.height - TOP - BOTTOM - 30.0;
    let height = (room / many(ranked.rows.len() + 1)).min(ROW * 1.4);
    let figures = |y: f64, row: &Row, pen: Pen| {
        let share = look.percent(row.total(), ranked.total());
        for (x, text) in columns.iter().zip([look.bytes(row.rx), look.bytes(row.tx), share]) {
            canvas.text(*x, y, &text, pen.right());
        }
    };
    let mut y = TOP + 20.0 + height / 2.0;
    for row in &ranked.rows {
        canvas.text_within(EDGE, y, NAME, &row.name, Pen::new(13.5, colours.ink));
        let long = |bytes: u64| real(bytes) / real(longest).max(1.0) * width;
        let (thick, received) = ((height * 0.5).min(16.0), long(row.rx));
        // What moved anything is to be seen.
        canvas.rect([left, y - thick / 2.0, received.max(1.0), thick], colours.received);
        canvas.rect([left + received, y - thick / 2.0, long(row.tx), thick], colours.sent);
        figures(y, row, Pen::new(13.0, colours.ink));
        y += height;
    }
    if let Some(others) = &ranked.others {
        canvas.line((EDGE, y - height / 2.0), (right, y - height / 2.0), colours.line, 1.0);
        canvas.text_within(EDGE, y, NAME, &others.name, Pen::new(13.5, colours.ink_soft));
        figures(y, others, Pen::new(13.0, colours.ink_soft));
    }
}

pub(crate) fn subtitle(look: &Look, answer: &QueryResult, ranked: &Ranked) -> String {
    let (rx, tx) = (look.bytes(ranked.rx), look.bytes(ranked.tx));
    let moved = look.say(format!("{rx} received, {tx} sent"), format!("{rx} recibidos, {tx} enviados"));
    match period(look, answer) {
        Some(period) => format!("{moved} · {period} · {}", look.zone_name()),
        None => moved,
    }
}

/// Which time an answer is about; `None` when nothing moved.
fn period(look: &Look, answer: &QueryResult) -> Option<String> {
    let since = answer.covered.since_unix_ms.or(answer.total.first_unix_ms)?;
    let until = answer.covered.until_unix_ms.or(answer.total.last_unix_ms)?;
    Some(look.range(since, until))
}
