//! Programs that a generator starts. They have its output, and print for themselves what they moved.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

/// A program that runs.
pub(crate) struct Launched {
    child: Child,
    name: String,
}

impl Launched {
    /// Starts the file `program` under the name `name`.
    pub(crate) fn start(program: &str, name: &str, words: &[String], stdin: Stdio) -> io::Result<Self> {
        let child = Command::new(program)
            .arg0(name)
            .args(words)
            .stdin(stdin)
            .spawn()
            .map_err(|error| io::Error::other(format!("cannot start {name}: {error}")))?;
        Ok(Self { child, name: name.to_owned() })
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("{} failed: {status}", self.name)))
    }
}
