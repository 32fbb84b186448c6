//! Rows of other recorders, on their way into the history.

use portolan_bus::{Error, ImportResult};
use portolan_config::Config;
use portolan_core::Uid;
use portolan_history::{Batch, Importing};

use super::{
    bucket_width::milliseconds,
    handle::{Command, Handle},
    privacy::Privacy,
    writer::Job,
};
use crate::clock::Now;

/// Looks at a batch beside the recorder, and has the history add what is believed of it.
pub(super) async fn import(
    handle: &Handle,
    config: &Config,
    by: Uid,
    batch: Batch,
) -> Result<ImportResult, Error> {
    let importing = Importing {
        now: Now::read().wall,
        bucket_ms: milliseconds(config.recording.bucket),
        keeps_command_lines: config.recording.command_lines,
        registrable: portolan_names::registrable,
    };
    let privacy = Privacy::of(config);
    let prepare = move || {
        let mut ready = importing.prepare(&batch);
        ready.filter("excluded by the configuration", |record| {
            let is_kept = !privacy.excludes_record(record);
            privacy.strip(record);
            is_kept
        });
        ready
    };
    let ready = tokio::task::spawn_blocking(prepare).await;
    let ready =
        ready.map_err(|error| Error::Internal(format!("rows to import were not looked at: {error}")))?;
    let refused = ready.refused.clone();
    let ready = Box::new(ready);
    let imported = handle.ask(|done| Command::Keep(Job::Import { by, ready, done })).await??;
    Ok(ImportResult { added: imported.added, known: imported.known, refused })
}
