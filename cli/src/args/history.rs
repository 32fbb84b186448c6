use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(subcommand)]
    pub(crate) action: HistoryAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryAction {
    /// Write what moved, one row for each flow and interval, for other programs. docs/export.md says what the columns mean.
    Export(Export),
    /// What the history's file holds, how large it is, how long that is kept, and what was forgotten.
    Info(Info),
    /// Add what another recorder has counted. What an import before has told is not counted again.
    Import(Import),
    /// Delete what a query means, of all users and for good. That something was deleted is noted.
    Forget(Forget),
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Look at this file instead of asking the daemon.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Which traffic, in the words of docs/query.md.
    #[arg(value_name = "QUERY", required = true)]
    pub(crate) query: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// How to write it [default: csv, or json with --json]
    #[arg(long)]
    pub(crate) format: Option<ExportFormat>,
    /// Read this file instead of asking the daemon.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Write into this new file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Which traffic, in the words of docs/query.md; without any, all.
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A table for spreadsheets (RFC 4180).
    Csv,
    /// One JSON object on each line.
    Json,
    /// A typed table of columns, compressed, for programs that analyse data.
    Parquet,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Whose.
    pub(crate) recorder: Recorder,
    /// Its file.
    pub(crate) file: PathBuf,
    /// Make this new history of it, without the daemon.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Recorder {
    /// The database of picosnitch 2, usually /var/lib/picosnitch/picosnitch.db.
    Picosnitch,
}
