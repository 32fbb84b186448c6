//! A clock that jumps, a machine that sleeps and a daemon that is killed: each byte is counted once, at every level.

use std::{collections::HashMap, time::Duration};

use portolan_core::Unattributed;
use portolan_history::{History, Question, Reader, Step};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    journal::{Entry, Head, Recovered},
    pipeline::{bucket_width::BucketWidth, flow, naming::Known},
};

const START: i64 = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;
const YEAR: i64 = 365 * 24 * HOUR;
const BOOT: &str = "this start";

/// What happens before a tick.
#[derive(Debug, Clone)]
enum Event {
    /// Somebody sets the clock by so many milliseconds.
    Step(i64),
    /// The machine sleeps; the boot clock goes on.
    Suspend(i64),
    /// The rows are given to the history.
    Write,
    /// The daemon is killed, and the next one begins; the history has what was given to it, or not yet.
    Kill(bool),
    /// Buckets are to be of another length.
    Width(u64),
    Nothing,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (-3 * HOUR..3 * HOUR).prop_map(Event::Step),
        2 => (-15_000..15_000_i64).prop_map(Event::Step),
        1 => prop::sample::select(vec![-53 * YEAR, -YEAR, YEAR, 15 * YEAR, 77 * YEAR]).prop_map(Event::Step),
        2 => (1..20 * HOUR).prop_map(Event::Suspend),
        4 => Just(Event::Write),
        2 => any::<bool>().prop_map(Event::Kill),
        1 => prop::sample::select(vec![1, 10, 60, 3600]).prop_map(Event::Width),
        8 => Just(Event::Nothing),
    ]
}

/// The recorder's rows with its journal and its history, without a kernel.
struct Bench {
    rows: Rows,
    width: BucketWidth,
    journal: Vec<Entry>,
    history: History,
    epoch: u64,
    written: Vec<Record>,
}

impl Bench {
    fn tick(&mut self, growths: &[Growth], since: MonotonicNs, now: Now) {
        self.width.at(now.wall);
        for growth in growths {
            let source = Source::Nobody(Unattributed::ProcessGone);
            let note = self.rows.add(growth, &source, self.width.ms(), since, now);
            let entry = Entry::Grown { flow: growth.flow, bytes: growth.bytes, row: Some(note) };
            self.journal.push(entry);
        }
        self.rows.settle(|_| {});
    }

    /// Gives the rows away; whether the history has them afterwards.
    fn write(&mut self, reaches: bool) {
        let (taken, records) = self.rows.take_settled(|_, _| Some(Known::default()));
        if taken > 0 {
            self.journal.push(Entry::Handed { epoch: self.epoch + 1, kept: self.rows.keys() });
            if reaches {
                self.epoch += 1;
                self.history.write(&records).unwrap();
                self.written.extend(records);
            }
        }
    }

    /// The next daemon goes on with what the journal says.
    fn begin_again(&mut self) {
        let entries = std::mem::take(&mut self.journal);
        let recovered = Recovered::replay(entries, BOOT, |_| Some(self.epoch)).unwrap();
        self.rows = Rows::default();
        let mut head = recovered.head;
        head.epoch = self.epoch;
        self.journal.push(Entry::Head(head));
        for row in recovered.rows.into_values() {
            self.journal.push(Entry::Row(row.clone()));
            self.rows.recall(row, Source::Nobody(Unattributed::ProcessGone));
        }
        self.rows.settle(|_| {});
    }
}

fn play(events: &[(Event, u64, Option<u64>)]) {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("history.sqlite");
    let head = Head::new(None, BOOT.to_owned(), 1, 0, MonotonicNs(7));
    let mut bench = Bench {
        rows: Rows::default(),
        width: BucketWidth::new(Duration::from_secs(10)),
        journal: vec![Entry::Head(head)],
        history: History::open(&path).unwrap(),
        epoch: 0,
        written: Vec::new(),
    };
    let mut now = Now {
        monotonic: MonotonicNs(60_000_000_000),
        stamp: MonotonicNs(60_000_000_000),
        wall: UnixMillis(START),
    };
    let mut counted = Bytes::default();
    let go = |now: &mut Now, ms: i64| {
        now.wall.0 += ms;
        now.monotonic.0 += u64::try_from(ms).unwrap() * 1_000_000;
    };
    for (event, pid, opened_ago) in events {
        let since = now.monotonic;
        go(&mut now, 1000);
        match event {
            Event::Step(by) => now.wall.0 += by,
            Event::Suspend(length) => go(&mut now, *length),
            Event::Write => bench.write(true),
            Event::Kill(reaches) => {
                bench.write(*reaches);
                bench.begin_again();
            }
            Event::Width(seconds) => bench.width.change(Duration::from_secs(*seconds), now.wall),
            Event::Nothing => {}
        }
        let bytes = Bytes { tx: pid * 3, rx: 5 };
        counted += bytes;
        let opened = opened_ago.map(|ago| MonotonicNs(now.monotonic.0.saturating_sub(ago)));
        let flow = flow(u32::try_from(*pid).unwrap());
        bench.tick(&[Growth { flow, bytes, opened }], since, now);
    }
    bench.write(true);

    let all = |records: &[Record]| records.iter().fold(Bytes::default(), |sum, record| sum + record.bytes);
    assert_eq!(all(&bench.written), counted);
    for record in &bench.written {
        let end = record.bucket_start.0 + i64::from(record.bucket_ms);
        assert!(record.bucket_start <= record.first && record.first <= record.last, "{record:?}");
        assert!(record.last.0 < end, "{record:?}");
    }
    let reader = Reader::open(&path).unwrap();
    for (step, width) in [(Step::Auto, 1), (Step::Bucket, 1), (Step::Hour, HOUR), (Step::Day, 24 * HOUR)] {
        let series = reader.series(&Question::default(), step, &Default::default()).unwrap();
        let lines = || series.lines.iter().chain(&series.other);
        let sum = |numbers: fn(&portolan_history::Line) -> &Vec<u64>| lines().flat_map(numbers).sum::<u64>();
        let sums = Bytes { tx: sum(|line| &line.tx), rx: sum(|line| &line.rx) };
        assert_eq!(sums, counted, "{step:?}");
        // Each in the interval of its label.
        let mut expected: HashMap<i64, u64> = HashMap::new();
        for record in &bench.written {
            let steps = (record.bucket_start.0 - series.times[0]) / series.step_ms.max(width);
            *expected.entry(series.times[0] + steps * series.step_ms).or_default() += record.bytes.tx;
        }
        for (at, time) in series.times.iter().enumerate() {
            let tx: u64 = lines().map(|line| line.tx[at]).sum();
            assert_eq!(tx, expected.get(time).copied().unwrap_or_default(), "{step:?} {time}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_the_clock_does_every_byte_is_in_one_bucket(
        events in vec((event(), 0..4_u64, prop::option::of(0..40_000_000_000_u64)), 1..80),
    ) {
        play(&events);
    }
}

#[test]
fn an_hour_that_comes_again_adds_to_its_buckets() {
    let nothing = |n| vec![(Event::Nothing, 1, None); n];
    let events =
        [nothing(5), vec![(Event::Write, 1, None)], nothing(100), vec![(Event::Step(-HOUR), 2, None)]];
    play(&[events.concat(), nothing(4000)].concat());
}

#[test]
fn what_moves_first_after_a_suspend_belongs_to_the_time_after() {
    let mut rows = Rows::default();
    let source = Source::Nobody(Unattributed::ProcessGone);
    let slept = 8 * 3_600_000_000_000_u64;
    let now = Now {
        monotonic: MonotonicNs(100_000_000_000 + slept),
        stamp: MonotonicNs(100_000_000_000 + slept),
        wall: UnixMillis(START + 8 * HOUR),
    };
    let growth = Growth { flow: flow(1), bytes: Bytes { tx: 1, rx: 0 }, opened: None };
    let note = rows.add(&growth, &source, 10_000, MonotonicNs(99_000_000_000), now);
    let start = now.wall.bucket_start(10_000);
    assert_eq!((note.bucket_start, note.first, note.last), (start, start, now.wall));
}
