use std::{
    fs::{File, OpenOptions},
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
};

/// Writes the rows that a query means.
pub(crate) async fn run(options: &Export) -> Result<(), Failure> {
    let query = query(&options.query)?;
    let rows = match &options.history {
        Some(_) => None,
        // Asked before the file is made: a refusal leaves nothing behind.
        None => Some(ask(&query).await?),
    };
    let output: Box<dyn Write> = match &options.output {
        Some(path) => Box::new(create(path)?),
        None => Box::new(io::stdout().lock()),
    };
    let format = match options.format {
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Json => Format::Json,
    };
    let mut written = Written { output: BufWriter::new(output), lines: Lines::new(format) };
    written.lines.write_headings(&mut written.output)?;
    match (rows, &options.history) {
        (Some(rows), _) => from_daemon(rows, &mut written)?,
        (None, Some(path)) => from_file(path, &query, &mut written)?,
        (None, None) => {}
    }
    Ok(written.output.flush()?)
}

struct Written {
    output: BufWriter<Box<dyn Write>>,
    lines: Lines,
}

impl Written {
    fn write(&mut self, line: &FlowLine) -> io::Result<()> {
        self.lines.write(&mut self.output, line)
    }
}

/// A file of its own, that nobody else may read.
fn create(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| Failure::new(Kind::Failed, format!("{} cannot be made: {error}", path.display())))
}

async fn ask(query: &Query) -> Result<OwnedFd, Failure> {
    // In the words of all time zones, because the daemon need not be in this one.
    let text = query.to_string();
    let rows = archive().await?.export(&text).await.map_err(|error| question::refused(&text, error))?;
    Ok(rows.into())
}

fn from_daemon(rows: OwnedFd, written: &mut Written) -> Result<(), Failure> {
    let mut rows = BufReader::with_capacity(256 * 1024, File::from(rows));
    let mut line = String::new();
    let mut count = 0;
    loop {
        line.clear();
        let read = rows.read_line(&mut line).map_err(|error| ended(count, &error.to_string()))?;
        if read == 0 {
            return Err(ended(count, "the daemon stopped writing"));
        }
        if let Ok(end) = serde_json::from_str::<ExportEnd>(&line) {
            return match end.problem {
                Some(problem) => Err(ended(count, &problem)),
                None => Ok(()),
            };
        }
        let row = serde_json::from_str(&line).map_err(|error| ended(count, &error.to_string()))?;
        written.write(&row)?;
        count += 1;
    }
}

fn ended(rows: u64, why: &str) -> Failure {
    Failure::new(Kind::Failed, format!("the export is not whole, it ended after {rows} rows: {why}"))
}

fn from_file(path: &Path, query: &Query, written: &mut Written) -> Result<(), Failure> {
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
    problem.map_or(Ok(()), |problem| Err(problem.into()))
}
