//! Reading whole kernel tables through BPF iterators. A link lives as long as the daemon; each reading opens a file of it.

use std::{
    io::Read,
    os::fd::{AsFd, OwnedFd},
};

use portolan_bpf::{Event, Socket, decode_events};

use super::{
    MonitorError,
    cells::Cells,
    layers::Layers,
    programs::Programs,
    syscall::{self, Over},
};

/// As much as the kernel gives in one read (bpf_seq_read, with pages of 4 KiB).
const AT_ONCE: usize = 32 * 1024;

pub(super) struct Iterators {
    cells: Cells,
    processes: OwnedFd,
    adoption: Result<OwnedFd, String>,
    pub(super) layers: Layers,
}

impl Iterators {
    pub(super) fn attach(programs: &mut Programs) -> Result<Self, MonitorError> {
        let map = programs.take_map("cells")?;
        let aya::maps::Map::SkStorage(map) = map else { return Err(MonitorError::Missing("cells")) };
        let map = map.fd();
        let mut link = |program, kind, over| -> Result<OwnedFd, String> {
            let program = programs.load_iterator(program, kind)?;
            syscall::create_iterator_link(program.as_fd(), over).map_err(|error| error.to_string())
        };
        let essential = |hook| move |reason| MonitorError::Essential { hook, reason };
        let cells = link("dump_cells", "bpf_sk_storage_map", Over::Map(map.as_fd()))
            .map_err(essential("iter/bpf_sk_storage_map"))?;
        let processes = link("dump_tasks", "task", Over::All).map_err(essential("iter/task"))?;
        let adoption = link("adopt_sockets", "task_file", Over::All);
        let opened = link("dump_opened", "task_file", Over::Itself);
        let layers = Layers::new(opened.map_err(|reason| {
            tracing::info!("what holds the content of a file in an overlay cannot be asked: {reason}");
        }));
        Ok(Self { cells: Cells::new(cells, programs)?, processes, adoption, layers })
    }

    /// Gives a cell to each socket that exists. Reading the iterator to its end is the work.
    pub(super) fn adopt_sockets(&self) -> Result<(), MonitorError> {
        let error = |source| MonitorError::Read { what: "the open sockets", source };
        let link = self.adoption.as_ref().map_err(|reason| error(std::io::Error::other(reason.clone())))?;
        read(link).map(|_| ()).map_err(error)
    }

    /// See [`Cells::read`].
    pub(super) fn sockets(&mut self, see: impl FnMut(Socket) -> bool) -> Result<(), MonitorError> {
        self.cells.read(see)
    }

    pub(super) fn processes(&self) -> Result<Vec<Event>, MonitorError> {
        let bytes =
            read(&self.processes).map_err(|source| MonitorError::Read { what: "the processes", source })?;
        Ok(decode_events(&bytes)?)
    }
}

pub(super) fn read(link: &OwnedFd) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_parts(link, |part| bytes.extend_from_slice(part))?;
    Ok(bytes)
}

/// Reads all that an iterator writes, in parts that may end anywhere.
pub(super) fn read_parts(link: &OwnedFd, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = syscall::open_iterator(link.as_fd())?;
    let mut buffer = [0; AT_ONCE];
    // Not read_to_end: an iterator may return 0 bytes only at its end, but EAGAIN when it was made to wait.
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => take(&buffer[..length]),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => {}
            Err(error) => return Err(error),
        }
    }
}
