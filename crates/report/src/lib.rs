//! Pictures of what moved, and the monthly report: drawn from the daemon's answers, as the bus carries them.
//!
//! Invariants: pure drawing. No file, no clock, no network; only a PNG reads something, the machine's fonts. What programs chose is
//! harmless, bounded text in everything that comes out, whatever the answers hold, and no answer makes this panic.
#![forbid(unsafe_code)]

mod amount;
mod bars;
mod calendar;
mod canvas;
mod chart;
mod countries;
mod frame;
mod look;
mod map;
mod naming;
mod number;
mod page;
mod picture;
mod steps;
mod text;
mod world;

pub use bars::Bars;
pub use calendar::month_of;
pub use chart::Chart;
pub use look::{Language, Look, Theme, Units};
pub use map::Map;
pub use naming::heading;
pub use page::{Report, range_before};
pub use picture::{Picture, PngError};
