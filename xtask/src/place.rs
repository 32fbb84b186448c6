use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// Where things are.
#[derive(Debug)]
pub(crate) struct Place {
    /// The top of the checkout.
    pub(crate) top: PathBuf,
    /// Cargo's build folder.
    pub(crate) target: PathBuf,
}

impl Place {
    /// The checkout that this program was built from, and the build folder that it is in.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let own = env::current_exe().context("cannot find out where xtask itself is")?;
        // target/debug/xtask
        let target = own.ancestors().nth(2).context("xtask is not in a build folder of cargo")?;
        Ok(Self { top: portolan_testbed::source_path(""), target: target.to_owned() })
    }

    /// A path from the top of the checkout.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.top.join(path)
    }

    /// A program of the debug build.
    pub(crate) fn built(&self, program: &str) -> PathBuf {
        self.target.join("debug").join(program)
    }

    /// The state of `cargo xtask run`.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.target.join("run")
    }

    /// A path as a person in the checkout would write it.
    pub(crate) fn short<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.top).unwrap_or(path)
    }
}
