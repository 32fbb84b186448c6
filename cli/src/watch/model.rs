//! What the live table shows. Pure: time arrives as an argument.

use std::collections::HashMap;

use portolan_bus::{LiveTick, Status};
use portolan_core::Bytes;

use super::row::{self, Key, Program, Sort};
use crate::show::amount::per_second;

/// Programs that are kept. Beyond, those that were idle longest leave the table; the totals keep their bytes.
const MOST_PROGRAMS: usize = 2000;

/// The state behind the table.
#[derive(Debug, Default)]
pub(crate) struct Model {
    programs: HashMap<Key, Program>,
    /// All bytes since the watch began, also those of programs that left the table.
    pub(crate) total: Bytes,
    /// Bytes in a second, in the last reading.
    pub(crate) rate: Bytes,
    /// The first reading; `None` before it.
    pub(crate) first_unix_ms: Option<i64>,
    /// The last reading and its interval; `None` before it.
    pub(crate) last: Option<(i64, u32)>,
    /// Programs that left the table.
    pub(crate) left_out: u64,
    /// Readings that the feed dropped.
    pub(crate) dropped: u64,
    /// The daemon's last status.
    pub(crate) status: Option<Status>,
    /// Why the daemon is gone; `None` while it is there.
    pub(crate) gone: Option<String>,
    pub(crate) sort: Sort,
    selected: Option<Key>,
    /// What the last key did.
    pub(crate) message: Option<String>,
}

impl Model {
    /// The daemon is there. Only readings that are newer than what was seen count again.
    pub(crate) fn connected(&mut self, backlog: &[LiveTick]) {
        self.gone = None;
        let seen = self.last.map(|(unix_ms, _)| unix_ms);
        for tick in backlog.iter().filter(|tick| seen.is_none_or(|seen| tick.unix_ms > seen)) {
            self.ticked(tick);
        }
    }

    /// The daemon is gone: nothing is known to flow.
    pub(crate) fn waiting(&mut self, why: String) {
        self.gone = Some(why);
        self.status = None;
        self.rate = Bytes::default();
        self.programs.values_mut().for_each(|program| program.rate = Bytes::default());
    }

    /// Adds one reading.
    pub(crate) fn ticked(&mut self, tick: &LiveTick) {
        self.first_unix_ms.get_or_insert(tick.unix_ms.saturating_sub(i64::from(tick.interval_ms)));
        self.last = Some((tick.unix_ms, tick.interval_ms));
        for program in self.programs.values_mut() {
            program.rate = Bytes::default();
            program.flows = 0;
        }
        let mut moved = Bytes::default();
        for row in &tick.rows {
            let bytes = Bytes { tx: row.tx_bytes, rx: row.rx_bytes };
            moved += bytes;
            let program = self.programs.entry(Key::from(row)).or_default();
            program.total += bytes;
            program.rate += rate(bytes, tick.interval_ms);
            program.flows = program.flows.saturating_add(row.flows);
            program.review.clone_from(&row.review);
            if !bytes.is_zero() || program.last_unix_ms == 0 {
                program.last_unix_ms = tick.unix_ms;
                program.remote = row::remote(row);
                let mark = if row.domain_inferred { "~" } else { "" };
                program.name = row.domain.as_ref().map(|name| format!("{mark}{name}"));
            }
        }
        self.rate = rate(moved, tick.interval_ms);
        self.total += moved;
        self.leave_out();
    }

    /// The programs in the order of the table.
    pub(crate) fn sorted(&self) -> Vec<(&Key, &Program)> {
        let mut programs: Vec<_> = self.programs.iter().collect();
        programs.sort_by(|one, other| self.sort.compare(*one, *other));
        programs
    }

    /// The program that keys act on; `None` until a person has chosen one.
    pub(crate) fn selected(&self) -> Option<(&Key, &Program)> {
        self.programs.get_key_value(self.selected.as_ref()?)
    }

    /// Where the selected program stands in `sorted`.
    pub(crate) fn selected_index(&self, sorted: &[(&Key, &Program)]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        sorted.iter().position(|(key, _)| *key == selected)
    }

    /// Moves the selection by so many rows; the first move chooses the first row.
    pub(crate) fn select(&mut self, rows: isize) {
        let sorted = self.sorted();
        let last = sorted.len().saturating_sub(1);
        let index = match self.selected_index(&sorted) {
            Some(index) => index.saturating_add_signed(rows).min(last),
            None => 0,
        };
        self.selected = sorted.get(index).map(|(key, _)| (*key).clone());
    }

    /// An application was reviewed from here: its rows show it before the next reading does.
    pub(crate) fn reviewed(&mut self, application: &str, review: &str) {
        for (key, program) in &mut self.programs {
            if key.application.as_deref() == Some(application) {
                program.review = Some(review.to_owned());
            }
        }
    }

    /// How long the daemon has said nothing, when that is longer than it should be.
    pub(crate) fn silent_for_ms(&self, now_ms: i64) -> Option<i64> {
        let (last, interval) = self.last?;
        let silent = now_ms.saturating_sub(last);
        (silent > i64::from(interval).saturating_mul(5).max(5000)).then_some(silent)
    }

    fn leave_out(&mut self) {
        let excess = self.programs.len().saturating_sub(MOST_PROGRAMS);
        if excess == 0 {
            return;
        }
        let mut idle: Vec<(i64, Key)> = self
            .programs
            .iter()
            .filter(|(key, _)| self.selected.as_ref() != Some(*key))
            .map(|(key, program)| (program.last_unix_ms, key.clone()))
            .collect();
        idle.sort();
        for (_, key) in idle.iter().take(excess) {
            self.programs.remove(key);
            self.left_out += 1;
        }
    }
}

fn rate(bytes: Bytes, interval_ms: u32) -> Bytes {
    Bytes { tx: per_second(bytes.tx, interval_ms), rx: per_second(bytes.rx, interval_ms) }
}

#[cfg(test)]
mod tests {
    use portolan_bus::LiveRow;

    use super::*;

    fn row(path: &str, tx_bytes: u64, rx_bytes: u64) -> LiveRow {
        LiveRow {
            application: Some(format!("path:{path}")),
            path: path.to_owned(),
            sha256: None,
            parent_path: None,
            review: Some("unreviewed".to_owned()),
            unit: None,
            container: None,
            uid: 1000,
            remote: None,
            domain: None,
            domain_inferred: false,
            tx_bytes,
            rx_bytes,
            flows: 1,
        }
    }

    fn tick(unix_ms: i64, rows: Vec<LiveRow>) -> LiveTick {
        LiveTick { unix_ms, interval_ms: 500, rows }
    }

    #[test]
    fn totals_grow_and_rates_are_of_the_last_reading() {
        let mut model = Model::default();
        model.connected(&[tick(1000, vec![row("/a", 10, 0)]), tick(1500, vec![row("/b", 0, 7)])]);
        model.ticked(&tick(2000, vec![row("/b", 1, 4), row("/b", 1, 0)]));
        assert_eq!(model.total, Bytes { tx: 12, rx: 11 });
        assert_eq!(model.rate, Bytes { tx: 4, rx: 8 });
        assert_eq!(model.first_unix_ms, Some(500));
        let shown: Vec<_> =
            model.sorted().iter().map(|(key, p)| (key.path.clone(), p.rate.total())).collect();
        assert_eq!(shown, [("/b".to_owned(), 12), ("/a".to_owned(), 0)]);
    }

    #[test]
    fn a_daemon_that_comes_back_is_not_counted_twice() {
        let mut model = Model::default();
        model.ticked(&tick(1000, vec![row("/a", 10, 0)]));
        model.waiting("it left the bus".to_owned());
        assert!(model.gone.is_some());
        model.connected(&[tick(1000, vec![row("/a", 10, 0)]), tick(1500, vec![row("/a", 1, 0)])]);
        assert_eq!(model.total.tx, 11);
        assert_eq!(model.gone, None);
    }

    #[test]
    fn the_selection_stays_on_its_program_when_the_order_changes() {
        let mut model = Model::default();
        model.ticked(&tick(1000, vec![row("/a", 9, 0), row("/b", 1, 0)]));
        assert!(model.selected().is_none());
        model.select(1);
        assert_eq!(model.selected().unwrap().0.path, "/a");
        model.ticked(&tick(1500, vec![row("/b", 9, 0)]));
        assert_eq!(model.selected().unwrap().0.path, "/a");
        assert_eq!(model.selected_index(&model.sorted()), Some(1));
        model.select(-5);
        assert_eq!(model.selected().unwrap().0.path, "/b");
    }

    #[test]
    fn programs_that_leave_the_table_stay_in_the_totals() {
        let mut model = Model::default();
        for number in 0..2005_i64 {
            model.ticked(&tick(1000 + number, vec![row(&format!("/tmp/{number}"), 1, 0)]));
        }
        assert_eq!(model.sorted().len(), MOST_PROGRAMS);
        assert_eq!((model.left_out, model.total.tx), (5, 2005));
        assert!(model.sorted().iter().all(|(key, _)| key.path != "/tmp/4"));
    }
}
