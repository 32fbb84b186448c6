use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use portolan_core::ReviewState;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Review {
    #[command(subcommand)]
    pub(crate) action: Option<ReviewAction>,
    /// What to do.
    #[arg(required = true)]
    pub(crate) decision: Option<Decision>,
    /// The path of a program or a script, or a key as `portolan applications` shows it, such as deb:curl:/usr/bin/curl.
    #[arg(required = true, value_name = "APPLICATION")]
    pub(crate) applications: Vec<OsString>,
    /// Fail instead of asking for a password.
    #[arg(long)]
    pub(crate) no_ask_password: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReviewAction {
    /// Write all answers into a file that another machine can import.
    Export {
        /// A new file; standard output without it.
        file: Option<PathBuf>,
    },
    /// Take over the answers of such a file, for the applications that have talked here.
    Import {
        /// Which.
        file: PathBuf,
        /// Only say what would change.
        #[arg(long)]
        dry_run: bool,
        /// Fail instead of asking for a password.
        #[arg(long)]
        no_ask_password: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Decision {
    /// It is known and wanted: tell me when its executable changes.
    Approve,
    /// Record it, never tell me.
    Ignore,
    /// Forget the answer.
    Reset,
}

impl Decision {
    pub(crate) fn state(self) -> ReviewState {
        match self {
            Self::Approve => ReviewState::Approved,
            Self::Ignore => ReviewState::Ignored,
            Self::Reset => ReviewState::Unreviewed,
        }
    }
}
