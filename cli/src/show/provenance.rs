//! Where a file comes from, in a cell.

use portolan_bus::{Application, Provenance, QueryRow};
use portolan_core::Untrusted;

use super::table::Cell;

/// `deb curl 7.88.1-10, verified`. Where the application runs a script, that comes first:
/// `script unowned; deb python3.11-minimal 3.11.2-6, verified`.
pub(crate) fn of_application(application: &Application) -> Cell {
    let of_script = application.script.as_ref().map(|script| format!("script {}", of(&script.provenance)));
    let all: Vec<String> = of_script.into_iter().chain([of(&application.provenance)]).collect();
    Cell::from(&Untrusted::from(all.join("; ")))
}

/// The same of a row's executable.
pub(crate) fn of_row(row: &QueryRow) -> Cell {
    match row.keys.get("provenance") {
        Some(state) => Cell::from(&Untrusted::from(text(state, row.keys.get("package").map(String::as_str)))),
        None => Cell::unknown(),
    }
}

fn of(provenance: &Option<Provenance>) -> String {
    let Some(Provenance { state, package_manager, package_name, package_version, .. }) = provenance else {
        return "-".to_owned();
    };
    let package: Vec<&str> =
        [package_manager, package_name, package_version].into_iter().flatten().map(String::as_str).collect();
    text(state, (!package.is_empty()).then(|| package.join(" ")).as_deref())
}

/// The package, where there is one, and the word; what is not what its package shipped has to be seen.
fn text(state: &str, package: Option<&str>) -> String {
    let state = if state == "modified" { "MODIFIED" } else { state };
    package.map_or_else(|| state.to_owned(), |package| format!("{package}, {state}"))
}
