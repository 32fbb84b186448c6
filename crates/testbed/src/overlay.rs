use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Mounts each pair, skips those whose place does not exist here, and becomes the program.
const SCRIPT: &str = r#"
set -e
while [ "$1" != -- ]; do
  if [ -e "$2" ]; then mount --bind "$1" "$2"; fi
  shift 2
done
shift
exec "$@"
"#;

/// Files and folders that lie over the machine's for one program, in a mount namespace that ends with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overlay {
    mounts: Vec<(PathBuf, PathBuf)>,
}

impl Overlay {
    /// Lays `from` over `to`, for the programs that are started later.
    pub(crate) fn lay(&mut self, from: &Path, to: &str) {
        self.mounts.push((from.to_owned(), to.into()));
    }

    /// A command that runs `program` with the overlay; arguments and environment can be added to it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "overlay"]);
        for (from, to) in &self.mounts {
            command.arg(from).arg(to);
        }
        command.args(["--", program]);
        command
    }
}
