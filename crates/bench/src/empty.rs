//! Programs that do nothing, one on each hook of Portolan's.

use std::{fs, fs::File, path::PathBuf};

use anyhow::{Context as _, bail};
use aya::{
    Btf, Ebpf,
    programs::{CgroupAttachMode, Program},
};

/// Name and section of every hook, in the order of `bpf/c/hooks.h`.
const HOOKS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/hooks.rs"));

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/empty.bpf.o"));

/// An empty program, attached.
#[derive(Debug)]
pub(crate) struct Empty {
    /// The name of the hook.
    pub(crate) hook: &'static str,
    /// Its place in the kernel.
    pub(crate) section: &'static str,
    /// The kernel's number of the program.
    pub(crate) id: u32,
}

/// The programs; dropping it detaches them.
pub(crate) struct Attached {
    pub(crate) programs: Vec<Empty>,
    _object: Ebpf,
}

/// Attaches one to each hook that `is_wanted`.
pub(crate) fn attach(is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<Attached> {
    let types = Btf::from_sys_fs().context("the kernel does not describe its types")?;
    let mut object = Ebpf::load(OBJECT).context("the empty programs cannot be loaded")?;
    let cgroup = root_cgroup()?;
    let mut programs = Vec::new();
    for (hook, section) in HOOKS.iter().filter(|(hook, _)| is_wanted(hook)) {
        let name = format!("empty_{hook}");
        let program = object.program_mut(&name).with_context(|| format!("this build has no {name}"))?;
        let cannot = || format!("the empty program on {section} cannot be attached");
        attach_one(program, section, &types, &cgroup).with_context(cannot)?;
        programs.push(Empty { hook, section, id: program.info().with_context(cannot)?.id() });
    }
    Ok(Attached { programs, _object: object })
}

fn attach_one(program: &mut Program, section: &str, types: &Btf, cgroup: &File) -> anyhow::Result<()> {
    let place = section.split_once('/').map_or("", |(_, place)| place);
    match program {
        Program::BtfTracePoint(program) => {
            program.load(place, types)?;
            program.attach()?;
        }
        Program::FEntry(program) => {
            program.load(place, types)?;
            program.attach()?;
        }
        Program::FExit(program) => {
            program.load(place, types)?;
            program.attach()?;
        }
        Program::CgroupSock(program) => {
            program.load()?;
            program.attach(cgroup, CgroupAttachMode::Single)?;
        }
        Program::CgroupSockAddr(program) => {
            program.load()?;
            program.attach(cgroup, CgroupAttachMode::Single)?;
        }
        _ => bail!("it is of a kind that this does not know yet"),
    }
    Ok(())
}

/// The root of the cgroup v2 hierarchy, wherever it is mounted.
fn root_cgroup() -> anyhow::Result<File> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    let path: PathBuf = mounts
        .lines()
        .filter_map(|line| line.split_once(" - "))
        .find(|(_, right)| right.starts_with("cgroup2 "))
        .and_then(|(left, _)| left.split(' ').nth(4))
        .map(PathBuf::from)
        .context("no cgroup v2 hierarchy is mounted")?;
    File::open(&path).with_context(|| format!("cannot open {}", path.display()))
}
