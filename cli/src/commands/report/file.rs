use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    args::{self, Format},
    commands::destination::{beside, not_made},
    failure::{Failure, Kind},
};

/// Where a report goes: a file that has its name when it is whole and not before, or standard output.
pub(super) enum Place {
    Output,
    File { path: PathBuf, may_replace: bool },
}

impl Place {
    pub(super) fn new(options: &args::Report, format: Format, usual: &str) -> Result<Self, Failure> {
        let path = match &options.output {
            Some(path) if path == Path::new("-") => {
                if format == Format::Png && io::stdout().is_terminal() {
                    let sentence =
                        "PNG is nothing for a terminal: name a file with -o, or pipe it into a program";
                    return Err(Failure::new(Kind::Usage, sentence));
                }
                return Ok(Self::Output);
            }
            Some(path) => path.clone(),
            None => format!("{usual}.{}", format.as_str()).into(),
        };
        // Said before the work rather than after it; another may still make the file meanwhile.
        if !options.force && path.symlink_metadata().is_ok() {
            return Err(not_made(&path, &"it is there already; --force replaces it, -o names another one"));
        }
        Ok(Self::File { path, may_replace: options.force })
    }

    /// Writes all of it. Returns the file's path.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<Option<&Path>, Failure> {
        let Self::File { path, may_replace } = self else {
            let mut output = io::stdout().lock();
            output.write_all(bytes)?;
            output.flush()?;
            return Ok(None);
        };
        let mut name = tempfile::Builder::new();
        let file = name.prefix(".portolan-report-").suffix(".part").tempfile_in(beside(path));
        let mut file = file.map_err(|error| not_made(path, &error))?;
        let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
        written.map_err(|error| not_made(path, &error))?;
        let named = if *may_replace { file.persist(path) } else { file.persist_noclobber(path) };
        named.map_err(|error| not_made(path, &error.error))?;
        Ok(Some(path))
    }
}
