use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use crate::Limits;

/// How many steps of SQLite's machine are taken between two looks at the limits: some microseconds.
const STEPS: i32 = 1000;

/// Interrupts SQLite where a question is to be given up.
#[derive(Debug)]
pub(crate) struct Watch(Arc<Mutex<Option<Limits>>>);

/// As long as it is there, the limits are watched.
#[derive(Debug)]
pub(crate) struct Watched<'w>(&'w Watch);

impl Watch {
    pub(crate) fn new(connection: &mut Connection) -> rusqlite::Result<Self> {
        let limits: Arc<Mutex<Option<Limits>>> = Arc::default();
        let watched = Arc::clone(&limits);
        let is_over = move || {
            let limits = watched.lock().unwrap_or_else(PoisonError::into_inner);
            limits.as_ref().is_some_and(|limits| limits.check().is_err())
        };
        connection.progress_handler(STEPS, Some(is_over))?;
        Ok(Self(limits))
    }

    pub(crate) fn within(&self, limits: &Limits) -> Watched<'_> {
        self.set(Some(limits.clone()));
        Watched(self)
    }

    fn set(&self, limits: Option<Limits>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
