//! Whether what was read of a file is what a process executed.

use super::{file::FileKey, image::Reading};
use crate::clock::{Moment, Now};
use portolan_bpf::{FileId, Stamps};

/// A process that runs a file.
pub(super) struct Run {
    /// The file as the kernel saw it.
    pub(super) executed: FileId,
    /// When that was.
    pub(super) since: Moment,
    /// When it ended; `None` when that was after the reading.
    pub(super) until: Option<Moment>,
    /// After its ctime had been asked for; `None` when it was not yet.
    pub(super) asked: Option<Now>,
}

impl Run {
    /// Whether the content cannot have changed between the exec and the reading, in whichever order they were.
    pub(super) fn is_proven_by(&self, reading: &Reading) -> bool {
        if self.executed.is_guarded {
            self.nobody_wrote_before_it(reading) && self.nobody_wrote_after_it(reading)
        } else {
            self.nobody_wrote_at_all(reading)
        }
    }

    /// The kernel denies writing to a file that is being executed (ETXTBSY). What was read before the exec counts when a change
    /// until the exec would show.
    fn nobody_wrote_before_it(&self, reading: &Reading) -> bool {
        reading.begun.monotonic >= self.since.at
            || (reading.before.is_unchanged_since(&self.executed)
                && self.would_show(reading.before, reading.begun))
    }

    /// Nor can it have changed when the process was there until the last byte was read; or when no change at all was made after
    /// the exec, or after a moment of the reading at which the process was there; or when the last change was before the end: then
    /// it was renamed, removed or its mode changed.
    fn nobody_wrote_after_it(&self, reading: &Reading) -> bool {
        let Some(until) = self.until else { return true };
        if reading.ended.monotonic <= until.at {
            return true;
        }
        if reading.after.is_unchanged_since(&self.executed)
            && self.asked.is_some_and(|asked| self.would_show_after(until, asked))
        {
            return true;
        }
        if reading.unchanged_since.monotonic <= until.at
            && self.would_show(reading.after, reading.unchanged_since)
        {
            return true;
        }
        let FileKey { changed, size, .. } = reading.after;
        reading.after.is_file(&self.executed)
            && size == self.executed.size
            && reading.ended.was_before(changed, until)
    }

    /// Nothing denies writing to a memfd through the descriptor that made it, unless it is sealed, nor to what is below an overlay:
    /// every change since the exec must be one that shows, whether the process still is there or not. What was read of an overlay before the
    /// exec counts, too: it was kept for its stamps ([`every_change_shows`]).
    fn nobody_wrote_at_all(&self, reading: &Reading) -> bool {
        let is_sealed = self.executed.stamps == Stamps::Sealed;
        (reading.begun.monotonic >= self.since.at || self.executed.is_overlaid)
            && (is_sealed || reading.after.is_unchanged_since(&self.executed))
            && every_change_shows(&self.executed, self.since, reading.ended)
    }

    /// Whether a change of a file gives it another key than this one, which was asked for at that time.
    fn would_show(&self, key: FileKey, asked: Now) -> bool {
        match self.executed.stamps {
            Stamps::Fine | Stamps::FineOnceQueried | Stamps::Sealed => true,
            Stamps::Coarse => asked.was_before(key.changed, asked.moment()),
            Stamps::Unseen => false,
        }
    }

    /// Whether a change after that moment gives it another ctime than it was executed with, which was asked for before `asked`.
    fn would_show_after(&self, moment: Moment, asked: Now) -> bool {
        let was_before = || asked.was_before(self.executed.changed, moment);
        match self.executed.stamps {
            Stamps::Fine | Stamps::Sealed => true,
            Stamps::FineOnceQueried => asked.monotonic <= moment.at || was_before(),
            Stamps::Coarse => was_before(),
            Stamps::Unseen => false,
        }
    }
}

/// Whether each change of an unguarded file since it was executed has another ctime.
pub(super) fn every_change_shows(executed: &FileId, since: Moment, now: Now) -> bool {
    match executed.stamps {
        Stamps::Fine | Stamps::Sealed => true,
        Stamps::Unseen => false,
        Stamps::Coarse | Stamps::FineOnceQueried => now.was_before(executed.changed, since),
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::{MonotonicNs, Sha256Digest, UnixMillis};

    use super::*;

    const WALL_MS: i64 = 1_000_000;
    const NOW_MS: u64 = 500;

    /// Files have stamps of 5 ms before then.
    fn at(ms: u64) -> Moment {
        Moment { at: MonotonicNs(ms * 1_000_000), stamp: MonotonicNs((ms - 5) * 1_000_000) }
    }

    fn now(ms: u64) -> Now {
        let Moment { at, stamp } = at(ms);
        Now { monotonic: at, stamp, wall: UnixMillis(WALL_MS - i64::try_from(NOW_MS - ms).unwrap()) }
    }

    fn key(changed_ms: u64) -> FileKey {
        let wall = now(changed_ms).wall.0;
        let changed = (wall / 1000, u32::try_from(wall % 1000).unwrap() * 1_000_000);
        FileKey { device: (8, 1), inode: 7, changed, size: 3 }
    }

    /// A file that was changed then and executed at 450 until then.
    fn run(stamps: Stamps, changed_ms: u64, until: Option<Moment>) -> Run {
        let FileKey { device, inode, changed, size } = key(changed_ms);
        let executed = FileId {
            device,
            inode,
            generation: 0,
            changed,
            size,
            stamps,
            is_served: false,
            is_guarded: true,
            is_overlaid: false,
        };
        Run { executed, since: at(450), until, asked: Some(now(460)) }
    }

    fn memory(stamps: Stamps, changed_ms: u64) -> Run {
        let run = run(stamps, changed_ms, None);
        Run { executed: FileId { is_guarded: false, ..run.executed }, ..run }
    }

    /// Read from `begun` to `ended`, and changed last before that, and after it.
    fn read(begun: u64, before: u64, ended: u64, after: u64) -> Reading {
        let unchanged_since = now(if before == after { begun } else { ended });
        let (before, after, digest) = (key(before), key(after), Sha256Digest([0; 32]));
        let (begun, ended) = (now(begun), now(ended));
        Reading { digest, is_app_image: false, before, begun, after, unchanged_since, ended }
    }

    #[test]
    fn what_was_read_while_it_ran_is_what_ran() {
        for until in [Some(at(480)), None] {
            let run = run(Stamps::Coarse, 449, until);
            assert!(run.is_proven_by(&read(460, 449, 480, 449)));
            assert!(run.is_proven_by(&read(460, 449, 480, 479)), "it was removed meanwhile");
        }
        assert!(!run(Stamps::Coarse, 449, Some(at(479))).is_proven_by(&read(460, 449, 480, 478)));
    }

    #[test]
    fn what_was_removed_before_it_was_read_is_proven_by_its_stamps_at_both_ends() {
        let removed = read(460, 459, 490, 459);
        assert!(run(Stamps::FineOnceQueried, 100, Some(at(461))).is_proven_by(&removed));
        assert!(!run(Stamps::Coarse, 100, Some(at(461))).is_proven_by(&removed), "a change in this tick");
        assert!(!run(Stamps::FineOnceQueried, 100, Some(at(459))).is_proven_by(&removed), "it had ended");
        let mut meanwhile = read(455, 100, 490, 460);
        let run = run(Stamps::FineOnceQueried, 100, Some(at(463)));
        assert!(!run.is_proven_by(&meanwhile), "seen when it had ended");
        meanwhile.unchanged_since = now(462);
        assert!(run.is_proven_by(&meanwhile), "seen while it was there");
    }

    #[test]
    fn what_was_read_after_the_end_counts_when_a_change_would_show() {
        for (stamps, changed_ms, until, is_proven) in [
            (Stamps::Coarse, 449, 452, false),
            (Stamps::Coarse, 449, 470, true),
            (Stamps::Coarse, 100, 451, true),
            (Stamps::FineOnceQueried, 449, 451, false),
            (Stamps::FineOnceQueried, 449, 461, true),
            (Stamps::Fine, 449, 451, true),
        ] {
            let run = run(stamps, changed_ms, Some(at(until)));
            let reading = read(490, changed_ms, 500, changed_ms);
            assert_eq!(run.is_proven_by(&reading), is_proven, "{stamps:?} {changed_ms} {until}");
        }
    }

    #[test]
    fn a_change_while_it_ran_was_no_change_of_content_and_a_later_one_may_be() {
        let run = run(Stamps::Coarse, 100, Some(at(470)));
        assert!(run.is_proven_by(&read(490, 455, 500, 455)), "renamed while it ran");
        assert!(!run.is_proven_by(&read(490, 469, 500, 469)), "in the tick of its end");
        assert!(!run.is_proven_by(&read(490, 480, 500, 480)), "after its end");
        let mut longer = read(490, 455, 500, 455);
        longer.after.size = 4;
        assert!(!run.is_proven_by(&longer));
    }

    #[test]
    fn what_was_read_for_an_earlier_process_counts_when_a_change_until_the_exec_would_show() {
        assert!(run(Stamps::Coarse, 100, None).is_proven_by(&read(300, 100, 310, 100)));
        assert!(!run(Stamps::Coarse, 100, None).is_proven_by(&read(101, 100, 110, 100)), "in the same tick");
        assert!(run(Stamps::Fine, 100, None).is_proven_by(&read(101, 100, 110, 100)));
        assert!(!run(Stamps::Fine, 440, None).is_proven_by(&read(300, 100, 310, 100)), "another content");
    }

    #[test]
    fn a_file_in_memory_that_may_have_been_written_to_proves_nothing_while_it_runs() {
        for (stamps, changed_ms, is_proven) in [
            (Stamps::Coarse, 400, true),
            (Stamps::FineOnceQueried, 400, true),
            (Stamps::FineOnceQueried, 449, false),
            (Stamps::Fine, 449, true),
            (Stamps::Sealed, 449, true),
            (Stamps::Unseen, 100, false),
        ] {
            let run = memory(stamps, changed_ms);
            assert_eq!(run.is_proven_by(&read(460, changed_ms, 470, changed_ms)), is_proven, "{stamps:?}");
            let overlaid =
                Run { executed: FileId { is_overlaid: true, ..run.executed }, ..memory(stamps, changed_ms) };
            let kept = read(449, changed_ms, 449, changed_ms);
            assert_eq!(
                overlaid.is_proven_by(&kept),
                is_proven,
                "{stamps:?} read below an overlay before the exec"
            );
            let written = read(460, changed_ms, 470, 465);
            assert_eq!(run.is_proven_by(&written), stamps == Stamps::Sealed, "{stamps:?} written");
            assert!(!run.is_proven_by(&read(440, changed_ms, 445, changed_ms)), "read before the exec");
        }
    }
}
