/// The local addresses that stood last in a block: a machine has few, and speaks from one for a while.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The last one first.
    last: [u64; LENGTH],
}

const LENGTH: usize = 4;
/// What is added to a number that is none of them.
const NEW: u64 = 4;

impl Recent {
    /// Which of the last ones it is, or itself and [`NEW`].
    pub(super) fn code(&mut self, number: u32) -> u64 {
        let at = self.last.iter().position(|last| *last == u64::from(number));
        let code = at.and_then(|at| u64::try_from(at).ok()).unwrap_or(u64::from(number) + NEW);
        self.number(code);
        code
    }

    /// The number that a code stands for.
    pub(super) fn number(&mut self, code: u64) -> u64 {
        let at = usize::try_from(code).ok().filter(|at| *at < LENGTH);
        let number = at.and_then(|at| self.last.get(at).copied()).unwrap_or(code.wrapping_sub(NEW));
        if let Some(moved) = self.last.get_mut(..=at.unwrap_or(LENGTH - 1)) {
            moved.rotate_right(1);
        }
        self.last[0] = number;
        number
    }
}
