//! Days, times and lengths of time as a person reads them.

use jiff::{Timestamp, ToSpan as _, Unit, Zoned, civil::Date};

use crate::{
    look::Look,
    number::{instant, times},
};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MESES: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

/// A mark of a time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) unix_ms: i64,
    pub(crate) label: String,
    /// What stands below, where it is another one than before: the day of a time, the year of a day.
    pub(crate) below: Option<String>,
}

/// How far the marks of an axis are from each other.
#[derive(Debug, Clone, Copy)]
enum Every {
    Ms(i64),
    Days(i32),
    Months(i32),
}

const DISTANCES: [Every; 20] = [
    Every::Ms(SECOND),
    Every::Ms(10 * SECOND),
    Every::Ms(30 * SECOND),
    Every::Ms(MINUTE),
    Every::Ms(5 * MINUTE),
    Every::Ms(10 * MINUTE),
    Every::Ms(30 * MINUTE),
    Every::Ms(HOUR),
    Every::Ms(3 * HOUR),
    Every::Ms(6 * HOUR),
    Every::Ms(12 * HOUR),
    Every::Days(1),
    Every::Days(2),
    Every::Days(7),
    Every::Months(1),
    Every::Months(3),
    Every::Months(12),
    Every::Months(60),
    Every::Months(240),
    Every::Months(1200),
];

impl Look {
    /// `3 Nov 2026`.
    pub(crate) fn day(&self, unix_ms: i64) -> String {
        self.zoned(unix_ms).map_or_else(|| unknown(unix_ms), |at| self.date(at.date()))
    }

    /// `3 Nov 2026, 14:05`.
    pub(crate) fn moment(&self, unix_ms: i64) -> String {
        let written = |at: Zoned| format!("{}, {}", self.date(at.date()), at.strftime("%H:%M"));
        self.zoned(unix_ms).map_or_else(|| unknown(unix_ms), written)
    }

    /// A range: `1 Oct – 31 Oct 2026` where both ends are midnights, else with times. The end is the first moment after it.
    pub(crate) fn range(&self, since_ms: i64, until_ms: i64) -> String {
        let ends = self.zoned(since_ms).zip(self.zoned(until_ms));
        let is_midnight = |at: &Zoned| at.start_of_day().is_ok_and(|start| start == *at);
        let days = ends.filter(|(since, until)| is_midnight(since) && is_midnight(until) && since < until);
        match days {
            Some((_, until)) => {
                let last = until.timestamp().as_millisecond().saturating_sub(1);
                let (first, last) = (self.day(since_ms), self.day(last));
                if first == last { first } else { format!("{first} – {last}") }
            }
            None if self.day(since_ms) == self.day(until_ms) => {
                let end = self.zoned(until_ms).map(|at| at.strftime("%H:%M").to_string());
                format!("{} – {}", self.moment(since_ms), end.unwrap_or_default())
            }
            None => format!("{} – {}", self.moment(since_ms), self.moment(until_ms)),
        }
    }

    /// The name of a whole month, `October 2026`; `None` where a range is none.
    pub(crate) fn month(&self, since_ms: i64, until_ms: i64) -> Option<String> {
        let since = self.zoned(since_ms)?;
        let is_first = since.day() == 1 && since.start_of_day().ok()? == since;
        let end = since.checked_add(1.month()).ok()?;
        (is_first && end.timestamp().as_millisecond() == until_ms).then(|| {
            let at = usize::try_from(since.month() - 1).unwrap_or_default();
            let (month, mes) = (MONTHS.get(at).unwrap_or(&""), MESES.get(at).unwrap_or(&""));
            self.say(format!("{month} {}", since.year()), format!("{mes} de {}", since.year()))
        })
    }

    /// A length of time in words: `10 seconds`, `1 hour`.
    pub(crate) fn length(&self, ms: i64) -> String {
        let ms = ms.max(0);
        let fits = |unit: i64| ms >= unit && ms % unit == 0;
        let (count, one, more) = match ms {
            ms if fits(DAY) => (ms / DAY, self.say("day", "día"), self.say("days", "días")),
            ms if fits(HOUR) => (ms / HOUR, self.say("hour", "hora"), self.say("hours", "horas")),
            ms if fits(MINUTE) => (ms / MINUTE, self.say("minute", "minuto"), self.say("minutes", "minutos")),
            ms => (ms / SECOND, self.say("second", "segundo"), self.say("seconds", "segundos")),
        };
        format!("{count}\u{a0}{}", if count == 1 { one } else { more })
    }

    /// What the zone is called, for those who read elsewhere.
    pub(crate) fn zone_name(&self) -> String {
        self.zone.iana_name().map_or_else(|| self.say("local time", "hora local").to_owned(), str::to_owned)
    }

    /// Marks of a time axis, at round times of the zone, about `most` of them.
    pub(crate) fn time_marks(&self, since_ms: i64, until_ms: i64, most: f64) -> Vec<Mark> {
        let length = instant(until_ms.saturating_sub(since_ms));
        let rough = length / most.max(1.0);
        let every = DISTANCES.into_iter().find(|every| every.about_ms() >= rough * 0.98);
        let every = every.unwrap_or(Every::Months(12_000));
        let (Some(first), Some(last)) = (self.zoned(since_ms), self.zoned(until_ms)) else {
            return Vec::new();
        };
        let mut marks: Vec<Mark> = Vec::new();
        let mut above = None;
        for at in every.all(&first, times(most * 3.0).clamp(2, 200)) {
            if at > last {
                break;
            }
            if at < first {
                continue;
            }
            let (label, below) = self.labels(every, &at);
            let is_new = above.as_ref() != Some(&below);
            marks.push(Mark {
                unix_ms: at.timestamp().as_millisecond(),
                label,
                below: is_new.then(|| below.clone()).filter(|below| !below.is_empty()),
            });
            above = Some(below);
        }
        marks
    }

    fn labels(&self, every: Every, at: &Zoned) -> (String, String) {
        match every {
            Every::Ms(ms) if ms < MINUTE => (at.strftime("%H:%M:%S").to_string(), self.date(at.date())),
            Every::Ms(_) => (at.strftime("%H:%M").to_string(), self.date(at.date())),
            Every::Days(_) => (self.short(at.date()), at.year().to_string()),
            Every::Months(months) if months < 12 => (self.month_word(at.date()), at.year().to_string()),
            Every::Months(_) => (at.year().to_string(), String::new()),
        }
    }

    fn date(&self, date: Date) -> String {
        format!("{} {}", self.short(date), date.year())
    }

    fn short(&self, date: Date) -> String {
        format!("{}\u{a0}{}", date.day(), self.month_word(date))
    }

    fn month_word(&self, date: Date) -> String {
        let at = usize::try_from(date.month() - 1).unwrap_or_default();
        let names = self.say(MONTHS, MESES);
        names.get(at).map(|name| name.chars().take(3).collect()).unwrap_or_default()
    }

    fn zoned(&self, unix_ms: i64) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(unix_ms).ok()?.to_zoned(self.zone.clone()))
    }
}

impl Every {
    fn about_ms(self) -> f64 {
        match self {
            Self::Ms(ms) => instant(ms),
            Self::Days(days) => f64::from(days) * instant(DAY),
            Self::Months(months) => f64::from(months) * 30.4 * instant(DAY),
        }
    }

    /// The round times from the one before `first` on, as many as asked for.
    fn all(self, first: &Zoned, count: usize) -> Vec<Zoned> {
        let start = match self {
            Self::Ms(_) | Self::Days(_) => first.start_of_day(),
            Self::Months(months) => {
                let year = first.year();
                let year = if months > 12 {
                    year - year.rem_euclid(i16::try_from(months / 12).unwrap_or(1))
                } else {
                    year
                };
                Date::new(year, 1, 1).and_then(|date| date.to_zoned(first.time_zone().clone()))
            }
        };
        let Ok(start) = start else { return Vec::new() };
        // Weeks begin on Mondays.
        let start = match self {
            Self::Days(7) => {
                let after = i64::from(first.weekday().to_monday_zero_offset());
                start.checked_sub(after.days()).unwrap_or(start)
            }
            _ => start,
        };
        // The first ones are before the range: those of a day by the second are many.
        let skipped = match self {
            Self::Ms(ms) => {
                let passed =
                    first.timestamp().as_millisecond().saturating_sub(start.timestamp().as_millisecond());
                passed / ms
            }
            _ => 0,
        };
        let at = |step: i64| match self {
            // By the clock on the wall, so that marks stay round when it is changed.
            Self::Ms(ms) => {
                let wall =
                    start.datetime().checked_add((skipped + step).checked_mul(ms)?.milliseconds()).ok()?;
                wall.to_zoned(start.time_zone().clone()).ok()
            }
            Self::Days(days) => start.checked_add((step * i64::from(days)).days()).ok(),
            Self::Months(months) => start.checked_add((step * i64::from(months)).months()).ok(),
        };
        (0..).map_while(at).take(count).collect()
    }
}

fn unknown(unix_ms: i64) -> String {
    format!("{unix_ms} ms")
}

/// The first moment of the month that holds this moment, and of the next one.
#[must_use]
pub fn month_of(at: &Zoned) -> Option<(i64, i64)> {
    let start = at.first_of_month().ok()?.start_of_day().ok()?;
    let end = start.checked_add(1.month()).ok()?;
    Some((start.timestamp().as_millisecond(), end.timestamp().as_millisecond()))
}

/// The same number of whole days, or the whole month, before a range.
pub(crate) fn before(look: &Look, since_ms: i64, until_ms: i64) -> Option<(i64, i64)> {
    let since = look.zoned(since_ms)?;
    if look.month(since_ms, until_ms).is_some() {
        let start = since.checked_sub(1.month()).ok()?;
        return Some((start.timestamp().as_millisecond(), since_ms));
    }
    let days = look.zoned(until_ms)?.since((Unit::Day, &since)).ok()?;
    let start = since.checked_sub(days).ok()?;
    Some((start.timestamp().as_millisecond(), since_ms))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::look::Language;

    fn ms(text: &str) -> i64 {
        text.parse::<Zoned>().unwrap().timestamp().as_millisecond()
    }

    fn berlin(language: Language) -> Look {
        Look::new(language, TimeZone::get("Europe/Berlin").unwrap())
    }

    #[test]
    fn a_month_is_one_where_the_person_is() {
        let (since, until) = (ms("2026-10-01T00:00[Europe/Berlin]"), ms("2026-11-01T00:00[Europe/Berlin]"));
        assert_eq!(berlin(Language::English).month(since, until).as_deref(), Some("October 2026"));
        assert_eq!(berlin(Language::Spanish).month(since, until).as_deref(), Some("octubre de 2026"));
        assert_eq!(Look::new(Language::English, TimeZone::UTC).month(since, until), None);
        let september = (ms("2026-09-01T00:00[Europe/Berlin]"), since);
        assert_eq!(before(&berlin(Language::English), since, until), Some(september));
        assert_eq!(berlin(Language::English).range(since, until), "1\u{a0}Oct 2026 – 31\u{a0}Oct 2026");
    }

    #[test]
    fn marks_stand_at_round_times_also_on_the_day_when_the_clock_is_changed() {
        let look = berlin(Language::English);
        let (since, until) = (ms("2026-10-24T20:00[Europe/Berlin]"), ms("2026-10-25T20:00[Europe/Berlin]"));
        let marks = look.time_marks(since, until, 9.0);
        let labels: Vec<&str> = marks.iter().map(|mark| mark.label.as_str()).collect();
        assert_eq!(labels, ["21:00", "00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00"]);
        assert_eq!(marks[0].below.as_deref(), Some("24\u{a0}Oct 2026"));
        assert_eq!(marks[1].below.as_deref(), Some("25\u{a0}Oct 2026"));
    }

    #[test]
    fn there_are_some_marks_and_not_too_many_for_every_length() {
        let look = berlin(Language::Spanish);
        let since = ms("2026-03-03T13:07:11[Europe/Berlin]");
        for length in [MINUTE, 5 * MINUTE, HOUR, DAY, 7 * DAY, 31 * DAY, 365 * DAY, 3650 * DAY, 36_500 * DAY]
        {
            let marks = look.time_marks(since, since + length, 9.0);
            assert!((2..=12).contains(&marks.len()), "{length}: {marks:?}");
        }
        assert_eq!(look.time_marks(i64::MIN, i64::MAX, 9.0), []);
    }

    #[test]
    fn lengths_are_words() {
        let (english, spanish) = (berlin(Language::English), berlin(Language::Spanish));
        assert_eq!(english.length(10_000), "10\u{a0}seconds");
        assert_eq!(spanish.length(3_600_000), "1\u{a0}hora");
        assert_eq!(english.length(90_000), "90\u{a0}seconds");
    }
}
