mod columns;
mod table;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write},
    ops::ControlFlow,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use portolan_bus::ExportEnd;
use portolan_history::{
    Limits,
    language::Query,
    line::{FlowLine, Format, Lines},
};

use self::table::Table;
use super::{archive, query};
use crate::{
    args::{Export, ExportFormat},
    commands::{destination::Destination, history_file, question},
    failure::{Failure, Kind},
    show::amount::counted,
};

/// Writes the rows that a query means.
pub(crate) async fn run(options: &Export, json: bool) -> Result<(), Failure> {
    let query = query(&options.query)?;
    let format = options.format.unwrap_or(if json { ExportFormat::Json } else { ExportFormat::Csv });
    if format == ExportFormat::Parquet && options.output.is_none() && io::stdout().is_terminal() {
        let sentence = "Parquet is nothing for a terminal: name a file with -o, or pipe it into a program";
        return Err(Failure::new(Kind::Usage, sentence));
    }
    // Before the daemon is asked, which would go on with an export that nobody reads for a while.
    let (file, mut destination) = Destination::new(options.output.as_deref())?;
    let rows = match &options.history {
        Some(path) => Rows::File(path.clone(), query),
        None => Rows::Daemon(ask(&query).await?),
    };
    let export = tokio::task::spawn_blocking(move || {
        let mut written = Written::new(format, file)?;
        rows.write(&mut written)?;
        Ok(written.finish()?)
    });
    let done: Result<(), Stopped> = tokio::select! {
        done = export => done.unwrap_or_else(|error| Err(io::Error::other(error).into())),
        () = destination.ended() => Err(Failure::new(Kind::Failed, "the export was ended before it was whole").into()),
    };
    done.map_err(|stopped| match stopped {
        Stopped::Reading(failure) => failure,
        Stopped::Writing(error) => destination.failed(error),
    })?;
    destination.finish()
}

/// Why there is no more of an export.
enum Stopped {
    Reading(Failure),
    Writing(io::Error),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Reading(failure)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Writing(error)
    }
}

/// What is being written.
enum Written {
    Lines(Lines, BufWriter<File>),
    Table(Box<Table>),
}

impl Written {
    fn new(format: ExportFormat, file: File) -> io::Result<Self> {
        let format = match format {
            ExportFormat::Csv => Format::Csv,
            ExportFormat::Json => Format::Json,
            ExportFormat::Parquet => return Ok(Self::Table(Box::new(Table::new(file)?))),
        };
        let (mut lines, mut output) = (Lines::new(format), BufWriter::with_capacity(64 * 1024, file));
        lines.write_headings(&mut output)?;
        Ok(Self::Lines(lines, output))
    }

    fn write(&mut self, line: &FlowLine) -> io::Result<()> {
        match self {
            Self::Lines(lines, output) => lines.write(output, line),
            Self::Table(table) => table.write(line),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Lines(_, mut output) => output.flush(),
            Self::Table(table) => table.finish(),
        }
    }
}

/// Where rows come from.
enum Rows {
    Daemon(OwnedFd),
    File(PathBuf, Query),
}

impl Rows {
    fn write(self, written: &mut Written) -> Result<(), Stopped> {
        match self {
            Self::Daemon(rows) => from_daemon(rows, written),
            Self::File(path, query) => from_file(&path, &query, written),
        }
    }
}

async fn ask(query: &Query) -> Result<OwnedFd, Failure> {
    // In the words of all time zones, because the daemon need not be in this one.
    let text = query.to_string();
    let rows = archive().await?.export(&text).await.map_err(|error| question::refused(&text, error))?;
    Ok(rows.into())
}

fn from_daemon(rows: OwnedFd, written: &mut Written) -> Result<(), Stopped> {
    let mut rows = BufReader::with_capacity(256 * 1024, File::from(rows));
    let (mut line, mut count) = (String::new(), 0);
    loop {
        line.clear();
        let read = rows.read_line(&mut line).map_err(|error| ended(count, &error.to_string()))?;
        if read == 0 {
            return Err(ended(count, "the daemon stopped writing").into());
        }
        if let Ok(end) = serde_json::from_str::<ExportEnd>(&line) {
            return match end.problem {
                Some(problem) => Err(ended(count, &problem).into()),
                None => Ok(()),
            };
        }
        let row = serde_json::from_str(&line).map_err(|error| ended(count, &error.to_string()))?;
        written.write(&row)?;
        count += 1;
    }
}

fn ended(rows: u64, why: &str) -> Failure {
    let rows = counted(rows, "row");
    Failure::new(Kind::Failed, format!("the export is not whole, it ended after {rows}: {why}"))
}

fn from_file(path: &Path, query: &Query, written: &mut Written) -> Result<(), Stopped> {
    let limits = Limits::default();
    let mut problem = None;
    let mut tell = |row| match written.write(&FlowLine::from(&row)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            problem = Some(error);
            ControlFlow::Break(())
        }
    };
    history_file::ask(path, |reader| reader.flows(query, None, &limits, &mut tell))?;
    problem.map_or(Ok(()), |error| Err(Stopped::Writing(error)))
}
