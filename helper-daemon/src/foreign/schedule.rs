use portolan_core::MonotonicNs;

const SECOND: u64 = 1_000_000_000;
/// How long after each look the next one is due, when the process still talks.
const PAUSES: [u64; 3] = [10 * SECOND, 60 * SECOND, 600 * SECOND];

/// When a process is to be looked at: when it talks first, and again ever less often while it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looks {
    taken: usize,
    next: MonotonicNs,
}

impl Looks {
    /// Whether a process that talks now is to be looked at.
    #[must_use]
    pub fn is_due(&self, now: MonotonicNs) -> bool {
        self.taken == 0 || now >= self.next
    }

    /// Notes that a look was asked for, and taken on.
    pub fn note(&mut self, now: MonotonicNs) {
        let pause = PAUSES.get(self.taken).or(PAUSES.last()).copied().unwrap_or_default();
        self.taken = self.taken.saturating_add(1);
        self.next = MonotonicNs(now.0.saturating_add(pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_looked_at_ever_less_often() {
        let mut looks = Looks::default();
        let mut taken = Vec::new();
        for second in 0..2000 {
            let now = MonotonicNs(second * SECOND);
            if looks.is_due(now) {
                looks.note(now);
                taken.push(second);
            }
        }
        assert_eq!(taken, [0, 10, 70, 670, 1270, 1870]);
    }
}
