use std::{io, path::Path, thread, time::SystemTime};

use portolan_bus::ImportResult;
use portolan_core::{Uid, UnixMillis};
use portolan_history::{
    Batch, History, Importing,
    picosnitch::{FileError, Picosnitch},
};
use serde_json::json;
use tokio::sync::mpsc;

use super::archive;
use crate::{
    args::{Import, Recorder},
    bus,
    commands::destination::NewFile,
    failure::{Failure, Kind, sentence},
    output,
    show::amount::counted,
};

/// Rows that are handed over at a time.
const BATCH: usize = 5_000;
/// How long a bucket of a history is that is made here; the daemon's is what its configuration says.
const BUCKET_MS: u32 = 10_000;

/// Adds the rows of another recorder to the history, and says what became of them.
pub(crate) async fn run(options: &Import, json: bool) -> Result<(), Failure> {
    let Recorder::Picosnitch = options.recorder;
    let mut sum = ImportResult::default();
    let unreadable = match &options.history {
        Some(history) => into_file(&options.file, history, &mut sum).await?,
        None => into_daemon(&options.file, &mut sum).await?,
    };
    if unreadable > 0 {
        *sum.refused.entry("numbers that are none".to_owned()).or_default() += unreadable;
    }
    if json {
        return output::json(&json!({ "import": sum }));
    }
    output::text(&page(&sum))
}

fn page(sum: &ImportResult) -> String {
    let mut page = format!("Added {}.\n", counted(sum.added, "row"));
    let known = (sum.known > 0).then_some(("an import before told them, or others of their time", sum.known));
    let refused = sum.refused.iter().map(|(why, rows)| (why.as_str(), *rows));
    for (why, rows) in known.into_iter().chain(refused) {
        page += &format!("Left out {}: {why}.\n", counted(rows, "row"));
    }
    page
}

fn add(sum: &mut ImportResult, result: ImportResult) {
    sum.added += result.added;
    sum.known += result.known;
    for (why, rows) in result.refused {
        *sum.refused.entry(why).or_default() += rows;
    }
}

/// The file is read on a thread of its own, as the user who called, at most two batches ahead.
async fn into_daemon(file: &Path, sum: &mut ImportResult) -> Result<u64, Failure> {
    let source = open(file)?;
    let archive = archive().await?;
    let (send, mut batches) = mpsc::channel::<Batch>(2);
    let reading = thread::spawn(move || {
        let mut take = |batch| send.blocking_send(batch).map_err(|_| "the daemon took no more".to_owned());
        source.batches(BATCH, &mut take)
    });
    while let Some(batch) = batches.recv().await {
        let text = serde_json::to_vec(&batch).map_err(|error| Failure::of(Kind::Failed, &error))?;
        add(sum, archive.import(&text).await.map_err(bus::failed_call)?);
    }
    match reading.join() {
        Ok(read) => read.map_err(unreadable),
        Err(_) => Err(Failure::new(Kind::Failed, format!("{} could not be read", file.display()))),
    }
}

fn open(file: &Path) -> Result<Picosnitch, Failure> {
    Picosnitch::open(file).map_err(unreadable)
}

fn unreadable(error: FileError) -> Failure {
    let is_missing = matches!(&error, FileError::Open { source, .. }
        if source.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound));
    Failure::of(if is_missing { Kind::NotFound } else { Kind::Failed }, &error)
}

/// A new history of nothing else.
async fn into_file(file: &Path, history: &Path, sum: &mut ImportResult) -> Result<u64, Failure> {
    let source = open(file)?;
    let mut new = NewFile::new(history)?;
    let unfinished = new.unfinished();
    let import = tokio::task::spawn_blocking(move || fill(&source, &unfinished));
    let (result, unreadable) = tokio::select! {
        done = import => done
            .unwrap_or_else(|error| Err(FileError::Stopped(error.to_string())))
            .map_err(|error| match error {
                FileError::Stopped(why) => new.failed(&why),
                error => unreadable(error),
            })?,
        () = new.ended() => return Err(Failure::new(Kind::Failed, "the import was ended before it was whole")),
    };
    new.finish()?;
    *sum = result;
    Ok(unreadable)
}

/// Makes a history at `path`; what was added, and how many numbers were none.
fn fill(source: &Picosnitch, path: &Path) -> Result<(ImportResult, u64), FileError> {
    let mut history = History::open(path).map_err(|error| FileError::Stopped(sentence(&error)))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = UnixMillis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    let importing = Importing {
        now,
        bucket_ms: BUCKET_MS,
        keeps_command_lines: true,
        registrable: portolan_names::registrable,
    };
    let by = Uid(nix::unistd::getuid().as_raw());
    let mut sum = ImportResult::default();
    let mut take = |batch: Batch| {
        let ready = importing.prepare(&batch);
        let imported = history.import(&ready, by, now).map_err(|error| sentence(&error))?;
        let refused = ready.refused;
        add(&mut sum, ImportResult { added: imported.added, known: imported.known, refused });
        Ok(())
    };
    let unreadable = source.batches(BATCH, &mut take)?;
    // Closed, so that its log is written back into it; where there is no room for that, the log stays.
    drop(history);
    if path.with_file_name("unfinished-wal").exists() {
        return Err(FileError::Stopped("it cannot be closed; its disk is full or fails".to_owned()));
    }
    Ok((sum, unreadable))
}
