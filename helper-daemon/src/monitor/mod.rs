//! All that talks to the kernel: loading, attaching, marking, and reading what the programs counted.
//!
//! | event | hook | why this one | without it |
//! |---|---|---|---|
//! | bytes sent | tp_btf/sock_send_length | every call of every protocol, in the caller's context | nothing is counted as sent (before Linux 6.3) |
//! | bytes received | tp_btf/sock_recv_length, for TCP tp_btf/tcp_rcv_space_adjust | the same; TCP also by splice | nothing is counted as received |
//! | peer of a datagram | cgroup/sendmsg4,6 and recvmsg4,6 | runs just before, in the same call | bytes without a peer |
//! | connection opened | tp_btf/inet_sock_set_state | before the first byte | connections without bytes are not seen |
//! | socket closed | cgroup/sock_release | at the last close, with the cell still there | the last bytes before a close are lost |
//! | fork, exec, exit | tp_btf/sched_process_* | exact, for the shortest process | nothing can be attributed |
//! | executed file | fanotify FAN_OPEN_EXEC | a descriptor of what ran, also when it is gone | /proc is asked, which is too late for short processes |
//!
//! Invariant: the only user of aya, of fanotify and of the bpf system call. Privileged calls happen in `Monitor::start` and
//! when a filesystem is mounted.

mod counters;
mod events;
mod exec_files;
mod filesystems;
mod grace;
mod hooks;
mod iterators;
mod programs;
mod syscall;

pub use counters::{Losses, Reading};
pub use exec_files::ExecFile;
pub use hooks::Hook;

use std::os::fd::{AsFd, BorrowedFd};

use portolan_bpf::Event;

use counters::Counters;
use events::Events;
use exec_files::ExecFiles;
use iterators::Iterators;
use programs::{Attached, Programs};

/// Why the kernel cannot be watched at all.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// No type information of the running kernel.
    #[error(
        "this kernel has no type information (/sys/kernel/btf/vmlinux), which Portolan's kernel programs need. \
         Use a kernel built with CONFIG_DEBUG_INFO_BTF (every current distribution's is): {0}"
    )]
    NoTypeInformation(#[source] aya::BtfError),
    /// The object or its maps were refused.
    #[error(
        "the kernel refused Portolan's kernel programs; the daemon must run as root or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN: {0}"
    )]
    Load(#[source] Box<aya::EbpfError>),
    /// A part of the object is not there: a fault of the build.
    #[error("this build of portoland is broken: its kernel object has no “{0}”")]
    Missing(&'static str),
    /// A map could not be used.
    #[error("the kernel's table “{name}” cannot be used: {source}")]
    Map {
        /// Which.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<aya::maps::MapError>,
    },
    /// A hook without which nothing can be attributed.
    #[error("the kernel offers no {hook}, without which no traffic can be attributed: {reason}")]
    Essential {
        /// Which.
        hook: &'static str,
        /// Why not.
        reason: String,
    },
    /// Reading what the programs wrote failed.
    #[error("cannot read {what} from the kernel: {source}")]
    Read {
        /// What was read.
        what: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// What was read is not of this build.
    #[error(transparent)]
    Decode(#[from] portolan_bpf::DecodeError),
}

/// The kernel, being watched.
pub struct Monitor {
    hooks: Vec<Hook>,
    events: Events,
    exec_files: Option<ExecFiles>,
    iterators: Iterators,
    counters: Counters,
    // Last: the programs detach only after their readers are gone.
    _attached: Attached,
}

impl Monitor {
    /// Loads and attaches everything. Sockets that exist get their cells.
    ///
    /// # Errors
    /// When the kernel cannot be watched at all; what is merely missing is an inactive [`Hook`].
    pub fn start() -> Result<Self, MonitorError> {
        let mut programs = Programs::load()?;
        let mut hooks = programs.attach()?;
        let (exec_files, hook) = ExecFiles::start();
        hooks.push(hook);
        let events = Events::new(programs.ring()?);
        let iterators = Iterators::attach(&mut programs)?;
        let counters = Counters::new(&mut programs)?;
        let adopted = iterators.adopt_sockets();
        hooks.push(Hook::from_result(
            "iter/task_file",
            "finds the sockets that were open before the daemon started",
            adopted.map_err(|error| error.to_string()),
        ));
        Ok(Self { hooks, events, exec_files, iterators, counters, _attached: programs.into_attached() })
    }

    /// Where the daemon listens, and where it could not.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// Readable when there are process events.
    #[must_use]
    pub fn events_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Readable when files were executed; `None` without fanotify.
    #[must_use]
    pub fn exec_files_fd(&self) -> Option<BorrowedFd<'_>> {
        self.exec_files.as_ref().map(AsFd::as_fd)
    }

    /// Exceptional when something was mounted or unmounted; `None` without fanotify.
    #[must_use]
    pub fn mounts_fd(&self) -> Option<BorrowedFd<'_>> {
        self.exec_files.as_ref().map(ExecFiles::mounts_fd)
    }

    /// All process events since the last call, oldest first.
    ///
    /// The descriptors of the files that these events name are in the queue of [`Self::exec_files`] by now.
    ///
    /// # Errors
    /// When the programs are not of this build.
    pub fn events(&mut self) -> Result<Vec<Event>, MonitorError> {
        Ok(self.events.take()?)
    }

    /// Executed files, oldest first, not all at once; none when there are no more.
    pub fn exec_files(&mut self) -> Vec<ExecFile> {
        self.exec_files.as_mut().map(ExecFiles::take).unwrap_or_default()
    }

    /// Watches the filesystems that were mounted since.
    pub fn mark_new_filesystems(&mut self) {
        if let Some(exec_files) = &mut self.exec_files {
            exec_files.mark_filesystems();
        }
    }

    /// Every process that exists, without arguments.
    ///
    /// # Errors
    /// When the iterator cannot be read.
    pub fn processes(&self) -> Result<Vec<Event>, MonitorError> {
        self.iterators.processes()
    }

    /// The counters: first what has been closed since the last reading, then what is in use.
    ///
    /// A socket that closes in between is in neither and comes with the next reading; none is ever in both.
    ///
    /// # Errors
    /// When a table cannot be read; what it held is then in the next reading.
    pub fn read_counters(&mut self) -> Result<Reading, MonitorError> {
        let (closed, overflow) = self.counters.take_closed()?;
        let live = self.iterators.cells()?;
        Ok(Reading { closed, overflow, live })
    }

    /// What was refused since the programs were loaded, cumulative.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn losses(&self) -> Result<Losses, MonitorError> {
        let mut losses = self.counters.losses()?;
        losses.exec_file_overflows = self.exec_files.as_ref().map_or(0, ExecFiles::overflows);
        Ok(losses)
    }
}
