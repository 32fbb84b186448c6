//! What every picture has around its data: title, what it is about, and below what its figures mean.

use crate::{
    canvas::{Canvas, Pen},
    look::{Colour, Look},
    text::width_of,
};

/// From the edge of the picture to anything in it.
pub(crate) const EDGE: f64 = 36.0;
/// Where the data begins.
pub(crate) const TOP: f64 = 104.0;
/// From its end to the lower edge.
pub(crate) const BOTTOM: f64 = 60.0;

/// The words around the data. Harmless texts.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    /// What the figures mean.
    pub(crate) note: &'a str,
    /// Where they come from, below the note.
    pub(crate) source: &'a str,
}

/// Draws the ground and the words.
pub(crate) fn frame(canvas: &Canvas<'_>, frame: &Frame<'_>) {
    let colours = canvas.colours;
    let (width, height) = (canvas.width, canvas.height);
    canvas.rect([0.0, 0.0, width, height], colours.ground);
    let name = Pen::new(13.0, colours.ink_soft).right();
    canvas.text(width - EDGE, 40.0, "Portolan", name);
    compass(canvas, width - EDGE - width_of("Portolan", 13.0) - 22.0, 39.0, 12.0, colours.ink_soft);
    let room = width - 2.0 * EDGE;
    canvas.text_within(EDGE, 42.0, room - 130.0, frame.title, Pen::new(22.0, colours.ink).bold());
    canvas.text_within(EDGE, 70.0, room, frame.subtitle, Pen::new(14.0, colours.ink_soft));
    let small = Pen::new(11.5, colours.ink_soft);
    let (first, second) =
        if frame.source.is_empty() { (height - 24.0, 0.0) } else { (height - 34.0, height - 16.0) };
    canvas.text_within(EDGE, first, room, frame.note, small);
    if !frame.source.is_empty() {
        canvas.text_within(EDGE, second, room, frame.source, small);
    }
}

/// In the middle of a picture without data.
pub(crate) fn nothing(canvas: &Canvas<'_>, look: &Look) {
    let text = look.say("Nothing was recorded of that.", "No se registró nada de eso.");
    let pen = Pen::new(18.0, canvas.colours.ink_soft).centred();
    canvas.text(canvas.width / 2.0, canvas.height / 2.0 + 20.0, text, pen);
}

/// A rose of four long points over a rhumb-line circle.
fn compass(canvas: &Canvas<'_>, x: f64, y: f64, radius: f64, colour: Colour) {
    let waist = radius * 0.2;
    let star: Vec<(f64, f64)> = (0..8)
        .map(|point| {
            let angle = f64::from(point) * std::f64::consts::FRAC_PI_4;
            let far = if point % 2 == 0 { radius } else { waist * 1.3 };
            (x + far * angle.sin(), y - far * angle.cos())
        })
        .collect();
    let ring: Vec<(f64, f64)> = (0..=36)
        .map(|point| {
            let angle = f64::from(point) * std::f64::consts::TAU / 36.0;
            (x + radius * 0.68 * angle.sin(), y - radius * 0.68 * angle.cos())
        })
        .collect();
    canvas.path(&ring, canvas.colours.line, 1.0);
    canvas.area(&star, colour);
}
