//! Programs that the benches compare with or use, in a folder of the build: nothing of it is installed on the machine.

use std::{env, ffi::OsString, fs, os::unix::fs::symlink, path::Path, process::Command, time::Duration};

use anyhow::Context as _;
use portolan_testbed::{find_program, packaged};

use crate::tool;

/// Other tools on crates.io: the crate, its version, the program.
const TOOLS: [(&str, &str, &str); 2] =
    [("bandwhich", "0.23.1", "bandwhich"), ("rustnet-monitor", "1.7.0", "rustnet")];

/// What compiles the kernel programs of one of them, which knows it by its name without a version only.
const COMPILERS: [&str; 7] =
    ["clang", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16"];

/// Builds the other tools, once, and slowly. One that does not compile is left out of the comparison.
pub(super) fn install(tools: &Path) -> anyhow::Result<()> {
    let path = search_path(tools)?;
    for (name, version, program) in TOOLS {
        if tools.join("bin").join(program).is_file() {
            continue;
        }
        let mut cargo = Command::new("nice");
        cargo.args(["-n", "19", "cargo", "install", "--locked", "--quiet", "--root"]).arg(tools);
        cargo
            .args(["--target-dir".as_ref(), tools.join("build").as_os_str()])
            .arg(format!("{name}@{version}"));
        cargo.env("PATH", &path);
        if let Err(error) = tool::visibly(&mut cargo) {
            tool::warn(&format!("{name} is left out: {error:#}"));
        }
    }
    Ok(())
}

/// `PATH` with a folder in front in which `clang` is one that is installed.
fn search_path(tools: &Path) -> anyhow::Result<OsString> {
    let dir = tools.join("compiler");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let (link, compiler) = (dir.join("clang"), COMPILERS.iter().find_map(|name| find_program(name)));
    if let Some(compiler) = compiler.filter(|_| !link.exists()) {
        symlink(&compiler, &link).with_context(|| format!("cannot link {}", link.display()))?;
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(std::iter::once(dir).chain(env::split_paths(&path))).context("PATH cannot be extended")
}

/// Unpacks a package without installing it, where its program is not on the machine: it would start a server, or change how the
/// machine resolves names. `paths` are those that the program may have in the package, without the first slash.
pub(super) fn unpack(tools: &Path, package: &str, paths: &[&str]) -> anyhow::Result<()> {
    let dir = tools.join("debian");
    if packaged(paths).is_some() || find_program("apt-get").is_none() {
        return Ok(());
    }
    let packages = tools.join("packages").join(package);
    fs::create_dir_all(&packages).with_context(|| format!("cannot make {}", packages.display()))?;
    let mut apt = Command::new("apt-get");
    apt.args(["download", "-qq", package]).current_dir(&packages);
    tool::output_of(apt, Duration::from_secs(300))
        .with_context(|| format!("{package} cannot be downloaded"))?;
    for entry in fs::read_dir(&packages).with_context(|| format!("cannot read {}", packages.display()))? {
        let file = entry?.path();
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(&file).arg(&dir);
        tool::output_of(unpack, Duration::from_secs(60))?;
    }
    Ok(())
}
