//! From the kernel's events to processes.

use crate::{
    clock::Now,
    identity::Processes,
    journal::Journal,
    monitor::{Monitor, MonitorError},
};

/// Every process that exists, parents first.
pub(super) fn take_snapshot(monitor: &mut Monitor, processes: &mut Processes) -> Result<(), MonitorError> {
    let mut found = monitor.processes()?;
    found.sort_by_key(|event| event.process.map(|process| process.started));
    for event in found {
        processes.event(event);
    }
    Ok(())
}

/// The same when events were lost: who is not among them has ended.
pub(super) fn take_lost_events(
    monitor: &mut Monitor,
    processes: &mut Processes,
    now: Now,
) -> Result<(), MonitorError> {
    let mut found = monitor.processes()?;
    found.sort_by_key(|event| event.process.map(|process| process.started));
    processes.end_all_but(&found.iter().filter_map(|event| event.process).collect(), now);
    found.into_iter().for_each(|event| processes.event(event));
    Ok(())
}

/// What happened to processes. Each event stays in the kernel until the journal has it.
///
/// The files of an exec are in fanotify's queue before its event is in the ring. They are taken out only as far as each
/// event needs them: after a stall there may be more than there are descriptors for. The others wait for [`take_all_files`].
pub(super) fn take_events(
    monitor: &mut Monitor,
    processes: &mut Processes,
    journal: &mut Journal,
) -> Result<(), MonitorError> {
    while let Some(event) = monitor.event()? {
        while processes.lacks_file_of(&event) && take_files(monitor, processes) {}
        processes.event(event);
        note_changes(processes, journal);
        monitor.forget_event();
    }
    processes.looked_at(Now::read());
    Ok(())
}

/// The files that are left when all events are taken in: of execs that failed, or whose events were lost.
pub(super) fn take_all_files(monitor: &mut Monitor, processes: &mut Processes) {
    while take_files(monitor, processes) {}
}

/// Puts what was learned of processes into the journal.
pub(super) fn note_changes(processes: &mut Processes, journal: &mut Journal) {
    for change in processes.take_changes() {
        journal.note(&change);
    }
    journal.flush();
}

/// `false` when there were none.
fn take_files(monitor: &mut Monitor, processes: &mut Processes) -> bool {
    let files = monitor.exec_files();
    let any = !files.is_empty();
    files.into_iter().for_each(|file| processes.file_opened(file));
    any
}
