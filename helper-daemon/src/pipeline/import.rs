//! Rows of other recorders, on their way into the history.

use portolan_bus::{Error, ImportResult};
use portolan_config::Recording;
use portolan_core::Uid;
use portolan_history::{Batch, Importing};

use super::{
    bucket_width::milliseconds,
    handle::{Command, Handle},
    writer::Job,
};
use crate::clock::Now;

/// Looks at a batch beside the recorder, and has the history add what is believed of it.
pub(super) async fn import(
    handle: &Handle,
    recording: &Recording,
    by: Uid,
    batch: Batch,
) -> Result<ImportResult, Error> {
    let importing = Importing {
        now: Now::read().wall,
        bucket_ms: milliseconds(recording.bucket),
        keeps_command_lines: recording.command_lines,
        registrable: portolan_names::registrable,
    };
    let ready = tokio::task::spawn_blocking(move || importing.prepare(&batch)).await;
    let ready =
        ready.map_err(|error| Error::Internal(format!("rows to import were not looked at: {error}")))?;
    let refused = ready.refused.clone();
    let ready = Box::new(ready);
    let imported = handle.ask(|done| Command::Keep(Job::Import { by, ready, done })).await??;
    Ok(ImportResult { added: imported.added, known: imported.known, refused })
}
