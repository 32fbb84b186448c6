//! Time in which nobody recorded is told from time in which nothing moved.

use std::{ops::Range, time::Duration};

use portolan_core::{Uid, UnixMillis};
use portolan_history::{History, Limits, Record, Retention, Salvage, Series, Spans, Step, language::Query};
use proptest::{collection::vec, prelude::*};

use crate::world::{Place, between, record};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// A day begins.
const START: i64 = 1_700_006_400_000;

fn span(from: i64, until: i64) -> Range<UnixMillis> {
    UnixMillis(from)..UnixMillis(until)
}

fn spans(all: &[(i64, i64)]) -> Spans {
    let mut spans = Spans::default();
    all.iter().for_each(|(from, until)| spans.add(span(*from, *until)));
    spans
}

/// Something that moved then.
fn at(time: i64) -> Record {
    Record { bucket_start: bucket(time).start, first: UnixMillis(time), last: UnixMillis(time), ..record() }
}

fn bucket(time: i64) -> Range<UnixMillis> {
    let start = time - time.rem_euclid(10 * SECOND);
    span(start, start + 10 * SECOND)
}

fn series(place: &Place, step: Step, since: Option<i64>, until: Option<i64>) -> Series {
    place.reader().series(&between(since, until), step, &Limits::default()).unwrap()
}

fn gaps(series: &Series) -> Vec<(i64, i64)> {
    series.gaps.iter().map(|gap| (gap.start.0, gap.end.0)).collect()
}

#[test]
fn what_nobody_recorded_is_a_gap_and_what_did_not_move_is_none() {
    let place = Place::new();
    let mut history = place.history();
    history.write_recorded(&[at(START)], None, &spans(&[(START, START + HOUR)])).unwrap();
    // It goes on, in silence; then nobody for 90 minutes.
    history.write_recorded([], None, &spans(&[(START + HOUR, START + 2 * HOUR)])).unwrap();
    let later = START + 210 * MINUTE;
    history.write_recorded(&[at(later + MINUTE)], None, &spans(&[(later, later + HOUR)])).unwrap();

    let by_minute = series(&place, Step::Minute, Some(START), Some(START + 6 * HOUR));
    assert_eq!(gaps(&by_minute), [(START + 2 * HOUR, later), (later + HOUR, START + 6 * HOUR)]);
    let by_hour = series(&place, Step::Hour, Some(START - 3 * HOUR), None);
    assert_eq!(gaps(&by_hour), [(START - 3 * HOUR, START), (START + 2 * HOUR, later)]);
    assert_eq!(by_hour.times.len(), 3 + 5, "up to what was recorded last");
    assert_eq!(by_hour.lines[0].tx[3 + 3], record().bytes.tx, "recorded in part is what was recorded");
    assert_eq!(gaps(&series(&place, Step::Day, None, None)), [], "no whole day is missing");
    // Whoever asks for a part of the traffic, or may see a part of it, gets the same gaps.
    let mut question = between(Some(START), Some(START + 6 * HOUR));
    question.viewer = Some(Uid(77));
    let nothing = place.reader().series(&question, Step::Minute, &Limits::default()).unwrap();
    assert_eq!(gaps(&nothing), gaps(&by_minute));
}

#[test]
fn silence_after_what_moved_last_is_part_of_an_open_range() {
    let place = Place::new();
    place.history().write_recorded(&[at(START)], None, &spans(&[(START, START + 3 * HOUR)])).unwrap();
    let series = series(&place, Step::Minute, None, None);
    assert_eq!((series.times.len(), gaps(&series)), (180, vec![]));
}

#[test]
fn what_was_forgotten_was_recorded_all_the_same() {
    let place = Place::new();
    let mut history = place.history();
    let recorded = spans(&[(START, START + 3 * HOUR)]);
    let moved: Vec<_> = (0..180).map(|minute| at(START + minute * MINUTE)).collect();
    history.write_recorded(&moved, None, &recorded).unwrap();
    let query = Query {
        since: Some(UnixMillis(START + HOUR)),
        until: Some(UnixMillis(START + 2 * HOUR)),
        ..Query::default()
    };
    let now = UnixMillis(START + 3 * HOUR);
    let mut forgetting = history.begin_forgetting(&query, |_, _| None, Uid(0), now).unwrap();
    while history.forget(&mut forgetting).unwrap() {}
    let left = series(&place, Step::Hour, None, None);
    assert_eq!((gaps(&left), left.lines[0].tx.clone()), (vec![], vec![6000, 0, 6000]));
}

#[test]
fn of_an_older_file_the_days_on_which_something_moved_were_recorded() {
    let place = Place::new();
    let moved =
        [START + 5 * HOUR, START + DAY + HOUR, START + 4 * DAY + 7 * HOUR, START + 4 * DAY + 9 * HOUR];
    place.history().write(&moved.map(at)).unwrap();
    let old = rusqlite::Connection::open(place.path()).unwrap();
    old.execute_batch("DROP TABLE recorded; PRAGMA user_version = 12").unwrap();
    drop(old);
    drop(place.history());
    let days = series(&place, Step::Day, None, None);
    assert_eq!(gaps(&days), [(START + 2 * DAY, START + 4 * DAY + 7 * HOUR)]);
    assert_eq!(gaps(&series(&place, Step::Hour, Some(START), Some(START + 2 * DAY))), []);
    let end = START + 4 * DAY + 9 * HOUR + 10 * SECOND;
    let after = series(&place, Step::Minute, Some(end - MINUTE), Some(end + HOUR));
    assert_eq!(gaps(&after), [(end, START + 4 * DAY + 10 * HOUR + MINUTE)]);
}

#[test]
fn of_what_was_deleted_for_its_age_nothing_is_known() {
    let place = Place::new();
    let mut history = place.history();
    let moved: Vec<_> = (0..20 * 24).map(|hour| at(START + hour * HOUR)).collect();
    history.write_recorded(&moved, None, &spans(&[(START, START + 20 * DAY)])).unwrap();
    let age = Some(Duration::from_secs(5 * 86_400));
    let limits = Retention { bucket: age, minute: age, hour: age, day: age, ..Retention::default() };
    while history.retain(&limits, UnixMillis(START + 20 * DAY), 100).unwrap().more {}
    let days = series(&place, Step::Day, Some(START + 10 * DAY), None);
    assert_eq!(gaps(&days), [(START + 10 * DAY, START + 15 * DAY)]);
}

#[test]
fn where_a_page_of_it_is_lost_the_days_are_what_is_left() {
    let place = Place::new();
    let mut history = place.history();
    for day in [0, 1, 5] {
        let recorded = spans(&[(START + day * DAY, START + day * DAY + HOUR)]);
        history.write_recorded(&[at(START + day * DAY)], None, &recorded).unwrap();
    }
    drop(history);
    let sqlite = rusqlite::Connection::open(place.path()).unwrap();
    let page: i64 = sqlite
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'recorded'", [], |row| row.get(0))
        .unwrap();
    drop(sqlite);
    let file = std::fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xa5; 4096], u64::try_from(page - 1).unwrap() * 4096)
        .unwrap();
    let mut salvage = Some(Salvage::begin(&place.path(), UnixMillis(9)).unwrap());
    let mut history = History::open(&place.path()).unwrap();
    while history.save(&mut salvage, 100).unwrap().is_none() {}
    drop(history);
    assert_eq!(gaps(&series(&place, Step::Hour, None, None)), [(START + 2 * DAY, START + 5 * DAY)]);
    place.assert_sound();
}

/// What a daemon, and the machine that it runs on, goes through.
#[derive(Debug, Clone)]
enum Event {
    /// It records for so many seconds, and tells each minute; what it counted in some of them moved.
    Records { seconds: i64, moved: Vec<i64> },
    /// It is killed so many seconds after it has told last: of these nobody knows, but what moved is taken over.
    IsKilled { after: i64, takes_over: bool },
    /// Nobody records, or the machine sleeps.
    Pause { seconds: i64 },
    /// The clock is set.
    Step { seconds: i64 },
    /// What is old is deleted, as far as the default says.
    Retains,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..4000_i64, vec(0..4000_i64, 0..6))
            .prop_map(|(seconds, moved)| Event::Records { seconds, moved }),
        2 => (1..60_i64, any::<bool>())
            .prop_map(|(after, takes_over)| Event::IsKilled { after, takes_over }),
        3 => prop_oneof![1..30_i64, 1..5000_i64, 1..400_000_i64].prop_map(|seconds| Event::Pause { seconds }),
        2 => prop_oneof![-90_000..90_000_i64, -100..100_i64].prop_map(|seconds| Event::Step { seconds }),
        1 => Just(Event::Retains),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// A step is a gap exactly when nobody recorded any of it, whatever happened, at every length of steps; and nothing moved in one.
    #[test]
    fn a_step_is_a_gap_when_nobody_recorded_any_of_it(
        events in vec(event(), 1..14),
        since in 0..2 * DAY,
        length in 1..4 * DAY,
    ) {
        let place = Place::new();
        let mut history = place.history();
        let (mut now, mut recorded) = (START + DAY, Spans::default());
        for event in events {
            match event {
                Event::Records { seconds, moved } => {
                    let end = now + seconds * SECOND;
                    while now < end {
                        let told = (now + MINUTE).min(end);
                        let moved = moved.iter().map(|second| end - second * SECOND);
                        let moved: Vec<_> = moved.filter(|time| (now..told).contains(time)).collect();
                        let records: Vec<_> = moved.iter().copied().map(at).collect();
                        history.write_recorded(&records, None, &spans(&[(now, told)])).unwrap();
                        recorded.add(span(now, told));
                        moved.into_iter().for_each(|time| recorded.add(bucket(time)));
                        now = told;
                    }
                }
                Event::IsKilled { after, takes_over } => {
                    let moved = now + after * SECOND;
                    drop(history);
                    history = place.history();
                    if takes_over {
                        history.write(&[at(moved)]).unwrap();
                        recorded.add(bucket(moved));
                    }
                    now = moved + 1;
                }
                Event::Pause { seconds } | Event::Step { seconds } => now += seconds * SECOND,
                Event::Retains => while history.retain(&Retention::default(), UnixMillis(now), 50).unwrap().more {},
            }
        }
        let (since, until) = (START + since, START + since + length);
        for (step, since, until) in [
            (Step::Bucket, Some(since), Some(until.min(since + 12 * HOUR))),
            (Step::Minute, Some(since), Some(until)),
            (Step::Hour, Some(since), Some(until)),
            (Step::Day, Some(since), Some(until)),
            (Step::Auto, None, None),
        ] {
            let told = series(&place, step, since, until);
            let all: Vec<_> = told.gaps.clone();
            prop_assert!(all.windows(2).all(|two| two[0].end < two[1].start), "{:?}", all);
            for (place, start) in told.times.iter().enumerate() {
                let step = span(*start, start + told.step_ms);
                let is_missing = recorded.missing_in(step.clone()).eq([step.clone()]);
                let is_gap = all.iter().any(|gap| gap.start <= step.start && step.end <= gap.end);
                prop_assert_eq!(is_gap, is_missing, "{:?} {:?} {:?}", step, all, &recorded);
                let moved = told.lines.iter().chain(&told.other).any(|line| line.tx[place] > 0);
                prop_assert!(!(is_gap && moved));
            }
            for gap in &all {
                let missing: Vec<_> = recorded.missing_in(gap.clone()).collect();
                prop_assert_eq!(missing, std::slice::from_ref(gap));
            }
        }
        place.assert_sound();
    }
}
