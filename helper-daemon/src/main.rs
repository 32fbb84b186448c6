//! `portoland`: see the library.

use std::{env, io::IsTerminal, process::ExitCode};

use clap::Parser;
use portoland::{daemon, identity::hash_input, options::Options, pipeline::move_known_bytes, sentence};
use tracing_subscriber::{filter::Targets, fmt, prelude::*};

fn main() -> ExitCode {
    let options = Options::parse();
    if options.self_test_traffic {
        return move_known_bytes();
    }
    if options.hash_input {
        return hash_input(&options.hash_as);
    }
    let wanted = env::var("PORTOLAN_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let log = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry()
        .with(log)
        .with(wanted.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO)))
        .init();
    let ended = if options.detach_all { daemon::detach_all(&options) } else { daemon::run(&options) };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portoland: {}.", sentence::of(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
