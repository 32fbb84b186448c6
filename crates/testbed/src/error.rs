use std::{error, fmt, io, path::PathBuf, process::ExitStatus};

/// What can go wrong while a test bed is put up, as a sentence for the person who runs the test.
#[derive(thiserror::Error)]
pub enum Error {
    /// A program could not be started.
    #[error("{program} could not be started; is it installed?")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program ended although it was to stay.
    #[error("{program} ended ({status}) before it was ready. It printed:\n{output}")]
    Ended {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        output: String,
    },
    /// A program that is run to its end failed.
    #[error("{program} failed ({status}). It printed:\n{output}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        output: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {seconds} s. {output}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// What the program that should have done it printed.
        output: String,
    },
    /// A file or folder could not be made or read.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A call over a bus failed.
    #[error("the bus at {address} did not answer")]
    Bus {
        /// The bus.
        address: String,
        /// Why.
        #[source]
        source: Box<zbus::Error>,
    },
    /// A program could not be signalled or watched.
    #[error("{program} cannot be watched or signalled")]
    Process {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// This machine lacks something; the text says what.
    #[error("{0}")]
    Missing(String),
}

/// The sentence and its causes on lines of their own: this is what a failed `unwrap` in a test prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let causes = std::iter::successors(error::Error::source(self), |cause| cause.source());
        causes.into_iter().try_for_each(|cause| write!(f, "\n  because: {cause}"))
    }
}
