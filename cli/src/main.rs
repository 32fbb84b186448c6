//! `portolan`: the daemon's answers in a terminal.
//!
//! Invariant: unprivileged, and knows the daemon only through the bus; a history file is only read.
#![forbid(unsafe_code)]

mod args;
mod bus;
mod commands;
mod failure;
mod moment;
mod output;
mod show;
mod signals;
mod watch;

use std::{env, process::ExitCode};

use clap::{Parser, error::ErrorKind};

use crate::{
    args::{Arguments, Command},
    failure::{Failure, Kind},
};

fn main() -> ExitCode {
    let (json, result) = match Arguments::try_parse() {
        Ok(arguments) => (arguments.json, run(arguments)),
        Err(error) => return explain(&error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure, json),
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(
            Kind::Failed,
            format!("cannot start the event loop: {error}. Is the limit of open files reached?"),
        )
    })?;
    let json = arguments.json;
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Status(status) => commands::status::run(&status, json).await,
            Command::Watch(options) => watch::run(&options, json).await,
            Command::Query(query) => commands::query::run(&query, json).await,
            Command::Report(options) => commands::report::run(&options, json).await,
            Command::History(history) => commands::history::run(&history, json).await,
            Command::Lookup(lookup) => commands::lookup::run(&lookup, json).await,
            Command::Findings(findings) => commands::findings::run(&findings, json).await,
            Command::Applications(applications) => commands::applications::run(&applications, json).await,
            Command::Learning(learning) => commands::learning::run(&learning, json).await,
            Command::Config(config) => commands::config::run(&config, json).await,
            Command::Review(review) => commands::review::run(&review, json).await,
        }
    });
    // A write to a reader that never reads must not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Help and version, and what clap did not understand. Who closed the output has nowhere to be told about it.
fn explain(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if env::args_os().any(|argument| argument == "--json") {
        let sentence = error.to_string();
        let sentence = sentence.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let failure = Failure::new(Kind::Usage, sentence);
        let _ = output::json(&serde_json::json!({ "error": failure.as_json() }));
    }
    let _ = error.print();
    ExitCode::from(Kind::Usage.exit_code())
}

/// The sentence on standard error; with `--json` also the error object, unless the answer itself is out already.
fn report(failure: &Failure, json: bool) -> ExitCode {
    if failure.kind == Kind::ReaderGone {
        return ExitCode::SUCCESS;
    }
    output::complain(failure.message());
    if let Some(wrong) = failure.wrong() {
        output::point(&wrong.drawn);
    }
    if json && !failure.answered {
        let _ = output::json(&serde_json::json!({ "error": failure.as_json() }));
    }
    ExitCode::from(failure.kind.exit_code())
}
