//! What moved over time.

use portolan_bus::{Covered, SeriesResult};
use portolan_core::Dimension;

use crate::{
    canvas::{Canvas, Pen, picture},
    frame::{BOTTOM, EDGE, Frame, TOP, frame, nothing},
    look::{Colour, Look},
    naming::heading,
    number::{instant, many, real},
    picture::Picture,
    steps::{Band, Steps},
    text::{isolated, titled, width_of},
};

const LEGEND: f64 = 250.0;
const AXIS: f64 = 78.0;
/// How far apart the lines are that say that nothing is known.
const HATCH: f64 = 9.0;
const HOUR_MS: i64 = 3_600_000;

/// A series of the history as a picture: stacked steps by line, or received above sent where there is one line only.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    /// Which traffic it is of, in the query language; empty for all. Hostile text.
    pub about: &'a str,
    /// The series.
    pub series: &'a SeriesResult,
    /// What its lines are of; `None` for one line.
    pub by: Option<Dimension>,
}

impl Chart<'_> {
    /// Draws it.
    #[must_use]
    pub fn draw(&self, look: &Look) -> Picture {
        let steps = Steps::new(look, self.series, self.by);
        let title = match self.by {
            Some(by) => {
                let heading = heading(look, by);
                look.say(format!("{heading} over time"), format!("{heading} en el tiempo"))
            }
            None => look.say("Traffic over time", "Tráfico en el tiempo").to_owned(),
        };
        let title = titled(title, self.about);
        let described = described(look, &steps, &self.series.covered);
        picture(look, &title, &described, |canvas| {
            let note = note(look, &steps);
            let subtitle = subtitle(look, &steps, &self.series.covered);
            frame(canvas, &Frame { title: &title, subtitle: &subtitle, note: &note, source: "" });
            match steps.range() {
                Some(range) if sums(&steps) != (0, 0) => draw(canvas, look, &steps, range, self.by.is_some()),
                _ => nothing(canvas, look),
            }
        })
    }
}

/// Where the data is in the picture.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    since: i64,
    until: i64,
    /// The amounts at the upper and at the lower edge.
    most: f64,
    least: f64,
}

impl Plot {
    fn x(&self, unix_ms: i64) -> f64 {
        let share = instant(unix_ms.saturating_sub(self.since))
            / instant(self.until.saturating_sub(self.since)).max(1.0);
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    fn y(&self, amount: f64) -> f64 {
        let share = (amount - self.least) / (self.most - self.least).max(1e-9);
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - self.top)
    }
}

fn draw(canvas: &Canvas<'_>, look: &Look, steps: &Steps, (since, until): (i64, i64), is_stacked: bool) {
    let per = per(steps);
    let totals = steps.totals();
    let highest = |of: fn(&(u64, u64)) -> f64| totals.iter().map(of).fold(0.0, f64::max) / per;
    let (above, below) = if is_stacked {
        (highest(|(rx, tx)| real(*rx) + real(*tx)), 0.0)
    } else {
        (highest(|(rx, _)| real(*rx)), highest(|(_, tx)| real(*tx)))
    };
    let marks = look.marks(above.max(below), if is_stacked { 6.0 } else { 4.0 });
    // A little more than what is highest, or up to a mark that is near.
    let reach = |amount: f64| {
        let near =
            marks.iter().map(|(mark, _)| *mark).find(|mark| (amount * 0.999..amount * 1.06).contains(mark));
        near.unwrap_or(amount * 1.06)
    };
    let plot = Plot {
        left: EDGE + AXIS,
        right: canvas.width - EDGE - LEGEND,
        top: TOP + 10.0,
        bottom: canvas.height - BOTTOM - 44.0,
        since,
        until,
        most: reach(above).max(1e-6),
        least: -reach(below),
    };
    gaps(canvas, steps, &plot);
    amounts(canvas, look, steps, &plot, &marks);
    moments(canvas, look, &plot);
    let colours = canvas.colours;
    let colour = |at: usize, band: &Band| match colours.series.get(at) {
        Some(colour) if !band.is_other => *colour,
        _ => colours.ink_soft,
    };
    if is_stacked {
        let mut below = vec![0.0; steps.starts.len()];
        for (at, band) in steps.bands.iter().enumerate() {
            let moved = band.rx.iter().zip(&band.tx).map(|(rx, tx)| (real(*rx) + real(*tx)) / per);
            let above: Vec<f64> = below.iter().zip(moved).map(|(below, moved)| below + moved).collect();
            stretch(canvas, steps, &plot, (&below, &above), colour(at, band));
            below = above;
        }
        let rows: Vec<_> = steps
            .bands
            .iter()
            .enumerate()
            .map(|(at, band)| (band.name.as_str(), colour(at, band), split(look, band)))
            .collect();
        legend(canvas, look, steps, &rows);
    } else {
        let zero = vec![0.0; steps.starts.len()];
        let side =
            |of: fn(&(u64, u64)) -> f64| totals.iter().map(|total| of(total) / per).collect::<Vec<f64>>();
        stretch(canvas, steps, &plot, (&zero, &side(|(rx, _)| real(*rx))), colours.received);
        stretch(canvas, steps, &plot, (&zero, &side(|(_, tx)| -real(*tx))), colours.sent);
        canvas.line((plot.left, plot.y(0.0)), (plot.right, plot.y(0.0)), colours.ink_soft, 1.0);
        let (rx, tx) = sums(steps);
        let rows = [
            (look.say("received", "recibido"), colours.received, look.bytes(rx)),
            (look.say("sent", "enviado"), colours.sent, look.bytes(tx)),
        ];
        legend(canvas, look, steps, &rows);
    }
}

/// One band from a lower to an upper edge, for each run of steps of which something is known.
fn stretch(
    canvas: &Canvas<'_>,
    steps: &Steps,
    plot: &Plot,
    (lower, upper): (&[f64], &[f64]),
    colour: Colour,
) {
    for (first, end) in steps.runs() {
        let edge = |amounts: &[f64]| -> Vec<(f64, f64)> {
            let of = |at: usize| {
                let start = steps.starts.get(at).copied().unwrap_or_default();
                let y = plot.y(amounts.get(at).copied().unwrap_or_default());
                [(plot.x(start), y), (plot.x(steps.end(at)), y)]
            };
            (first..end).flat_map(of).collect()
        };
        let range = first..end;
        let pairs = lower.iter().zip(upper).skip(range.start).take(range.len());
        if pairs.map(|(lower, upper)| (upper - lower).abs()).fold(0.0, f64::max) <= 0.0 {
            continue;
        }
        let outline: Vec<_> = edge(upper).into_iter().chain(edge(lower).into_iter().rev()).collect();
        canvas.area(&outline, colour);
        // Two colours that somebody cannot tell apart are two areas all the same.
        canvas.path(&edge(upper), canvas.colours.ground, 0.8);
    }
}

fn gaps(canvas: &Canvas<'_>, steps: &Steps, plot: &Plot) {
    for (first, end) in steps.gaps() {
        let Some(from) = steps.starts.get(first) else { continue };
        let (from, to) = (plot.x(*from), plot.x(steps.end(end - 1)));
        hatched(canvas, [from, plot.top, to - from, plot.bottom - plot.top]);
    }
}

/// A place of which nothing is known, which must not look like nothing.
fn hatched(canvas: &Canvas<'_>, [left, top, width, height]: [f64; 4]) {
    canvas.rect([left, top, width, height], canvas.colours.gap);
    let mut at = HATCH;
    while at < width + height {
        // From the left or the lower edge up to the upper or the right one.
        let from = (left + (at - height).max(0.0), top + at.min(height));
        let to = (left + at.min(width), top + (at - width).max(0.0));
        canvas.line(from, to, canvas.colours.ink_soft, 0.5);
        at += HATCH;
    }
}

/// The axis of amounts: from 0 up, and down again where sent is below.
fn amounts(canvas: &Canvas<'_>, look: &Look, steps: &Steps, plot: &Plot, marks: &[(f64, String)]) {
    let per = if steps.step_ms < HOUR_MS { "/s" } else { "" };
    let pen = Pen::new(12.0, canvas.colours.ink_soft).right();
    let down = marks.iter().skip(1).map(|(amount, label)| (-amount, label));
    for (amount, label) in marks.iter().map(|(amount, label)| (*amount, label)).chain(down) {
        if amount > plot.most * 1.001 || amount < plot.least * 1.001 - 1e-9 {
            continue;
        }
        let y = plot.y(amount);
        canvas.line((plot.left, y), (plot.right, y), canvas.colours.line, 1.0);
        let label = if amount == 0.0 { label.clone() } else { format!("{label}{per}") };
        canvas.text(plot.left - 10.0, y, &label, pen);
    }
    let of = match steps.step_ms {
        ms if ms < HOUR_MS => look.say("mean of", "media de"),
        _ => look.say("bytes in", "bytes en"),
    };
    let of = format!("{of} {}", look.length(steps.step_ms));
    canvas.text(EDGE, TOP - 8.0, &of, Pen::new(12.0, canvas.colours.ink_soft));
}

fn moments(canvas: &Canvas<'_>, look: &Look, plot: &Plot) {
    let colours = canvas.colours;
    let most = (plot.right - plot.left) / 84.0;
    canvas.line((plot.left, plot.bottom), (plot.right, plot.bottom), colours.ink_soft, 1.0);
    let mut written = f64::MIN;
    for mark in look.time_marks(plot.since, plot.until, most) {
        let x = plot.x(mark.unix_ms);
        canvas.line((x, plot.bottom), (x, plot.bottom + 5.0), colours.ink_soft, 1.0);
        let half = width_of(&mark.label, 12.0) / 2.0;
        if x - half > written && x + half < canvas.width - EDGE {
            canvas.text(x, plot.bottom + 17.0, &mark.label, Pen::new(12.0, colours.ink).centred());
            if let Some(below) = &mark.below {
                canvas.text(x, plot.bottom + 33.0, below, Pen::new(11.5, colours.ink_soft).centred());
            }
            written = x + half + 8.0;
        }
    }
}

/// What each colour is, the largest first, with what it moved.
fn legend(canvas: &Canvas<'_>, look: &Look, steps: &Steps, rows: &[(&str, Colour, String)]) {
    let colours = canvas.colours;
    let left = canvas.width - EDGE - LEGEND + 28.0;
    let room = LEGEND - 28.0 - 22.0;
    let mut y = TOP + 14.0;
    for (name, colour, moved) in rows {
        canvas.rect([left, y - 6.0, 12.0, 12.0], *colour);
        canvas.text_within(left + 22.0, y, room, name, Pen::new(13.5, colours.ink));
        canvas.text_within(left + 22.0, y + 18.0, room, moved, Pen::new(12.0, colours.ink_soft));
        y += 47.0_f64.min((canvas.height - TOP - BOTTOM - 40.0) / many(rows.len() + 1));
    }
    if steps.known.contains(&false) {
        hatched(canvas, [left, y - 6.0, 12.0, 12.0]);
        let edge = [(0.0, 0.0), (12.0, 0.0), (12.0, 12.0), (0.0, 12.0), (0.0, 0.0)];
        canvas.path(&edge.map(|(x, down)| (left + x, y - 6.0 + down)), colours.line, 1.0);
        let text = look.say("not recorded", "no registrado");
        canvas.text_within(left + 22.0, y, room, text, Pen::new(12.0, colours.ink_soft));
    }
}

/// Received and sent of a band, in this order.
fn split(look: &Look, band: &Band) -> String {
    let (rx, tx) = (look.bytes(band.received()), look.bytes(band.sent()));
    look.say(format!("{rx} in · {tx} out"), format!("{rx} rec. · {tx} env."))
}

/// What an amount of a step is divided by.
fn per(steps: &Steps) -> f64 {
    if steps.step_ms < HOUR_MS { instant(steps.step_ms) / 1000.0 } else { 1.0 }
}

fn sums(steps: &Steps) -> (u64, u64) {
    let add = |sums: (u64, u64), band: &Band| {
        (sums.0.saturating_add(band.received()), sums.1.saturating_add(band.sent()))
    };
    steps.bands.iter().fold((0, 0), add)
}

fn subtitle(look: &Look, steps: &Steps, covered: &Covered) -> String {
    let Some((first, end)) = steps.range() else { return String::new() };
    let (since, until) = (covered.since_unix_ms.unwrap_or(first), covered.until_unix_ms.unwrap_or(end));
    let (rx, tx) = sums(steps);
    let (range, zone) = (look.range(since, until), look.zone_name());
    let (rx, tx) = (look.bytes(rx), look.bytes(tx));
    look.say(
        format!("{rx} received, {tx} sent · {range} · {zone}"),
        format!("{rx} recibidos, {tx} enviados · {range} · {zone}"),
    )
}

fn note(look: &Look, steps: &Steps) -> String {
    if steps.starts.is_empty() {
        return String::new();
    }
    let step = look.length(steps.step_ms);
    look.say(
        format!("Each step is {step} wide. Bytes that programs moved at their sockets, without headers."),
        format!(
            "Cada escalón abarca {step}. Bytes que los programas movieron en sus sockets, sin cabeceras."
        ),
    )
}

/// For those who do not see the picture.
fn described(look: &Look, steps: &Steps, covered: &Covered) -> String {
    let largest = |band: &Band| format!("{}: {}", isolated(&band.name), split(look, band));
    let bands: Vec<String> = steps.bands.iter().map(largest).collect();
    format!("{}. {} {}.", subtitle(look, steps, covered), note(look, steps), bands.join("; "))
}
