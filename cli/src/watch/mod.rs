//! `portolan watch`: a live table in a terminal, lines everywhere else.

mod columns;
mod detail;
mod feed;
mod keys;
mod lines;
mod model;
mod row;
mod screen;
mod view;

use std::io::{self, IsTerminal};

use crate::{args, failure::Failure};

/// Shows the bytes until a person or a signal ends it, or the readings asked for are over.
pub(crate) async fn run(options: &args::Watch, json: bool) -> Result<(), Failure> {
    let count = if options.once { Some(1) } else { options.count };
    let table = io::stdout().is_terminal() && io::stdin().is_terminal();
    if table && !json && !options.plain && count.is_none() {
        screen::run(feed::start(feed::Wants::Everything)).await
    } else {
        lines::run(feed::start(feed::Wants::Ticks), count, json).await
    }
}
