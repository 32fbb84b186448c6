//! 32: as many programs as the machine can execute, each with one small connection.

use std::{
    io,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use crate::{
    launch::Launched,
    moved::{Failure, Moved},
    words::Words,
};

/// `execs programs=A,B,… count= at-once= to= up= down=`: starts `count` programs, the ones in the list in turn.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let programs: Vec<&str> = words.text("programs")?.split(',').collect();
    let count = words.number("count")?;
    let mut inner = vec!["tcp".to_owned()];
    for key in ["to", "up", "down"] {
        inner.push(format!("{key}={}", words.text(key)?));
    }
    let next = AtomicU64::new(0);
    let work = || -> io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            let program = programs[usize::try_from(number).map_err(io::Error::other)? % programs.len()];
            Launched::start(program, program, &inner, Stdio::null())?.finish()?;
        }
    };
    thread::scope(|scope| -> io::Result<()> {
        let threads: Vec<_> = (0..words.number("at-once").unwrap_or(2)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread that starts programs panicked")))
        })
    })?;
    Ok(Moved::default())
}
