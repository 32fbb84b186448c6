use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    ops::ControlFlow,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use portolan_bus::ExportEnd;
use portolan_history::{
    Limits,
    language::Query,
    line::{FlowLine, Format, Lines},
};

use super::{archive, query};
use crate::{
    args::{Export, ExportFormat},
    commands::{history_file, question},
    failure::{Failure, Kind},
    show::amount::counted,
};

/// Writes the rows that a query means.
pub(crate) async fn run(options: &Export, json: bool) -> Result<(), Failure> {
    let query = query(&options.query)?;
    let file = options.output.as_deref().map(create).transpose()?;
    let rows = match &options.history {
        Some(_) => None,
        None => match (ask(&query).await, &options.output) {
            (Ok(rows), _) => Some(rows),
            (Err(refused), output) => {
                // A refusal leaves nothing behind.
                let _ = output.as_ref().map(fs::remove_file);
                return Err(refused);
            }
        },
    };
    let output: Box<dyn Write> = match file {
        Some(file) => Box::new(file),
        None => Box::new(io::stdout().lock()),
    };
    let format = match options.format {
        Some(ExportFormat::Json) => Format::Json,
        None if json => Format::Json,
        Some(ExportFormat::Csv) | None => Format::Csv,
    };
    let (output, lines) = (BufWriter::new(output), Lines::new(format));
    let mut written = Written { output, lines, rows: 0, path: options.output.as_deref() };
    let result = whole(rows, options.history.as_deref(), &query, &mut written);
    // What came before the failure is rows already.
    let is_answered = options.output.is_none() && written.rows > 0;
    result.map_err(|failure| if is_answered { failure.after_the_answer() } else { failure })
}

/// Writes headings and rows.
fn whole(
    rows: Option<OwnedFd>,
    history: Option<&Path>,
    query: &Query,
    written: &mut Written<'_>,
) -> Result<(), Failure> {
    let headings = written.lines.write_headings(&mut written.output);
    headings.map_err(|error| written.failed(error))?;
    match (rows, history) {
        (Some(rows), _) => from_daemon(rows, written)?,
        (None, Some(path)) => from_file(path, query, written)?,
        (None, None) => {}
    }
    written.output.flush().map_err(|error| written.failed(error))
}

struct Written<'p> {
    output: BufWriter<Box<dyn Write>>,
    lines: Lines,
    rows: u64,
    /// The file; `None` for standard output.
    path: Option<&'p Path>,
}

impl Written<'_> {
    fn write(&mut self, line: &FlowLine) -> Result<(), Failure> {
        self.lines.write(&mut self.output, line).map_err(|error| self.failed(error))?;
        self.rows += 1;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Failure {
        match self.path {
            Some(path) => {
                Failure::new(Kind::Failed, format!("{} cannot be written: {error}", path.display()))
            }
            None => error.into(),
        }
    }
}

/// A file of its own, that nobody else may read.
fn create(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| {
        let path = path.display();
        let sentence = match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{path} is there already; name a file that is not"),
            _ => format!("{path} cannot be made: {error}"),
        };
        Failure::new(Kind::Failed, sentence)
    })
}

async fn ask(query: &Query) -> Result<OwnedFd, Failure> {
    // In the words of all time zones, because the daemon need not be in this one.
    let text = query.to_string();
    let rows = archive().await?.export(&text).await.map_err(|error| question::refused(&text, error))?;
    Ok(rows.into())
}

fn from_daemon(rows: OwnedFd, written: &mut Written<'_>) -> Result<(), Failure> {
    let mut rows = BufReader::with_capacity(256 * 1024, File::from(rows));
    let mut line = String::new();
    loop {
        line.clear();
        let read = rows.read_line(&mut line).map_err(|error| ended(written.rows, &error.to_string()))?;
        if read == 0 {
            return Err(ended(written.rows, "the daemon stopped writing"));
        }
        if let Ok(end) = serde_json::from_str::<ExportEnd>(&line) {
            return match end.problem {
                Some(problem) => Err(ended(written.rows, &problem)),
                None => Ok(()),
            };
        }
        let row = serde_json::from_str(&line).map_err(|error| ended(written.rows, &error.to_string()))?;
        written.write(&row)?;
    }
}

fn ended(rows: u64, why: &str) -> Failure {
    let rows = counted(rows, "row");
    Failure::new(Kind::Failed, format!("the export is not whole, it ended after {rows}: {why}"))
}

fn from_file(path: &Path, query: &Query, written: &mut Written<'_>) -> Result<(), Failure> {
    let limits = Limits { deadline: None, cancelled: Arc::new(AtomicBool::new(false)) };
    let mut problem = None;
    let mut tell = |row| match written.write(&FlowLine::from(&row)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            problem = Some(error);
            ControlFlow::Break(())
        }
    };
    history_file::ask(path, |reader| reader.flows(query, None, &limits, &mut tell))?;
    problem.map_or(Ok(()), Err)
}
