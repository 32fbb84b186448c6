//! An application of the history as the bus has it.

use portolan_bus::{Application, Provenance, Script};
use portolan_history::{ApplicationRow, Content};

pub(super) fn to_wire(row: ApplicationRow) -> Application {
    let ApplicationRow { application, executable, script, review, first, last, executables } = row;
    Application {
        application: application.as_untrusted().as_raw().to_owned(),
        path: executable.file.path.as_raw().to_owned(),
        sha256: executable.file.sha256.to_string(),
        provenance: provenance(&executable),
        script: script.map(|script| Script {
            path: script.file.path.as_raw().to_owned(),
            sha256: script.file.sha256.to_string(),
            provenance: provenance(&script),
        }),
        review: review.to_string(),
        first_unix_ms: first.0,
        last_unix_ms: last.0,
        executables,
    }
}

fn provenance(content: &Content) -> Option<Provenance> {
    content.provenance.as_ref().map(Provenance::from)
}
