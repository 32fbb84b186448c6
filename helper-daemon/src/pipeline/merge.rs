//! Fewer rows for the same bytes, when too many wait.

use std::{collections::HashMap, sync::Arc};

use portolan_core::{Direction, Protocol};
use portolan_history::Record;

/// How wide buckets become when merging within them is not enough: an hour, a day. A day is as wide as a bucket can be.
const WIDER_MS: [u32; 2] = [3_600_000, 86_400_000];

/// Merges rows when there are more than `most`, and returns by how many they became fewer.
///
/// First one row for each bucket, owner and user, then for each hour, then for each day: sums stay exact; peers, command
/// lines, places and then the exact time go. What is left is as many as owners and users, for each day.
pub(super) fn bound(records: &mut Vec<Record>, most: usize) -> u64 {
    let before = records.len();
    if before > most {
        *records = merge(std::mem::take(records));
    }
    for width_ms in WIDER_MS {
        if records.len() > most {
            for record in records.iter_mut().filter(|record| record.bucket_ms < width_ms) {
                record.bucket_start = record.bucket_start.bucket_start(width_ms);
                record.bucket_ms = width_ms;
            }
            *records = merge(std::mem::take(records));
        }
    }
    u64::try_from(before - records.len()).unwrap_or(u64::MAX)
}

fn merge(records: Vec<Record>) -> Vec<Record> {
    let mut merged: HashMap<_, Record> = HashMap::new();
    for record in records {
        let key = (record.bucket_start, record.owner.clone(), record.uid);
        match merged.get_mut(&key) {
            Some(sum) => {
                sum.bytes += record.bytes;
                sum.flows_opened = sum.flows_opened.saturating_add(record.flows_opened);
                sum.first = sum.first.min(record.first);
                sum.last = sum.last.max(record.last);
                sum.bucket_ms = sum.bucket_ms.max(record.bucket_ms);
            }
            None => {
                let stripped = Record {
                    command_line: None,
                    placement: Arc::default(),
                    protocol: Protocol::Ip(0),
                    direction: Direction::Unknown,
                    local: None,
                    remote: None,
                    name: None,
                    place: None,
                    service_port: None,
                    recognised: None,
                    network_namespace: 0,
                    ..record
                };
                merged.insert(key, stripped);
            }
        }
    }
    merged.into_values().collect()
}

#[cfg(test)]
mod tests {
    use portolan_core::{Bytes, Owner, Uid, UnixMillis};

    use super::*;

    const MOST: usize = 100;

    fn record(bucket: i64, uid: u32, port: u16) -> Record {
        Record {
            bucket_start: UnixMillis(bucket * 10_000),
            bucket_ms: 10_000,
            owner: Owner::Kernel,
            command_line: None,
            placement: Arc::default(),
            uid: Uid(uid),
            protocol: Protocol::Tcp,
            direction: Direction::Outbound,
            local: None,
            remote: None,
            name: None,
            place: None,
            service_port: Some(port),
            recognised: None,
            network_namespace: 7,
            bytes: Bytes { tx: 3, rx: 5 },
            flows_opened: 1,
            first: UnixMillis(bucket * 10_000 + 1),
            last: UnixMillis(bucket * 10_000 + 2),
        }
    }

    #[test]
    fn as_many_as_may_wait_stay_as_they_are() {
        let mut records: Vec<Record> = (0..100).map(|port| record(0, 0, port)).collect();
        let before = records.clone();
        assert_eq!((bound(&mut records, MOST), records), (0, before));
    }

    #[test]
    fn too_many_rows_are_merged_and_no_byte_is_lost() {
        let mut records: Vec<Record> = (0..101).map(|port| record(i64::from(port % 2), 0, port)).collect();
        assert_eq!(bound(&mut records, MOST), 99);
        records.sort_by_key(|record| record.bucket_start);
        let sums: Vec<_> = records.iter().map(|record| (record.bytes, record.flows_opened)).collect();
        assert_eq!(sums, [(Bytes { tx: 153, rx: 255 }, 51), (Bytes { tx: 150, rx: 250 }, 50)]);
        assert_eq!((records[0].service_port, records[0].bucket_ms), (None, 10_000));
    }

    #[test]
    fn buckets_grow_when_that_is_not_enough() {
        // 400 buckets of 10 s: 2 hours.
        let mut records: Vec<Record> = (0..400).map(|bucket| record(bucket, 0, 1)).collect();
        assert_eq!(bound(&mut records, MOST), 398);
        records.sort_by_key(|record| record.bucket_start);
        assert_eq!((records[0].bytes.tx, records[1].bytes.tx), (360 * 3, 40 * 3));
        assert_eq!((records[1].bucket_start, records[1].bucket_ms), (UnixMillis(3_600_000), 3_600_000));
        assert_eq!((records[0].first, records[1].last), (UnixMillis(1), UnixMillis(3_990_002)));
        // 110 hours: 5 days.
        let mut records: Vec<Record> = (0..110).map(|hour| record(hour * 360, 0, 1)).collect();
        assert_eq!((bound(&mut records, MOST), records.len()), (105, 5));
    }
}
