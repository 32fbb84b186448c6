use crate::ReadError;

/// A set of row numbers of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set {
    words: Vec<u64>,
    /// One more than the largest number that any row of the table has.
    end: u32,
}

/// No table of a history has numbers like these: what asks for so much memory is no history of ours.
const END_MAX: i64 = 1 << 26;

impl Set {
    /// None of the numbers below `end`.
    pub(crate) fn none(end: u32) -> Self {
        let words = usize::try_from(end.div_ceil(64)).unwrap_or_default();
        Self { words: vec![0; words], end }
    }

    /// What is one more than the largest number, as the memory of this program allows it.
    pub(crate) fn end_after(largest: Option<i64>) -> Result<u32, ReadError> {
        let largest = largest.unwrap_or(0);
        u32::try_from(largest)
            .ok()
            .filter(|_| largest < END_MAX)
            .map(|largest| largest + 1)
            .ok_or(ReadError::NumberTooLarge(largest))
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|at| self.words.get(at));
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Whether it has no number.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Numbers that no row has are left out.
    pub(crate) fn insert(&mut self, number: u32) {
        if number < self.end
            && let Some(word) = usize::try_from(number / 64).ok().and_then(|at| self.words.get_mut(at))
        {
            *word |= 1 << (number % 64);
        }
    }

    /// All numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.end).filter(|number| self.has(*number))
    }

    /// How many numbers it has.
    pub(crate) fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// How many numbers it could have.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// Those in both.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
        self
    }

    /// Those in either.
    pub(crate) fn or(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
        self
    }

    /// Those that are not in it.
    pub(crate) fn complement(mut self) -> Self {
        self.words.iter_mut().for_each(|word| *word = !*word);
        if let (Some(last), tail @ 1..) = (self.words.last_mut(), self.end % 64) {
            *last &= (1 << tail) - 1;
        }
        self
    }
}

impl Extend<u32> for Set {
    fn extend<T: IntoIterator<Item = u32>>(&mut self, numbers: T) {
        numbers.into_iter().for_each(|number| self.insert(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_and_its_complement_share_every_number() {
        for end in [0, 1, 63, 64, 65, 200] {
            let mut odd = Set::none(end);
            (0..300).filter(|number| number % 2 == 1).for_each(|number| odd.insert(number));
            let even = odd.clone().complement();
            for number in 0..300 {
                assert_eq!(odd.has(number), number < end && number % 2 == 1);
                assert_eq!(even.has(number), number < end && number % 2 == 0);
            }
            assert_eq!(odd.clone().and(&even), Set::none(end));
            assert_eq!(odd.or(&even), Set::none(end).complement());
        }
    }

    #[test]
    fn numbers_that_need_too_much_memory_are_refused() {
        assert_eq!(Set::end_after(None).unwrap(), 1);
        assert_eq!(Set::end_after(Some(7)).unwrap(), 8);
        assert!(Set::end_after(Some(-1)).is_err());
        assert!(Set::end_after(Some(i64::from(u32::MAX))).is_err());
    }
}
