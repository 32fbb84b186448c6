//! `portoland`: see the library.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use portoland::{daemon, options::Options, pipeline::move_known_bytes, sentence};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let options = Options::parse();
    if options.self_test_traffic {
        return move_known_bytes();
    }
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("PORTOLAN_LOG").unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
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
