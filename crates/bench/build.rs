//! Compiles one program that does nothing for each hook in `bpf/c/hooks.h`, to subtract what every program costs there.

use std::{env, fmt::Write as _, fs, path::PathBuf, process::Command};

/// Where the hooks are: `HOOK("section", name, otherwise)`, or `QUICK_HOOK("section", name, otherwise, is_done)`.
const HOOKS: &str = "../../bpf/c/hooks.h";
/// Newest first; the same as for the kernel programs.
const COMPILERS: [&str; 7] =
    ["clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang"];

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed={HOOKS}");
    println!("cargo::rerun-if-env-changed=PORTOLAN_CLANG");
    let variable = |name: &str| env::var(name).map_err(|error| error.to_string());
    let out = PathBuf::from(variable("OUT_DIR")?);
    let header = fs::read_to_string(HOOKS).map_err(|error| format!("cannot read {HOOKS}: {error}"))?;
    let mut source = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n".to_owned();
    let mut list = "&[".to_owned();
    for line in header.lines() {
        let Some((section, name, otherwise)) = hook(line) else { continue };
        writeln!(source, "SEC(\"{section}\") int empty_{name}(void *ctx) {{ return {otherwise}; }}")
            .map_err(|error| error.to_string())?;
        list += &format!("(\"{name}\", \"{section}\"), ");
    }
    source += "char LICENSE[] SEC(\"license\") = \"Dual MIT/GPL\";\n";
    let (from, to) = (out.join("empty.bpf.c"), out.join("empty.bpf.o"));
    fs::write(&from, source).map_err(|error| error.to_string())?;
    fs::write(out.join("hooks.rs"), list + "]").map_err(|error| error.to_string())?;
    let compiler = compiler()?;
    let target = if variable("CARGO_CFG_TARGET_ENDIAN")? == "big" { "bpfeb" } else { "bpfel" };
    let output = Command::new(&compiler)
        .args(["-g", "-O2", "-mcpu=v3", "-Wall", "-target", target])
        .arg(format!("-I/usr/include/{}-linux-gnu", variable("CARGO_CFG_TARGET_ARCH")?))
        .arg("-c")
        .args([&from, &PathBuf::from("-o"), &to])
        .output()
        .map_err(|error| format!("cannot start {compiler}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{compiler} could not compile the empty programs:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(())
}

/// Section, name and what the program returns.
fn hook(line: &str) -> Option<(&str, &str, &str)> {
    let line = line.strip_prefix("QUICK_").unwrap_or(line);
    let mut words = line.strip_prefix("HOOK(\"")?.trim_end().strip_suffix(')')?.splitn(4, ',');
    Some((words.next()?.strip_suffix('"')?, words.next()?.trim(), words.next()?.trim()))
}

fn compiler() -> Result<String, String> {
    if let Ok(chosen) = env::var("PORTOLAN_CLANG") {
        return Ok(chosen);
    }
    COMPILERS
        .iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
        .map(|name| (*name).to_owned())
        .ok_or_else(|| "no clang was found; let `cargo xtask bench` install it".to_owned())
}
