//! The three contracts that are generated: written by `cargo xtask contracts`, compared by `--check` and by the tests.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use bindgen::callbacks::{DeriveInfo, ParseCallbacks, TypeKind};

use crate::{place::Place, tool};

const ABI: &str = "bpf/src/abi.rs";
const BINDINGS: &str = "ui/src/bindings";
const LIMIT: Duration = Duration::from_secs(1800);

/// Writes all three, or with `check` compares them.
pub(crate) fn all(place: &Place, check: bool) -> anyhow::Result<()> {
    if check {
        check_abi(place)?;
        let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
        write_bindings(place, dir.path())?;
        check_bindings(place, dir.path())?;
        golden(place, false)?;
        tool::say("The contracts are up to date.");
        return Ok(());
    }
    fs::write(place.file(ABI), abi(place)?).context("cannot write bpf/src/abi.rs")?;
    write_bindings(place, &place.file(BINDINGS))?;
    golden(place, true)
}

/// Compares `abi.rs` with `abi.h`.
pub(crate) fn check_abi(place: &Place) -> anyhow::Result<()> {
    let committed = fs::read_to_string(place.file(ABI)).context("cannot read bpf/src/abi.rs")?;
    same(ABI, &committed, &abi(place)?)
}

/// Compares the TypeScript bindings with what the tests of the wire types wrote into `generated`.
pub(crate) fn check_bindings(place: &Place, generated: &Path) -> anyhow::Result<()> {
    let (committed, generated) = (read_all(&place.file(BINDINGS))?, read_all(generated)?);
    let names = |files: &[(PathBuf, String)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(&committed) != names(&generated) {
        bail!("{BINDINGS} holds {:?}, but {:?} are generated", names(&committed), names(&generated));
    }
    committed
        .iter()
        .zip(&generated)
        .try_for_each(|((name, old), (_, new))| same(&format!("{BINDINGS}/{}", name.display()), old, new))
}

fn same(name: &str, committed: &str, generated: &str) -> anyhow::Result<()> {
    if committed == generated {
        return Ok(());
    }
    let line = committed.lines().zip(generated.lines()).take_while(|(old, new)| old == new).count() + 1;
    bail!("{name} is not up to date (first difference in line {line}); run `cargo xtask contracts`")
}

/// What `abi.rs` should be.
fn abi(place: &Place) -> anyhow::Result<String> {
    let header = place.file("bpf/c/abi.h");
    // bindgen panics when it finds no libclang.
    let generated = panic::catch_unwind(AssertUnwindSafe(|| {
        bindgen::Builder::default()
            .header(header.to_string_lossy())
            .allowlist_file(".*/abi\\.h")
            .raw_line("//! Generated from `bpf/c/abi.h` by `cargo xtask contracts`; do not edit.")
            .default_enum_style(bindgen::EnumVariation::Consts)
            .prepend_enum_name(false)
            .derive_default(false)
            .derive_eq(true)
            .derive_hash(true)
            .layout_tests(true)
            .use_core()
            .parse_callbacks(Box::new(BytesOfTheKernel))
            .formatter(bindgen::Formatter::None)
            .generate()
    }))
    .map_err(|_| anyhow!("libclang was not found; install libclang1-19"))?
    .context("bpf/c/abi.h could not be read")?;
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = dir.path().join("abi.rs");
    fs::write(&path, generated.to_string()).context("cannot write a temporary file")?;
    let mut format = Command::new("rustfmt");
    format.args(["--edition", "2024", "--config-path"]).arg(place.file("rustfmt.toml")).arg(&path);
    tool::output_of(format, Duration::from_secs(60))?;
    fs::read_to_string(&path).context("cannot read a temporary file")
}

/// The structs are read from the kernel as bytes.
#[derive(Debug)]
struct BytesOfTheKernel;

impl ParseCallbacks for BytesOfTheKernel {
    fn add_derives(&self, info: &DeriveInfo<'_>) -> Vec<String> {
        let derives: &[&str] = match info.kind {
            TypeKind::Struct => &[
                "zerocopy::FromBytes",
                "zerocopy::Immutable",
                "zerocopy::IntoBytes",
                "zerocopy::KnownLayout",
            ],
            _ => &[],
        };
        derives.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// Lets the wire types write their TypeScript into `dir`.
fn write_bindings(place: &Place, dir: &Path) -> anyhow::Result<()> {
    let mut command =
        cargo_test(place, &["portolan-core", "portolan-bus", "portolan-desktop"], &["--lib", "--bins"]);
    command.env("TS_RS_EXPORT_DIR", dir);
    tool::output_of(command, LIMIT).map(drop)
}

/// Lets the daemon compare its introspection with the golden one, or write it.
fn golden(place: &Place, write: bool) -> anyhow::Result<()> {
    let mut command = cargo_test(place, &["portoland"], &["golden"]);
    command.env_remove("UPDATE_GOLDEN");
    if write {
        command.env("UPDATE_GOLDEN", "1");
    }
    tool::output_of(command, LIMIT).map(drop)
}

fn cargo_test(place: &Place, packages: &[&str], which: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet"]).current_dir(&place.top);
    for package in packages {
        command.args(["--package", package]);
    }
    command.args(which);
    command
}

/// The files directly in `dir`, by name.
fn read_all(dir: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.push((path.file_name().map(PathBuf::from).unwrap_or_default(), text));
    }
    files.sort();
    Ok(files)
}
