//! All that talks to the kernel: loading, attaching, marking, and reading what the programs counted.
//!
//! | event | hook | why this one | without it |
//! |---|---|---|---|
//! | bytes sent | tp_btf/sock_send_length | every call of every protocol, in the caller's context | before Linux 6.3: fexit of the functions behind it |
//! | bytes received | tp_btf/sock_recv_length, for TCP tp_btf/tcp_rcv_space_adjust | the same; TCP also by splice | before Linux 6.3: the same; for TCP nothing |
//! | peer of a datagram | cgroup/sendmsg4,6 and recvmsg4,6 | runs just before, in the same call | where it has no task storage: fentry and fexit of UDP's functions |
//! | connection opened | tp_btf/inet_sock_set_state | before the first byte | connections without bytes are not seen |
//! | socket closed | cgroup/sock_release | at the last close, with the cell still there | the last bytes before a close are lost |
//! | fork, exec, exit | tp_btf/sched_process_* | exact, for the shortest process | nothing can be attributed |
//! | moved to another cgroup | tp_btf/cgroup_attach_task | names the unit of programs that are moved after their start | the cgroup at the start counts |
//! | what a name may be found in | the same as bytes sent and received | in the call, whose buffer it is copied from | before Linux 5.15: no name from what was said |
//! | executed file | fanotify FAN_OPEN_EXEC | a descriptor of what ran, also when it is gone | /proc is asked, which is too late for short processes |
//! | file changed | fanotify FAN_REPORT_FID | who changed which inode, through whichever name | a change is seen at the next exec |
//!
//! What stands in for a missing hook is in `places`; without that, too, bytes have no peer or are not counted, and the
//! status says so.
//!
//! Invariant: the only user of aya, of fanotify and of the bpf system call. Privileged calls happen in `Monitor::start` and
//! when a filesystem is mounted, in whichever mount namespace; `WatchedFiles` marks files at any time, which needs no privilege
//! beyond that of reading them, but where a filesystem needs a group of its own.

mod allowance;
mod cells;
mod cgroup;
mod change_events;
mod change_groups;
mod closings;
mod counters;
mod counting;
mod error;
mod events;
mod exec_files;
mod file_handle;
mod grace;
mod hooks;
mod iterators;
mod layers;
mod lease;
mod left_behind;
mod marks;
mod missed;
mod mount_namespaces;
mod mount_points;
mod mounts;
mod namespace_owner;
mod network_layer;
mod pins;
mod places;
mod programs;
mod said;
mod sources;
mod stat;
mod syscall;
mod truth;
mod watched_files;

pub use counters::{Closed, Losses};
pub use error::MonitorError;
pub use exec_files::{ExecFile, path_of};
pub use file_handle::FileHandle;
pub use hooks::Hook;
pub use layers::Layers;
pub use lease::{give_lease_back, has_lease, is_open_for_writing, take_lease};
pub use left_behind::LeftBehind;
pub use mounts::{all_mounts, mounts_without_server, private_to};
pub use network_layer::NetworkLayer;
pub use pins::detach_all;
pub use stat::{inode_of, mount_id_of, stat_as_known, stat_of_place};
pub use truth::Truth;
pub use watched_files::{FileEvent, FileEventKind, FileEvents, Place, PlaceKind, WatchedFiles};

use std::{io, os::fd::AsFd, path::Path, rc::Rc, time::Duration};

use portolan_bpf::{Event, Said, Socket};
use portolan_core::MonotonicNs;

use counters::Counters;
use error::cannot_wait;
use events::Events;
use exec_files::ExecFiles;
use iterators::Iterators;
use pins::{PinError, Pins};
use programs::{Attached, Programs};
use said::SaidRing;
use sources::Sources;
use truth::TruthMap;

use crate::clock::Now;

/// The kernel, being watched.
pub struct Monitor {
    hooks: Vec<Hook>,
    sources: Rc<Sources>,
    events: Events,
    said: SaidRing,
    exec_files: Option<ExecFiles>,
    watched_files: Option<WatchedFiles>,
    own_namespace: Option<u32>,
    iterators: Iterators,
    counters: Counters,
    instance: u64,
    is_resumed: bool,
    /// Or why nothing is kept in the kernel when this daemon is killed.
    pins: Result<Pins, String>,
    truth: TruthMap,
    // Last: the programs detach only after their readers are gone.
    attached: Attached,
}

impl Monitor {
    /// Loads and attaches everything. Sockets that exist get their cells. `waker` ends a wait, too.
    ///
    /// What an earlier daemon left under `pin_dir` goes on when it is of the instance that the caller knows; otherwise it is
    /// dropped, and counting begins anew.
    ///
    /// # Errors
    /// When the kernel cannot be watched at all; what is merely missing is an inactive [`Hook`].
    pub fn start(
        pin_dir: &Path,
        known: Option<u64>,
        now: MonotonicNs,
        waker: impl AsFd,
    ) -> Result<Self, MonitorError> {
        let sources = Rc::new(Sources::new().map_err(cannot_wait)?);
        let mut pins = match Pins::open(pin_dir) {
            Ok(pins) => Ok(pins),
            Err(PinError::Unusable(problem)) => Err(problem),
            Err(PinError::InUse(dir)) => return Err(MonitorError::PinsInUse { dir }),
        };
        let left = pins.as_ref().ok().and_then(Pins::instance);
        let is_whole =
            pins.as_ref().is_ok_and(|pins| programs::kept_tables().all(|table| pins.map(&table).exists()));
        let is_resumed = left.is_some() && left == known && is_whole;
        let why =
            if is_whole { "its journal is missing or damaged" } else { "some of its tables are missing" };
        if let (Ok(opened), false) = (&mut pins, is_resumed)
            && let Err(error) = opened.clear(why)
        {
            pins =
                Err(format!("cannot remove what an earlier daemon left in {}: {error}", pin_dir.display()));
        }
        if let Err(problem) = &pins {
            tracing::warn!("nothing outlives a killed daemon: {problem}");
        }
        let kept = pins.as_ref().ok();
        let mut programs = Programs::load(kept)?;
        let mut hooks = programs.attach(kept)?;
        let (exec_files, hook) = ExecFiles::start(&sources);
        hooks.push(hook);
        let (watched_files, hook) = WatchedFiles::start(&sources);
        hooks.push(hook);
        let events = Events::new(programs.ring("events")?);
        let said = SaidRing::open(&mut programs)?;
        let iterators = Iterators::attach(&mut programs)?;
        let mut counters = Counters::new(&mut programs)?;
        let instance = counters.instance(now)?;
        sources
            .add(&waker)
            .and_then(|()| sources.add(&events))
            .and_then(|()| sources.add_edge(&said))
            .map_err(cannot_wait)?;
        let truth = TruthMap::open(&mut programs)?;
        let adopted = iterators.adopt_sockets();
        hooks.push(Hook::from_result(
            "iter/task_file",
            "finds the sockets that were open before the daemon started",
            adopted.map_err(|error| error.to_string()),
        ));
        let attached = programs.into_attached();
        Ok(Self {
            hooks,
            sources,
            events,
            said,
            exec_files,
            watched_files,
            own_namespace: marks::own_namespace(),
            iterators,
            counters,
            truth,
            instance,
            is_resumed,
            pins,
            attached,
        })
    }

    /// Names what is being counted: cumulative counters of one instance can be compared.
    #[must_use]
    pub fn instance(&self) -> u64 {
        self.instance
    }

    /// Whether the counters go on where an earlier daemon left them.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// What earlier daemons left and could not be gone on with.
    #[must_use]
    pub fn left_behind(&self) -> &[LeftBehind] {
        self.pins.as_ref().map_or(&[], Pins::left_behind)
    }

    /// Why nothing is kept in the kernel when this daemon is killed; `None` when it is.
    #[must_use]
    pub fn pin_problem(&self) -> Option<&str> {
        self.pins.as_ref().err().map(String::as_str)
    }

    /// Ends watching, and leaves nothing in the kernel.
    pub fn detach(self) {
        if let Ok(pins) = self.pins
            && let Err(error) = pins.remove()
        {
            tracing::error!("the kernel programs stay attached ({error}); run portoland --detach-all");
        }
    }

    /// Where the daemon listens, and where it could not.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// Waits until there is something to read, or the waker is called. What was mounted meanwhile is watched then.
    ///
    /// # Errors
    /// When the machine refuses to wait.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let now = Now::read().monotonic;
        let pause = self.watched_files.as_ref().and_then(|watched| watched.pause_left(now));
        let changed =
            self.sources.wait(pause.map_or(timeout, |pause| timeout.min(Duration::from_nanos(pause))))?;
        if let Some(watched_files) = &mut self.watched_files
            && self.own_namespace.is_some_and(|own| changed.contains(&own))
        {
            watched_files.mounts_changed();
        }
        if let Some(exec_files) = &mut self.exec_files {
            exec_files.catch_up(Now::read().monotonic);
            changed.into_iter().for_each(|namespace| exec_files.mounts_changed(namespace));
        }
        Ok(())
    }

    /// What holds the content of files in overlays.
    #[must_use]
    pub fn layers(&self) -> Layers {
        self.iterators.layers.clone()
    }

    /// How bytes are counted on this kernel, and what that cannot see: a sentence.
    #[must_use]
    pub fn counting(&self) -> String {
        counting::sentence(&self.hooks)
    }

    /// The oldest process event, which the kernel keeps until [`Self::forget_event`].
    ///
    /// The descriptor of the file that it names is in the queue of [`Self::exec_files`] by now.
    ///
    /// # Errors
    /// When the programs are not of this build.
    pub fn event(&mut self) -> Result<Option<Event>, MonitorError> {
        let event = self.events.first()?;
        if let (Some(exec_files), Some(event)) = (&mut self.exec_files, &event) {
            exec_files.note(event);
        }
        Ok(event)
    }

    /// Lets the kernel forget the event that [`Self::event`] gave.
    pub fn forget_event(&mut self) {
        self.events.forget_first();
    }

    /// How many process events there have been.
    #[must_use]
    pub fn events_taken(&self) -> u64 {
        self.events.taken()
    }

    /// What programs said since the last call that a name may be found in, oldest first; not all at once when there is too much.
    /// A wait ends when a quarter of what the kernel keeps is full.
    ///
    /// # Errors
    /// When the programs are not of this build.
    pub fn said(&mut self, see: impl FnMut(Said)) -> Result<(), MonitorError> {
        Ok(self.said.read(see)?)
    }

    /// Executed files, oldest first, not all at once; none when there are no more.
    pub fn exec_files(&mut self) -> Vec<ExecFile> {
        self.exec_files.as_mut().map(ExecFiles::take).unwrap_or_default()
    }

    /// The files that are watched; `None` where this kernel cannot.
    pub fn watched_files(&mut self) -> Option<&mut WatchedFiles> {
        self.watched_files.as_mut()
    }

    /// Every process that exists, without arguments.
    ///
    /// # Errors
    /// When the iterator cannot be read.
    pub fn processes(&mut self) -> Result<Vec<Event>, MonitorError> {
        let processes = self.iterators.processes()?;
        if let Some(exec_files) = &mut self.exec_files {
            exec_files.note_all(&processes);
        }
        Ok(processes)
    }

    /// What was closed since the last call of [`Self::forget_closed`]. To be read before [`Self::sockets`]: a socket that closes in
    /// between is in neither and comes with the next reading; none is ever in both.
    ///
    /// # Errors
    /// When a table cannot be read; what it held is then in the next reading.
    pub fn closed(&mut self) -> Result<Closed, MonitorError> {
        self.counters.read_closed()
    }

    /// What a daemon before this one had left half-way: in the tables that are not being filled.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub fn left_closed(&self) -> Result<Closed, MonitorError> {
        self.counters.read_retired()
    }

    /// The generation of the tables that are not being filled: what [`Self::closed`] gave last is of it.
    #[must_use]
    pub fn closed_generation(&self) -> u32 {
        self.counters.closed_generation()
    }

    /// Lets the kernel forget what [`Self::closed`] gave, or an earlier daemon had read of the same generation.
    ///
    /// # Errors
    /// When a table cannot be cleared; forgetting can then be tried again.
    pub fn forget_closed(&mut self, generation: u32) -> Result<(), MonitorError> {
        self.counters.clear_closed(generation)
    }

    /// Shows every socket in use to `see`, with its flow the first time; `false` from it means that it does not know a socket
    /// that came without. It may be shown one twice, and not be shown one that is there.
    ///
    /// # Errors
    /// When the iterator cannot be read.
    pub fn sockets(&mut self, see: impl FnMut(Socket) -> bool) -> Result<(), MonitorError> {
        self.iterators.sockets(see)
    }

    /// What all owners together must add up to.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn truth(&self) -> Result<Truth, MonitorError> {
        self.truth.read()
    }

    /// What was refused since the programs were loaded, cumulative.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn losses(&self) -> Result<Losses, MonitorError> {
        let mut losses = self.counters.losses()?;
        losses.missed_calls = self.attached.missed_calls();
        if let Some(exec_files) = &self.exec_files {
            losses.exec_file_overflows = exec_files.overflows();
            (losses.mount_lists_postponed, losses.mounts_not_watched) = exec_files.refused_mounts();
        }
        Ok(losses)
    }
}
