//! What fanotify writes where it names files by their handles (FAN_REPORT_FID, since Linux 5.1).

use nix::sys::fanotify::MaskFlags;
use portolan_core::Pid;

use super::file_handle::FileHandle;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChangeEvent {
    pub(super) mask: MaskFlags,
    /// Who did it; `None` for who is in no process id namespace that the daemon sees.
    pub(super) pid: Option<Pid>,
    /// To what; `None` when the queue overflowed.
    pub(super) file: Option<FileHandle>,
}

/// All events of one read. What is cut off or of another layout ends it.
pub(super) fn parse(mut bytes: &[u8]) -> Vec<ChangeEvent> {
    let mut events = Vec::new();
    while let Some((event, rest)) = parse_first(bytes) {
        events.push(event);
        bytes = rest;
    }
    events
}

/// `struct fanotify_event_metadata`, and behind it records of information.
fn parse_first(bytes: &[u8]) -> Option<(ChangeEvent, &[u8])> {
    let metadata = bytes.first_chunk::<24>()?;
    let [l0, l1, l2, l3, version, _, m0, m1, rest @ ..] = *metadata;
    let [k0, k1, k2, k3, k4, k5, k6, k7, _, _, _, _, p0, p1, p2, p3] = rest;
    if version != libc::FANOTIFY_METADATA_VERSION {
        return None;
    }
    let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
    let event = bytes.get(..length)?;
    let mut records = event.get(usize::from(u16::from_ne_bytes([m0, m1]))..)?;
    let mut file = None;
    while let [kind, _, r0, r1, ..] = records {
        let Some((record, rest)) = records.split_at_checked(usize::from(u16::from_ne_bytes([*r0, *r1])))
        else {
            break;
        };
        if *kind == libc::FAN_EVENT_INFO_TYPE_FID {
            file = record.get(4..).and_then(FileHandle::from_event);
        }
        if record.is_empty() {
            break;
        }
        records = rest;
    }
    let pid = u32::try_from(i32::from_ne_bytes([p0, p1, p2, p3])).ok().filter(|pid| *pid != 0).map(Pid);
    let mask = MaskFlags::from_bits_retain(u64::from_ne_bytes([k0, k1, k2, k3, k4, k5, k6, k7]));
    Some((ChangeEvent { mask, pid, file }, bytes.get(length.max(24)..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(mask: u64, pid: i32, records: &[u8]) -> Vec<u8> {
        let length = u32::try_from(24 + records.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([libc::FANOTIFY_METADATA_VERSION, 0]);
        bytes.extend(24_u16.to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(pid.to_ne_bytes());
        bytes.extend(records);
        bytes
    }

    #[test]
    fn what_is_cut_off_ends_it_and_an_overflow_names_nobody() {
        let record = [&[1, 0, 24, 0][..], &[3; 8], &[4, 0, 0, 0], &[1, 0, 0, 0], b"file"].concat();
        let mut bytes = event(libc::FAN_ATTRIB, 7, &record);
        bytes.extend(event(libc::FAN_Q_OVERFLOW, 0, &[]));
        let events = parse(&bytes);
        assert_eq!(events[0].pid, Some(Pid(7)));
        assert_eq!(events[0].mask, MaskFlags::FAN_ATTRIB);
        assert!(events[0].file.is_some());
        assert_eq!(events[1], ChangeEvent { mask: MaskFlags::FAN_Q_OVERFLOW, pid: None, file: None });
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).len() < 2);
        }
    }

    #[test]
    fn a_record_without_a_length_ends_the_event() {
        assert_eq!(parse(&event(libc::FAN_ATTRIB, 7, &[1, 0, 0, 0, 1, 0, 0, 0])).len(), 1);
    }
}
