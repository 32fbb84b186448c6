//! Rules on the files of the checkout.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, bail};

use crate::{place::Place, tool};

const MOST_LINES: usize = 400;
const OWN: [&str; 7] = ["rs", "c", "h", "ts", "svelte", "css", "html"];
/// Written by a program, however long.
const GENERATED: [&str; 2] = ["bpf/src/abi.rs", "ui/src/bindings/"];

/// What may stand at the top. A new part needs a line here and a place in docs/architecture.md.
const TOP: [&str; 24] = [
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "bpf",
    "cli",
    "crates",
    "deny.toml",
    "docs",
    "helper-daemon",
    "icons",
    "package-lock.json",
    "package.json",
    "packaging",
    "polkit",
    "rustfmt.toml",
    "src-tauri",
    "ui",
    "xtask",
];

/// No file that a person wrote is over 400 lines.
pub(super) fn lengths(place: &Place) -> anyhow::Result<()> {
    let mut long = Vec::new();
    for path in files(place)? {
        let is_own = path.extension().is_some_and(|extension| OWN.iter().any(|own| extension == *own));
        let is_generated = GENERATED.iter().any(|generated| path.starts_with(generated));
        if !is_own || is_generated {
            continue;
        }
        // A file that git knows and the disk does not was deleted and not yet committed.
        let Ok(text) = fs::read_to_string(place.file("").join(&path)) else { continue };
        let lines = text.lines().count();
        if lines > MOST_LINES {
            long.push(format!("{} has {lines} lines", path.display()));
        }
    }
    if !long.is_empty() {
        bail!("at most {MOST_LINES} lines:\n{}", long.join("\n"));
    }
    Ok(())
}

/// Everything at the top is known, and docs/architecture.md speaks of every folder and crate.
pub(super) fn folders(place: &Place) -> anyhow::Result<()> {
    let files = files(place)?;
    let first = |path: &PathBuf| path.iter().next().map(|part| part.to_string_lossy().into_owned());
    let entries: BTreeSet<String> = files.iter().filter_map(first).collect();
    let unknown: Vec<&String> = entries.iter().filter(|entry| !TOP.contains(&entry.as_str())).collect();
    if !unknown.is_empty() {
        bail!("not expected at the top of the checkout: {unknown:?} (xtask/src/test/tree.rs)");
    }
    let mut parts: BTreeSet<String> =
        files.iter().filter(|path| path.iter().count() > 1).filter_map(first).collect();
    parts.extend(files.iter().filter_map(|path| {
        let mut folders = path.iter().map(|part| part.to_string_lossy());
        (folders.next()? == "crates").then(|| format!("crates/{}", folders.next().unwrap_or_default()))
    }));
    let map =
        fs::read_to_string(place.file("docs/architecture.md")).context("cannot read docs/architecture.md")?;
    let is_missing = |part: &&String| !part.starts_with('.') && !map.contains(&format!("`{part}/"));
    let missing: Vec<String> = parts.iter().filter(is_missing).map(|part| format!("`{part}/`")).collect();
    if !missing.is_empty() {
        bail!("docs/architecture.md does not speak of {}", missing.join(", "));
    }
    Ok(())
}

/// The files that are committed or will be.
fn files(place: &Place) -> anyhow::Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.args(["-c", "core.quotePath=false", "ls-files", "--cached", "--others", "--exclude-standard"]);
    git.current_dir(&place.top);
    let list = tool::output_of(git, Duration::from_secs(60)).context("git does not list the files")?;
    Ok(list.lines().map(PathBuf::from).collect())
}
