//! Which core a thread runs on.

use std::{panic, thread};

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Two cores; the same one twice where there is no other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) client: usize,
    pub(crate) server: usize,
}

impl Cores {
    /// The first two that this program may use.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("the kernel does not say which cores there are")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let client = cores.next().context("the kernel names no core")?;
        Ok(Self { client, server: cores.next().unwrap_or(client) })
    }

    /// Both on one core.
    pub(crate) fn together(self) -> Self {
        Self { server: self.client, ..self }
    }
}

/// Binds this thread, and the programs that it starts, to a core.
pub(crate) fn pin(core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot stay on core {core}"))
}

/// Runs `work` on a thread that is bound to a core, as are the programs that it starts.
pub(crate) fn on_core<T: Send>(
    core: usize,
    work: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    thread::scope(|scope| scope.spawn(move || pin(core).and_then(|()| work())).join())
        .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}
