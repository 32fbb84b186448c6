//! Where countries and networks are from.

use portolan_bus::PlaceData;
use portolan_core::{UnixMillis, Untrusted};

use super::clock::Clock;

/// `Places: GeoLite2-City of 2026-01-01 00:00:00. What its licence wants to be said`.
pub(crate) fn source(places: &PlaceData, clock: &Clock) -> String {
    let made = places.made_unix_ms.map(|made| format!(" of {}", clock.full(UnixMillis(made))));
    let attribution = places.attribution.as_ref().map(|text| format!(". {text}"));
    let source =
        format!("Places: {}{}{}", places.name, made.unwrap_or_default(), attribution.unwrap_or_default());
    Untrusted::from(source).for_terminal()
}
