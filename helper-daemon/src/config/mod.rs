//! The configuration in force, and how another one comes into force while the daemon runs.
//!
//! Invariant: a configuration with anything wrong in it is refused as a whole; the one before stays.

mod store;
mod watch;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portolan_config::{Config, ConfigFiles, FilesError, KEYS, Key, Loaded, Problems};
use tokio::{signal::unix::Signal, task::spawn_blocking, time::timeout};

use watch::FilesWatch;

/// How long files must rest before they are read: who writes one does it in several steps.
const REST: Duration = Duration::from_millis(100);
/// So many times files are waited for that do not rest.
const RESTS_MAX: usize = 20;
/// How many problems a sentence names.
const NAMED: usize = 3;

/// Why a configuration is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A file that somebody named is not there.
    #[error("the configuration {0} does not exist. Name another file with --config, or none")]
    Missing(String),
    /// Something is wrong with what files say.
    #[error("the configuration is not valid:\n{0}")]
    Problems(#[from] Problems),
    /// A value cannot be put into the file.
    #[error("{0}")]
    Value(String),
    /// A file cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// Which.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ConfigError {
    /// On one line, as much of it as a line holds.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self::Problems(Problems(problems)) = self else { return self.to_string() };
        let mut sentences: Vec<_> =
            problems.iter().take(NAMED).map(portolan_config::Problem::sentence).collect();
        if let Some(more @ 1..) = problems.len().checked_sub(NAMED) {
            sentences.push(format!("and {more} more"));
        }
        sentences.join("; ")
    }
}

/// What the files say at the start; one that somebody named must be there.
///
/// # Errors
/// See [`ConfigError`].
pub fn read_first(files: &ConfigFiles, was_named: bool) -> Result<Loaded, ConfigError> {
    if was_named && !files.main.exists() {
        return Err(ConfigError::Missing(files.main.display().to_string()));
    }
    Ok(portolan_config::read(&files.read()?)?)
}

/// The configuration in force.
pub struct Configuration {
    files: ConfigFiles,
    state: Mutex<State>,
    /// Held by who reads files and puts what they say in force.
    turn: Mutex<()>,
    apply: Box<dyn Fn(Config) + Send + Sync>,
}

struct State {
    loaded: Arc<Loaded>,
    /// Why the files as they are now are not in force.
    problem: Option<String>,
    /// Why changes of the files are not seen.
    blind: Option<String>,
}

impl Configuration {
    /// `loaded` is in force; `apply` is told each one that is put in force from now on, on a thread that may wait.
    pub fn new(files: ConfigFiles, loaded: Loaded, apply: impl Fn(Config) + Send + Sync + 'static) -> Self {
        let state = State { loaded: Arc::new(loaded), problem: None, blind: None };
        Self { files, state: Mutex::new(state), turn: Mutex::default(), apply: Box::new(apply) }
    }

    /// What is in force, and where it comes from.
    #[must_use]
    pub fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.state().loaded)
    }

    /// Sentences on what is not as it should be.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let state = self.state();
        state.problem.iter().chain(&state.blind).cloned().collect()
    }

    /// Puts in force what the files say, now and after each change of them, and when the signal comes. Never ends.
    pub async fn follow(self: Arc<Self>, mut hang_up: Signal) {
        loop {
            // Before they are read: no change is missed.
            let watch = FilesWatch::begin(&self.files);
            self.state().blind = watch.as_ref().err().map(blind);
            let configuration = Arc::clone(&self);
            if let Err(error) = spawn_blocking(move || configuration.reload()).await {
                tracing::error!("the configuration could not be read: {error}");
            }
            let changed = async {
                let seen = match &watch {
                    Ok(watch) => watch.changed().await,
                    Err(_) => std::future::pending().await,
                };
                if let Err(error) = seen {
                    let sentence = blind(&error);
                    tracing::warn!("{sentence}");
                    self.state().blind = Some(sentence);
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = changed => {}
                _ = hang_up.recv() => continue,
            }
            if let Ok(watch) = &watch {
                for _ in 0..RESTS_MAX {
                    if timeout(REST, watch.changed()).await.is_err() {
                        break;
                    }
                }
            }
        }
    }

    /// Writes a key into the file of `portolan config set`, or takes it out of it, and puts the result in force. Nothing is written
    /// unless all files together are valid then.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn set(&self, key: &Key, value: Option<&str>) -> Result<(), ConfigError> {
        let _turn = lock(&self.turn);
        let loaded = store::set(&self.files, key, value)?;
        self.put_in_force(loaded);
        Ok(())
    }

    fn reload(&self) {
        let _turn = lock(&self.turn);
        match self
            .files
            .read()
            .map_err(ConfigError::from)
            .and_then(|files| Ok(portolan_config::read(&files)?))
        {
            Ok(loaded) => self.put_in_force(loaded),
            Err(error) => {
                let problem = format!(
                    "the configuration was changed and is not valid, so the one before stays in force: {}",
                    error.sentence()
                );
                let mut state = self.state();
                if state.problem.as_ref() != Some(&problem) {
                    tracing::warn!("{problem}");
                    state.problem = Some(problem);
                }
            }
        }
    }

    fn put_in_force(&self, loaded: Loaded) {
        let config = loaded.config.clone();
        let before = {
            let mut state = self.state();
            if state.problem.take().is_some() {
                tracing::info!("the configuration is valid again");
            }
            std::mem::replace(&mut state.loaded, Arc::new(loaded))
        };
        if before.config == config {
            return;
        }
        for key in KEYS {
            let value = key.show(&config);
            if value != key.show(&before.config) {
                tracing::info!("{} is {value} from now on", key.name);
            }
        }
        (self.apply)(config);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Says why changes of the files are not seen.
fn blind(error: &io::Error) -> String {
    format!(
        "changes of the configuration are not seen, for its files cannot be watched: {error}; the daemon reads them when it gets \
         the signal SIGHUP"
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
