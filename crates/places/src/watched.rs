//! Databases that may change while they are used.

use std::{path::PathBuf, sync::Arc};

use portolan_core::MonotonicNs;

use crate::{Places, PlacesError, database::Stamp};

const SECOND: u64 = 1_000_000_000;
/// How often the files are asked whether they changed.
const LOOK: u64 = 5 * SECOND;
/// How long after a disk did not do what it should.
const AGAIN: u64 = 60 * SECOND;

/// Databases by their paths, read when somebody asks for them and again when they have changed: renamed over, written in place, or
/// removed. What is not in order is refused, and what was read before stays.
///
/// For a thread that may wait for the disk.
#[derive(Debug)]
pub struct Watched {
    paths: Vec<PathBuf>,
    own_dir: PathBuf,
    places: Option<Arc<Places>>,
    problem: Option<String>,
    next_look: Option<MonotonicNs>,
    /// The files as they were when they were read, or refused.
    tried: Option<Vec<Option<Stamp>>>,
    /// As they were at the last look.
    seen: Option<Vec<Option<Stamp>>>,
}

impl Watched {
    /// Reads nothing yet. Without paths, no place is ever known, and that is no problem. `own_dir` as in [`Places::open`].
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, own_dir: PathBuf) -> Self {
        Self { paths, own_dir, places: None, problem: None, next_look: None, tried: None, seen: None }
    }

    /// What answers; `None` when nothing could be read so far. Looks for changes, at most each 5 s: a changed file is read when
    /// it has stayed as it is from one look to the next.
    pub fn current(&mut self, now: MonotonicNs) -> Option<&Arc<Places>> {
        if !self.paths.is_empty() && self.next_look.is_none_or(|next| next <= now) {
            self.next_look = Some(MonotonicNs(now.0.saturating_add(LOOK)));
            self.look(now);
        }
        self.places.as_ref()
    }

    /// Why the files as they are now are not used: what failed, why, and what to do. Stays until they are in order.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn look(&mut self, now: MonotonicNs) {
        if let Some(places) = &self.places {
            places.rest();
        }
        let stamps: Vec<_> =
            self.paths.iter().map(|path| std::fs::metadata(path).ok().map(Stamp::from)).collect();
        let is_settled = self.seen.as_ref().is_none_or(|seen| *seen == stamps);
        let was_tried = self.tried.as_ref() == Some(&stamps);
        self.seen = Some(stamps.clone());
        if !is_settled || was_tried {
            return;
        }
        match Places::open_stamped(&self.paths, &self.own_dir) {
            Ok((places, stamps)) => {
                self.places = Some(Arc::new(places));
                self.tried = Some(stamps);
                self.problem = None;
            }
            // Tried again at the next look.
            Err(PlacesError::Changing(_)) => {}
            Err(error) => {
                match error {
                    PlacesError::Read { .. } => {
                        self.next_look = Some(MonotonicNs(now.0.saturating_add(AGAIN)))
                    }
                    _ => self.tried = Some(stamps),
                }
                let stays = if self.places.is_some() { ". What was read before stays in use" } else { "" };
                self.problem = Some(format!("{error}{stays}"));
            }
        }
    }
}
