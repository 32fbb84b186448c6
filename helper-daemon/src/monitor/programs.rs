//! Loading and attaching.

use std::{fs::File, path::PathBuf};

use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{MapData, RingBuf},
    programs::{
        BtfTracePoint, CgroupAttachMode, CgroupSock, CgroupSockAddr, Iter, Program, ProgramError, ProgramFd,
    },
};

use super::{MonitorError, hooks::Hook};
use crate::sentence;

/// The programs, attached. Dropping them detaches everything.
pub(super) struct Attached {
    _object: Ebpf,
}

/// The loaded object, with the kernel's types as long as there is something to load.
pub(super) struct Programs {
    object: Ebpf,
    types: Btf,
}

/// Program, hook, purpose. The first three are essential.
const TRACEPOINTS: [(&str, &str, &str); 7] = [
    ("on_fork", "tp_btf/sched_process_fork", "knows who started whom"),
    ("on_exec", "tp_btf/sched_process_exec", "knows which file a process runs"),
    ("on_exit", "tp_btf/sched_process_exit", "knows when a process is gone"),
    ("on_sent", "tp_btf/sock_send_length", "counts the bytes that programs send"),
    ("on_received", "tp_btf/sock_recv_length", "counts the bytes that programs receive (all but TCP)"),
    ("on_consumed", "tp_btf/tcp_rcv_space_adjust", "counts the bytes that programs receive over TCP"),
    ("on_tcp_state", "tp_btf/inet_sock_set_state", "sees TCP connections before their first byte"),
];
const ESSENTIAL: usize = 3;

const CGROUP_HOOKS: [(&str, &str, &str); 5] = [
    ("on_release", "cgroup/sock_release", "keeps what a socket moved until it was closed"),
    ("on_sendmsg4", "cgroup/sendmsg4", "knows the peer of datagrams sent over IPv4"),
    ("on_sendmsg6", "cgroup/sendmsg6", "knows the peer of datagrams sent over IPv6"),
    ("on_recvmsg4", "cgroup/recvmsg4", "knows the peer of datagrams received over IPv4"),
    ("on_recvmsg6", "cgroup/recvmsg6", "knows the peer of datagrams received over IPv6"),
];

impl Programs {
    pub(super) fn load() -> Result<Self, MonitorError> {
        let types = Btf::from_sys_fs().map_err(MonitorError::NoTypeInformation)?;
        let object = EbpfLoader::new()
            .btf(Some(&types))
            .allow_unsupported_maps()
            .load(portolan_bpf::OBJECT)
            .map_err(|error| MonitorError::Load(Box::new(error)))?;
        Ok(Self { object, types })
    }

    /// Attaches every hook. One that the kernel does not have is inactive, and says why.
    pub(super) fn attach(&mut self) -> Result<Vec<Hook>, MonitorError> {
        let mut hooks = Vec::new();
        for (index, (program, name, purpose)) in TRACEPOINTS.into_iter().enumerate() {
            let result = self.attach_tracepoint(program, name.trim_start_matches("tp_btf/"));
            if let (Err(reason), true) = (&result, index < ESSENTIAL) {
                return Err(MonitorError::Essential { hook: name, reason: reason.clone() });
            }
            hooks.push(Hook::from_result(name, purpose, result));
        }
        let cgroup = open_root_cgroup();
        for (program, name, purpose) in CGROUP_HOOKS {
            let result = match &cgroup {
                Ok(cgroup) => self.attach_cgroup(program, cgroup),
                Err(reason) => Err(reason.clone()),
            };
            hooks.push(Hook::from_result(name, purpose, result));
        }
        Ok(hooks)
    }

    fn attach_tracepoint(&mut self, program: &'static str, tracepoint: &str) -> Result<(), String> {
        let Self { object, types } = self;
        let mut attach = || -> Result<(), ProgramError> {
            let program: &mut BtfTracePoint = find(object, program)?.try_into()?;
            program.load(tracepoint, types)?;
            program.attach().map(|_| ())
        };
        attach().map_err(|error| explain(&error))
    }

    fn attach_cgroup(&mut self, program: &'static str, cgroup: &File) -> Result<(), String> {
        let mut attach = || -> Result<(), ProgramError> {
            let program = find(&mut self.object, program)?;
            if let Program::CgroupSock(program) = program {
                program.load()?;
                return CgroupSock::attach(program, cgroup, CgroupAttachMode::Single).map(|_| ());
            }
            let program: &mut CgroupSockAddr = program.try_into()?;
            program.load()?;
            program.attach(cgroup, CgroupAttachMode::Single).map(|_| ())
        };
        attach().map_err(|error| explain(&error))
    }

    /// Loads an iterator, without a link: see `iterators`.
    pub(super) fn load_iterator(&mut self, program: &'static str, over: &str) -> Result<&ProgramFd, String> {
        let Self { object, types } = self;
        let program: &mut Iter = find(object, program)
            .map_err(|error| explain(&error))?
            .try_into()
            .map_err(|error: ProgramError| explain(&error))?;
        program.load(over, types).map_err(|error| explain(&error))?;
        program.fd().map_err(|error| explain(&error))
    }

    /// Lets go of what only loading needs: the kernel's types take 20 MB.
    pub(super) fn into_attached(self) -> Attached {
        let Self { object, types } = self;
        drop(types);
        crate::resources::give_memory_back();
        Attached { _object: object }
    }

    pub(super) fn ring(&mut self) -> Result<RingBuf<MapData>, MonitorError> {
        let map = self.take_map("events")?;
        RingBuf::try_from(map)
            .map_err(|source| MonitorError::Map { name: "events", source: Box::new(source) })
    }

    pub(super) fn take_map(&mut self, name: &'static str) -> Result<aya::maps::Map, MonitorError> {
        self.object.take_map(name).ok_or(MonitorError::Missing(name))
    }
}

fn find<'a>(object: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Program, ProgramError> {
    object.program_mut(name).ok_or(ProgramError::NotLoaded)
}

/// What the kernel said, on one line: aya hides it in the source, and a verifier log is for developers.
fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    sentence::of(error).lines().next().unwrap_or_default().to_owned()
}

/// The root of the cgroup v2 hierarchy, wherever it is mounted.
fn open_root_cgroup() -> Result<File, String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| format!("cannot read /proc/self/mountinfo: {error}"))?;
    let path: PathBuf = mounts
        .lines()
        .filter_map(|line| line.split_once(" - "))
        .find(|(_, right)| right.starts_with("cgroup2 "))
        .and_then(|(left, _)| left.split(' ').nth(4))
        .map(PathBuf::from)
        .ok_or("no cgroup v2 hierarchy is mounted")?;
    File::open(&path).map_err(|error| format!("cannot open {}: {error}", path.display()))
}
