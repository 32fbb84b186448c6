//! Compiles the kernel programs with clang into one CO-RE object.

use std::{env, path::PathBuf, process::Command};

/// Newest first; any of them knows what the programs need (BTF type tags, `preserve_access_index`).
const COMPILERS: [&str; 7] =
    ["clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang"];

/// What gives the tables of the kernel their layout, and what the attached programs are made of: a daemon that takes over
/// leaves both as they are.
const LAYOUT: [&str; 7] =
    ["c/abi.h", "c/maps.h", "c/hooks.h", "c/quick.h", "c/owner.h", "c/truth.h", "c/kernel.h"];

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=c");
    println!("cargo::rustc-env=PORTOLAN_LAYOUT={:016x}", layout()?);
    println!("cargo::rerun-if-env-changed=PORTOLAN_CLANG");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|error| error.to_string())?).join("portolan.bpf.o");
    let compiler = compiler()?;
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").map_err(|error| error.to_string())?;
    let endian = env::var("CARGO_CFG_TARGET_ENDIAN").map_err(|error| error.to_string())?;
    let target = if endian == "big" { "bpfeb" } else { "bpfel" };
    let output = Command::new(&compiler)
        .args(["-g", "-O2", "-mcpu=v3", "-Wall", "-Wextra", "-Wno-unused-parameter"])
        .args(["-target", target])
        // Debian keeps <asm/types.h> in a folder of the architecture, which the BPF target does not search.
        .arg(format!("-I/usr/include/{architecture}-linux-gnu"))
        .args(["-c", "c/portolan.bpf.c", "-o"])
        .arg(&out)
        .output()
        .map_err(|error| format!("cannot start {compiler}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{compiler} could not compile the kernel programs (they need libbpf-dev and linux-libc-dev):\n{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(())
}

fn compiler() -> Result<String, String> {
    if let Ok(chosen) = env::var("PORTOLAN_CLANG") {
        return Ok(chosen);
    }
    COMPILERS
        .iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
        .map(|name| (*name).to_owned())
        .ok_or_else(|| {
            "no clang was found, which compiles the kernel programs. Install it (Debian: apt-get install clang-19 \
             libbpf-dev), or let `cargo xtask run` do it."
                .to_owned()
        })
}

/// A number that changes with the layout (FNV-1a).
fn layout() -> Result<u64, String> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for path in LAYOUT {
        for byte in std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))? {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(hash)
}
