//! What pictures are drawn on: plotters' SVG, in tenths of a pixel.

use plotters::{
    backend::SVGBackend,
    coord::Shift,
    drawing::{DrawingArea, IntoDrawingArea as _},
    element::{Circle, PathElement, Polygon, Rectangle},
    style::{
        Color as _, FontStyle, RGBColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::{
    look::{Colour, Colours, Look},
    number::whole,
    picture::Picture,
    text::{escaped, fit},
};

/// plotters knows whole coordinates only.
const FINE: f64 = 10.0;
/// plotters divides by it.
const PLOTTERS_FONT: f64 = 1.24;
/// What the person reads everything else in.
const FONT: &str = "system-ui, sans-serif";

/// A picture that is being made. A place is in pixels from the upper left corner.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    pub(crate) colours: &'static Colours,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// How a text is written; `y` is the middle of its small letters.
#[derive(Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) size: f64,
    pub(crate) colour: Colour,
    pub(crate) at: HPos,
    pub(crate) bold: bool,
}

impl Pen {
    pub(crate) fn new(size: f64, colour: Colour) -> Self {
        Self { size, colour, at: HPos::Left, bold: false }
    }

    pub(crate) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(crate) fn right(self) -> Self {
        Self { at: HPos::Right, ..self }
    }

    pub(crate) fn centred(self) -> Self {
        Self { at: HPos::Center, ..self }
    }
}

/// Draws a picture. `title` and `described` are for those who do not see it; harmless texts.
pub(crate) fn picture(look: &Look, title: &str, described: &str, draw: impl FnOnce(&Canvas<'_>)) -> Picture {
    let (width, height) = (look.size.0.clamp(640, 8192), look.size.1.clamp(360, 8192));
    let fine = [width, height].map(|pixels| whole(f64::from(pixels) * FINE).unsigned_abs());
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, (fine[0], fine[1])).into_drawing_area();
        let colours = look.theme.colours();
        let canvas = Canvas { area, colours, width: f64::from(width), height: f64::from(height) };
        draw(&canvas);
        // Writing into a text cannot fail.
        let _ = canvas.area.present();
    }
    let body = drawn.split_once(">\n").map_or("", |(_, body)| body);
    let (title, described) = (escaped(title), escaped(described));
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
         role=\"img\" aria-label=\"{title}\" font-variant-numeric=\"tabular-nums\" lang=\"{}\">\n\
         <title>{title}</title>\n<desc>{described}</desc>\n",
        fine[0],
        fine[1],
        look.language.tag(),
    );
    Picture::new(head + body)
}

impl Canvas<'_> {
    pub(crate) fn rect(&self, [x, y, width, height]: [f64; 4], colour: Colour) {
        let corners = [point(x, y), point(x + width.max(0.0), y + height.max(0.0))];
        let _ = self.area.draw(&Rectangle::new(corners, paint(colour).filled()));
    }

    pub(crate) fn circle(&self, x: f64, y: f64, radius: f64, colour: Colour) {
        let radius = whole(radius * FINE);
        let _ = self.area.draw(&Circle::new(point(x, y), radius, paint(colour).filled()));
    }

    pub(crate) fn line(&self, from: (f64, f64), to: (f64, f64), colour: Colour, width: f64) {
        self.path(&[from, to], colour, width);
    }

    pub(crate) fn path(&self, points: &[(f64, f64)], colour: Colour, width: f64) {
        let points: Vec<_> = points.iter().map(|(x, y)| point(*x, *y)).collect();
        let style = paint(colour).stroke_width(whole(width * FINE).unsigned_abs());
        let _ = self.area.draw(&PathElement::new(points, style));
    }

    pub(crate) fn area(&self, points: &[(f64, f64)], colour: Colour) {
        let points: Vec<_> = points.iter().map(|(x, y)| point(*x, *y)).collect();
        let _ = self.area.draw(&Polygon::new(points, paint(colour).filled()));
    }

    /// Writes harmless text.
    pub(crate) fn text(&self, x: f64, y: f64, text: &str, pen: Pen) {
        let style = if pen.bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = (FONT, (pen.size * FINE * PLOTTERS_FONT).round(), style);
        let colour = paint_of(pen.colour);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(pen.at, VPos::Center));
        let _ = self.area.draw_text(text, &style, point(x, y));
    }

    /// The same where there is only so much room.
    pub(crate) fn text_within(&self, x: f64, y: f64, width: f64, text: &str, pen: Pen) {
        self.text(x, y, &fit(text, if pen.bold { pen.size * 1.1 } else { pen.size }, width), pen);
    }
}

fn point(x: f64, y: f64) -> (i32, i32) {
    (whole(x * FINE), whole(y * FINE))
}

fn paint_of((r, g, b): Colour) -> RGBColor {
    RGBColor(r, g, b)
}

fn paint(colour: Colour) -> ShapeStyle {
    ShapeStyle::from(paint_of(colour).to_rgba())
}
