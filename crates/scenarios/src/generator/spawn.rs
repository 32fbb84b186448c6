//! Processes: many, short-lived, one after the other or all at once.

use std::process::{Child, Command, Stdio};

use crate::{
    moved::{Failure, Moved},
    words::Words,
};

/// `count= [at_once=yes] -- PROGRAM WORD…`: the programs print for themselves what they move.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let [program, arguments @ ..] = words.rest() else {
        return Err(Failure::Usage("-- PROGRAM is missing".to_owned()));
    };
    let mut running = Vec::new();
    for _ in 0..words.number("count")? {
        running.push(Command::new(program).args(arguments).stdin(Stdio::null()).spawn()?);
        if !words.is("at_once") {
            running.drain(..).try_for_each(wait)?;
        }
    }
    running.into_iter().try_for_each(wait)?;
    Ok(Moved::default())
}

fn wait(mut child: Child) -> Result<(), Failure> {
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(Failure::Missing(format!("a child failed: {status}"))) }
}
