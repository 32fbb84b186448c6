//! The shapes of countries (`data/world.json`, TopoJSON of Natural Earth's 1:110m) and where they are on paper.

use std::sync::LazyLock;

use serde_json::Value;

use crate::number::instant;

const WORLD: &str = include_str!("../data/world.json");

/// A country's land.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Its number in ISO 3166, or its name where it has none.
    pub(crate) name: String,
    /// Closed outlines, in degrees east and north. A hole in one is another country's land, which is drawn later.
    pub(crate) outlines: Vec<Vec<(f64, f64)>>,
}

/// The countries, the largest first.
pub(crate) static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| read().unwrap_or_default());

fn read() -> Option<Vec<Shape>> {
    let world: Value = serde_json::from_str(WORLD).ok()?;
    let transform = |key: &str, at: usize| world["transform"][key][at].as_f64();
    let (scale, shift) = (
        (transform("scale", 0)?, transform("scale", 1)?),
        (transform("translate", 0)?, transform("translate", 1)?),
    );
    let arcs: Vec<Vec<(f64, f64)>> = world["arcs"]
        .as_array()?
        .iter()
        .map(|arc| {
            let (mut x, mut y) = (0, 0);
            let point = |delta: &Value| {
                x += delta[0].as_i64()?;
                y += delta[1].as_i64()?;
                Some((instant(x) * scale.0 + shift.0, instant(y) * scale.1 + shift.1))
            };
            arc.as_array().into_iter().flatten().map_while(point).collect()
        })
        .collect();
    let shape = |geometry: &Value| {
        let polygons: Vec<&Value> = match geometry["type"].as_str()? {
            "Polygon" => vec![&geometry["arcs"]],
            _ => geometry["arcs"].as_array()?.iter().collect(),
        };
        let outlines = polygons.iter().flat_map(|polygon| on_paper(outline(&polygon[0], &arcs))).collect();
        let name = geometry["id"].as_str().or(geometry["properties"]["name"].as_str())?;
        // Nobody lives there, and it would take a sixth of the paper.
        (name != "010").then(|| Shape { name: name.to_owned(), outlines })
    };
    let mut shapes: Vec<Shape> =
        world["objects"]["countries"]["geometries"].as_array()?.iter().filter_map(shape).collect();
    let size = |shape: &Shape| shape.outlines.iter().map(|outline| area(outline)).sum::<f64>();
    shapes.sort_by(|a, b| size(b).total_cmp(&size(a)));
    Some(shapes)
}

/// The arcs of a ring, one behind the other; those with a number below 0 are backwards.
fn outline(ring: &Value, arcs: &[Vec<(f64, f64)>]) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for number in ring.as_array().into_iter().flatten().filter_map(Value::as_i64) {
        let at = usize::try_from(if number < 0 { !number } else { number }).unwrap_or(usize::MAX);
        let Some(arc) = arcs.get(at) else { continue };
        if number < 0 { points.extend(arc.iter().rev()) } else { points.extend(arc) }
    }
    points
}

/// An outline that goes over the edge of the paper, at 180 degrees, is one on either side.
fn on_paper(mut outline: Vec<(f64, f64)>) -> Vec<Vec<(f64, f64)>> {
    let mut last = None;
    for (east, _) in &mut outline {
        let turns = last.map_or(0.0, |last: f64| ((last - *east) / 360.0).round());
        *east += turns * 360.0;
        last = Some(*east);
    }
    let sheet = |turn: f64| {
        let turned = outline.iter().map(|(east, north)| (east + turn * 360.0, *north)).collect();
        cut(cut(turned, -1.0), 1.0)
    };
    [-1.0, 0.0, 1.0].map(sheet).into_iter().filter(|outline| outline.len() >= 3).collect()
}

/// What of a closed outline is on this side of the edge: `side` is 1 for the eastern one, -1 for the western.
fn cut(outline: Vec<(f64, f64)>, side: f64) -> Vec<(f64, f64)> {
    let inside = |(east, _): (f64, f64)| east * side <= 180.0;
    let mut kept = Vec::new();
    for (from, to) in outline.iter().copied().zip(outline.iter().copied().cycle().skip(1)) {
        if inside(from) {
            kept.push(from);
        }
        if inside(from) != inside(to) {
            let edge = 180.0 * side;
            kept.push((edge, from.1 + (to.1 - from.1) * (edge - from.0) / (to.0 - from.0)));
        }
    }
    kept
}

fn area(outline: &[(f64, f64)]) -> f64 {
    let next = outline.iter().cycle().skip(1);
    outline.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>().abs() / 2.0
}

/// Where a place is by the Equal Earth projection (Šavrič, Patterson and Jenny, 2018), which keeps areas: x from -2.71 to 2.71.
pub(crate) fn projected((east, north): (f64, f64)) -> (f64, f64) {
    const A: [f64; 4] = [1.340_264, -0.081_106, 0.000_893, 0.003_796];
    let middle = 3_f64.sqrt() / 2.0;
    let t = (middle * north.to_radians().sin()).asin();
    let (t2, t6) = (t * t, t.powi(6));
    let x = east.to_radians() * t.cos()
        / (middle * (A[0] + 3.0 * A[1] * t2 + t6 * (7.0 * A[2] + 9.0 * A[3] * t2)));
    (x, t * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_read_and_none_goes_across_the_paper() {
        assert_eq!(SHAPES.len(), 176);
        for outline in SHAPES.iter().flat_map(|shape| &shape.outlines) {
            assert!(outline.len() >= 3 && outline.iter().all(|(east, _)| east.abs() <= 180.0));
            let next = outline.iter().cycle().skip(1);
            assert!(outline.iter().zip(next).all(|(from, to)| (from.0 - to.0).abs() < 90.0));
        }
        // Lesotho is in South Africa, and is drawn on it.
        let place = |name: &str| SHAPES.iter().position(|shape| shape.name == name).unwrap();
        assert!(place("426") > place("710"));
    }

    #[test]
    fn the_projection_is_that_of_its_paper() {
        let (x, y) = projected((180.0, 0.0));
        assert!((x - 2.706_63).abs() < 1e-4 && y.abs() < 1e-9, "{x} {y}");
        let (_, y) = projected((0.0, 90.0));
        assert!((y - 1.317_36).abs() < 1e-4, "{y}");
    }
}
