//! Rules on the crates, from `cargo metadata`.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::{place::Place, tool};

/// Which of our crates each may use. core ← {bpf, bus, history} ← portoland → {names, packages, places}; clients know core and bus.
const KNOWS: [(&str, &[&str]); 17] = [
    ("portolan-core", &[]),
    ("portolan-bpf", &["portolan-core"]),
    // Its answers are made of the history's, for who asks a file (a feature: the windows do without).
    ("portolan-bus", &["portolan-core", "portolan-history"]),
    ("portolan-config", &["portolan-core"]),
    ("portolan-history", &["portolan-core"]),
    ("portolan-fixture", &["portolan-core", "portolan-history", "portolan-places"]),
    ("portolan-names", &["portolan-core"]),
    ("portolan-packages", &[]),
    ("portolan-places", &["portolan-core"]),
    ("portolan-report", &["portolan-core", "portolan-bus"]),
    (
        "portoland",
        &[
            "portolan-core",
            "portolan-bpf",
            "portolan-bus",
            "portolan-config",
            "portolan-history",
            "portolan-names",
            "portolan-packages",
            "portolan-places",
        ],
    ),
    (
        "portolan-cli",
        &[
            "portolan-core",
            "portolan-bus",
            "portolan-config",
            "portolan-history",
            "portolan-names",
            "portolan-report",
        ],
    ),
    ("portolan-desktop", &["portolan-core", "portolan-bus", "portolan-report"]),
    ("portolan-testbed", &["portolan-bus"]),
    ("portolan-scenarios", &["portolan-bus", "portolan-testbed"]),
    ("xtask", &["portolan-bus", "portolan-core", "portolan-places", "portolan-testbed"]),
    (
        "portolan-bench",
        &[
            "portolan-bus",
            "portolan-core",
            "portolan-fixture",
            "portolan-history",
            "portolan-names",
            "portolan-places",
            "portolan-testbed",
        ],
    ),
];

/// What tests may use beside that.
const TESTS_KNOW: [&str; 3] = ["portolan-testbed", "portolan-bus", "portolan-core"];

/// Which crates may use a library of others; the name stands for all that begin with it.
const LIBRARIES: [(&str, &[&str]); 7] = [
    ("aya", &["portoland", "portolan-bpf", "portolan-bench"]),
    // The command line and the daemon: their tests make files of another recorder, and of an older version.
    ("rusqlite", &["portolan-history", "portolan-packages", "portolan-bench", "portolan-cli", "portoland"]),
    ("tauri", &["portolan-desktop"]),
    ("bindgen", &["xtask"]),
    ("plotters", &["portolan-report"]),
    ("resvg", &["portolan-report"]),
    ("maxminddb", &["portolan-places", "portolan-bench"]),
];

/// What the leaf may use: nothing that does I/O. `ts-rs` writes TypeScript, in tests.
const OF_CORE: [&str; 4] = ["serde", "serde_json", "thiserror", "ts-rs"];

/// Crates that speak to the kernel, the program that moves bytes by every call there is, and what maps a file (map.rs).
const MAY_BE_UNSAFE: [&str; 4] = ["portoland", "portolan-bpf", "portolan-generator", "portolan-places"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

/// Every crate uses only what it may.
pub(super) fn dependencies(place: &Place) -> anyhow::Result<()> {
    let packages = packages(place)?;
    let faults: Vec<String> = packages
        .iter()
        .flat_map(|package| package.dependencies.iter().filter_map(|dependency| fault(package, dependency)))
        .collect();
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

/// Every library and program but those at the kernel forbids unsafe code.
pub(super) fn unsafe_code(place: &Place) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for package in packages(place)? {
        let roots = package
            .targets
            .iter()
            .filter(|target| target.kind.iter().any(|kind| kind == "lib" || kind == "bin"));
        let may_be_unsafe = |name: &String| MAY_BE_UNSAFE.contains(&name.as_str());
        for root in roots.filter(|root| !may_be_unsafe(&package.name) && !may_be_unsafe(&root.name)) {
            let text = fs::read_to_string(&root.src_path)
                .with_context(|| format!("cannot read {}", root.src_path.display()))?;
            if !text.contains("#![forbid(unsafe_code)]") {
                faults
                    .push(format!("{} lacks #![forbid(unsafe_code)]", place.short(&root.src_path).display()));
            }
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

fn packages(place: &Place) -> anyhow::Result<Vec<Package>> {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--format-version=1", "--no-deps", "--quiet"]).current_dir(&place.top);
    let output = tool::output_of(command, Duration::from_secs(300))?;
    let json = output.lines().find(|line| line.starts_with('{')).context("cargo metadata printed no JSON")?;
    let metadata: Metadata = serde_json::from_str(json).context("cannot read cargo's metadata")?;
    Ok(metadata.packages)
}

/// What is wrong with `package` using `dependency`; `None` when nothing is.
fn fault(package: &Package, dependency: &Dependency) -> Option<String> {
    let (user, used) = (package.name.as_str(), dependency.name.as_str());
    let is_for_tests = dependency.kind.as_deref() == Some("dev");
    let Some((_, known)) = KNOWS.iter().find(|(name, _)| *name == user) else {
        return Some(format!(
            "{user} is a new crate: say in xtask/src/test/architecture.rs whom it may know"
        ));
    };
    let is_ours = KNOWS.iter().any(|(name, _)| *name == used);
    if is_ours && !known.contains(&used) && !(is_for_tests && TESTS_KNOW.contains(&used)) {
        return Some(format!("{user} must not use {used}"));
    }
    let owner = LIBRARIES.iter().find(|(library, _)| used.starts_with(library));
    if let Some((library, users)) = owner.filter(|(_, users)| !users.contains(&user)) {
        return Some(format!("{user} must not use {used}: {library} belongs to {}", users.join(", ")));
    }
    (user == "portolan-core" && !is_for_tests && !OF_CORE.contains(&used))
        .then(|| format!("portolan-core must not use {used}: it is a leaf without I/O"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(user: &str, used: &str, kind: Option<&str>) -> Option<String> {
        let package = Package { name: user.to_owned(), dependencies: Vec::new(), targets: Vec::new() };
        fault(&package, &Dependency { name: used.to_owned(), kind: kind.map(str::to_owned) })
    }

    #[test]
    fn the_walls_hold() {
        assert_eq!(judge("portoland", "portolan-history", None), None);
        assert_eq!(judge("portoland", "portolan-packages", None), None);
        assert!(judge("portolan-packages", "portolan-core", None).is_some());
        assert!(judge("portolan-history", "portolan-packages", None).is_some());
        assert_eq!(judge("portolan-cli", "portolan-testbed", Some("dev")), None);
        assert!(judge("portolan-cli", "portolan-testbed", None).is_some());
        assert!(judge("portolan-cli", "portolan-packages", None).is_some());
        assert!(judge("portolan-core", "tokio", None).is_some());
        assert!(judge("portolan-cli", "tauri-build", Some("build")).is_some());
        assert!(judge("portolan-bus", "rusqlite", Some("dev")).is_some());
        assert!(judge("portolan-new", "serde", None).is_some());
    }
}
