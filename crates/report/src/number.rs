//! Between counts, which are exact, and coordinates, which are not.

#![allow(
    clippy::as_conversions,
    reason = "there is no other way from and to a float; these saturate and never fail"
)]

/// A count for a proportion.
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// An instant or a length of time for a proportion.
pub(crate) fn instant(ms: i64) -> f64 {
    ms as f64
}

/// A number of things for a proportion.
pub(crate) fn many(count: usize) -> f64 {
    count as f64
}

/// The nearest whole coordinate; 0 for what is no number.
pub(crate) fn whole(coordinate: f64) -> i32 {
    coordinate.round() as i32
}

/// How often something fits; 0 for what is no number or below 0.
pub(crate) fn times(quotient: f64) -> usize {
    quotient as usize
}
