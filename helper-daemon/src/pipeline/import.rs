//! Rows of other recorders, on their way into the history.

use portolan_bus::{Error, ImportResult};
use portolan_config::Config;
use portolan_core::{Uid, UnixMillis};
use portolan_history::{Batch, Importing, Ready};

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
    let (config, now) = (config.clone(), Now::read().wall);
    let prepare = move || prepare(&config, now, &batch);
    let ready = tokio::task::spawn_blocking(prepare).await;
    let ready =
        ready.map_err(|error| Error::Internal(format!("rows to import were not looked at: {error}")))?;
    let refused = ready.refused.clone();
    let ready = Box::new(ready);
    let imported = handle.ask(|done| Command::Keep(Job::Import { by, ready, done })).await??;
    Ok(ImportResult { added: imported.added, known: imported.known, refused })
}

/// What is believed of a batch, and is to be recorded.
fn prepare(config: &Config, now: UnixMillis, batch: &Batch) -> Ready {
    let importing = Importing {
        now,
        bucket_ms: milliseconds(config.recording.bucket),
        keeps_command_lines: config.recording.command_lines,
        registrable: portolan_names::registrable,
    };
    let privacy = Privacy::of(config);
    let mut ready = importing.prepare(batch);
    ready.filter("excluded by the configuration", |record| {
        let is_kept = !privacy.excludes_record(record);
        privacy.strip(record);
        is_kept
    });
    ready
}

#[cfg(test)]
mod tests {
    use portolan_history::{Flow, Program};

    use super::*;

    #[test]
    fn what_is_not_to_be_recorded_is_not_imported_either() {
        let flow = |program: usize, domain: &str| Flow {
            unix_ms: 1_700_000_000_000,
            programs: vec![program],
            uid: Some(1000),
            protocol: Some(6),
            local: "10.0.0.1".parse().ok(),
            local_port: Some(40_000),
            remote: "192.0.2.1".parse().ok(),
            remote_port: Some(443),
            domain: domain.to_owned(),
            tx_bytes: 1,
            ..Flow::default()
        };
        let program = |path: &str| Program {
            path: path.to_owned(),
            sha256: "11".repeat(32),
            command_line: "secret".to_owned(),
        };
        let batch = Batch {
            programs: vec![program("/usr/bin/kept"), program("/usr/bin/excluded")],
            flows: vec![flow(0, "kept.example"), flow(1, "kept.example"), flow(0, "www.excluded.example")],
            ..Batch::default()
        };
        let mut config = Config::default();
        assert!(ready(&config, &batch).refused.is_empty());
        let text = "[exclusions]\napplications = [\"/usr/bin/excluded\"]\ndomains = [\"*.excluded.example\"]\n[recording]\n\
                    addresses = false\ndomains = false\ncommand_lines = false\n";
        let source = portolan_config::Source { path: "portolan.toml".into(), text: text.to_owned() };
        config.clone_from(&portolan_config::read(&[source]).unwrap().config);
        let ready = ready(&config, &batch);
        assert_eq!(ready.refused["excluded by the configuration"], 2);
        let shown = format!("{ready:?}");
        assert!(shown.contains("/usr/bin/kept"), "{shown}");
        for gone in ["192.0.2.1", "10.0.0.1", "example", "secret", "/usr/bin/excluded"] {
            assert!(!shown.contains(gone), "{gone}: {shown}");
        }
    }

    fn ready(config: &Config, batch: &Batch) -> Ready {
        prepare(config, UnixMillis(1_800_000_000_000), batch)
    }
}
