//! Portolan in the tray: notifications to answer, and a window with the live chart.
//!
//! Invariants: no privilege; no web view in memory unless a window is open; no network but D-Bus.
#![forbid(unsafe_code)]

mod controller;
mod desktop;
mod preferences;
mod protocol;
mod question;
mod shell;
mod window;
mod words;

use anyhow::Context as _;
use clap::Parser as _;
use tracing_subscriber::{filter::Targets, prelude::*};

#[derive(clap::Parser)]
#[command(name = "portolan-desktop", version, about = "Portolan in the tray")]
struct Arguments {
    /// Start without a window
    #[arg(long)]
    background: bool,
    /// Be the window of the tray that is at the other end of the standard input
    #[arg(long, hide = true)]
    window: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let wanted = std::env::var("PORTOLAN_LOG").ok().and_then(|wanted| wanted.parse().ok());
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .with(wanted.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO)))
        .init();
    let context = tauri::generate_context!();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads can be started")?;
    tauri::async_runtime::set(runtime.handle().clone());
    if arguments.window { window::run(context) } else { shell::run(arguments.background, context) }
}
