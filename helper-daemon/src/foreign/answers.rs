use std::{collections::HashMap, path::PathBuf};

use portolan_core::{Provenance, Sha256Digest, UnixMillis};

/// What the package databases have said of files, until they change.
#[derive(Default)]
pub(super) struct Answers {
    known: HashMap<(PathBuf, Sha256Digest), Provenance>,
    /// Of which state of the databases.
    at: Option<UnixMillis>,
}

/// Files that are remembered.
const FILES_MAX: usize = 16_384;
/// Bytes of a path that is; who has a longer one is asked about each time. Any program chooses those of its own files.
const PATH_BYTES_MAX: usize = 256;

impl Answers {
    /// Forgets what may not be so any more, and everything when it is too much.
    pub(super) fn forget_old(&mut self, changed: Option<UnixMillis>) {
        if changed != self.at || changed.is_none() || self.known.len() >= FILES_MAX {
            self.known.clear();
            self.at = changed;
        }
    }

    pub(super) fn get(&self, file: &(PathBuf, Sha256Digest)) -> Option<&Provenance> {
        self.known.get(file)
    }

    /// Gives it back where it is not remembered.
    pub(super) fn add(
        &mut self,
        file: (PathBuf, Sha256Digest),
        answer: Provenance,
    ) -> Result<(), ((PathBuf, Sha256Digest), Provenance)> {
        if file.0.as_os_str().len() > PATH_BYTES_MAX {
            return Err((file, answer));
        }
        self.known.insert(file, answer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_remembered_until_the_databases_change_and_take_a_bounded_room() {
        let mut answers = Answers::default();
        let now = Some(UnixMillis(1));
        let file = |length: usize, one: u8| (PathBuf::from("x".repeat(length)), Sha256Digest([one; 32]));
        answers.forget_old(now);
        assert!(answers.add(file(PATH_BYTES_MAX, 1), Provenance::Unowned).is_ok());
        assert!(answers.add(file(PATH_BYTES_MAX + 1, 1), Provenance::Unowned).is_err());
        answers.forget_old(now);
        assert_eq!(answers.get(&file(PATH_BYTES_MAX, 1)), Some(&Provenance::Unowned));
        assert_eq!(answers.get(&file(PATH_BYTES_MAX, 2)), None);
        answers.forget_old(Some(UnixMillis(2)));
        assert_eq!(answers.get(&file(PATH_BYTES_MAX, 1)), None);
        for length in 0..FILES_MAX {
            answers.add((length.to_string().into(), Sha256Digest([1; 32])), Provenance::Unowned).unwrap();
        }
        answers.forget_old(Some(UnixMillis(2)));
        assert_eq!(answers.known.len(), 0);
    }
}
