use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

/// Small numbers, so that keys meet, and all others.
fn moved() -> impl Strategy<Value = Moved> {
    let id = || prop_oneof![3 => 0..4_u32, 1 => any::<u32>()];
    let port = || prop_oneof![2 => Just(443_u16), 1 => any::<u16>()];
    let number = || prop_oneof![2 => Just(0_u64), 2 => 0..70_000_u64, 1 => any::<u64>()];
    let time = || prop_oneof![0..10_000_u32, any::<u32>()];
    (id(), id(), id(), port(), port(), number(), number(), number(), time(), time()).prop_map(
        |(actor, peer, local, local_port, remote_port, tx, rx, flows, first_ms, last_ms)| Moved {
            actor,
            peer,
            local,
            local_port,
            remote_port,
            tx,
            rx,
            flows,
            first_ms,
            last_ms,
        },
    )
}

fn level() -> impl Strategy<Value = Level> {
    proptest::sample::select(&Level::ALL)
}

fn decoded(block: &[u8]) -> Result<Vec<Moved>, Damaged> {
    let mut rows = Vec::new();
    Columns::open(block)?.rows_into(&mut rows)?;
    Ok(rows)
}

/// The only block of these rows.
fn encoded(rows: &mut Vec<Moved>, level: Level) -> Vec<u8> {
    let mut blocks: Vec<_> = encode(rows, level).collect();
    assert_eq!(blocks.len(), 1);
    blocks.remove(0).1
}

/// What a block must hold.
fn merged(rows: &[Moved], level: Level) -> Vec<Moved> {
    let mut all: BTreeMap<_, Moved> = BTreeMap::new();
    for row in rows.iter().map(|row| row.at(level)) {
        all.entry(row.key()).and_modify(|sum| sum.add(&row)).or_insert(row);
    }
    all.into_values().collect()
}

/// With the checksum that belongs to it, so that what is behind that is reached.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// No column of it is larger than its bytes can say.
fn look_at_all(block: &[u8]) {
    let Ok(columns) = Columns::open(block) else { return };
    assert!(columns.rows() <= 2 * block.len());
    let mut numbers = Vec::new();
    for column in Column::ALL {
        let _ = columns.read(column, &mut numbers);
    }
}

proptest! {
    #[test]
    fn what_is_decoded_is_what_was_encoded(rows in vec(moved(), 1..200), level in level()) {
        let mut sorted = rows.clone();
        let block = encoded(&mut sorted, level);
        prop_assert_eq!(&sorted, &merged(&rows, level));
        prop_assert_eq!(decoded(&block).unwrap(), sorted);
    }

    #[test]
    fn a_byte_that_changes_is_damage(rows in vec(moved(), 1..20), at: prop::sample::Index, change in 1..=255_u8) {
        let mut block = encoded(&mut rows.clone(), Level::Bucket);
        let at = at.index(block.len());
        block[at] ^= change;
        prop_assert_eq!(decoded(&block), Err(Damaged));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..300)) {
        look_at_all(&bytes);
        look_at_all(&sealed(bytes.clone()));
        look_at_all(&sealed([&[FORMAT], bytes.as_slice()].concat()));
    }

    #[test]
    fn no_block_that_was_changed_makes_it_panic(
        rows in vec(moved(), 1..20),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut block = encoded(&mut rows.clone(), Level::Bucket);
        block.truncate(block.len() - 4);
        for (at, to) in changes {
            let at = at.index(block.len());
            block[at] = to;
        }
        look_at_all(&sealed(block));
    }
}

#[test]
fn zeros_and_equal_numbers_take_no_room() {
    let row = |peer| Moved { actor: 7, peer, remote_port: 443, tx: 10, ..Moved::default() };
    let mut rows: Vec<_> = (0..1000).map(row).collect();
    let block = encoded(&mut rows, Level::Hour);
    assert!(block.len() < 1600, "{}", block.len());
    let minute = encoded(&mut rows.clone(), Level::Minute);
    assert_eq!(minute, block, "a level is not part of it");
}

#[test]
fn no_block_has_more_rows_than_fit_into_memory() {
    let of_zeros = |rows: usize| {
        let mut bytes = vec![FORMAT];
        let peers = rows.div_ceil(2);
        let mut actors = Vec::new();
        pack::pack(0, u64::try_from(rows).unwrap(), &mut actors);
        pack::put_count(rows, &mut bytes);
        let lengths = [actors.len() << 1 | 1, peers << 1, 0, 0, 0, 0, 0, 0, 0, 0];
        lengths.iter().for_each(|length| pack::put_count(*length, &mut bytes));
        bytes.extend(actors);
        bytes.resize(bytes.len() + peers, 0);
        sealed(bytes)
    };
    assert_eq!(decoded(&of_zeros(ROWS_MAX)).unwrap().len(), ROWS_MAX);
    assert_eq!(Columns::open(&of_zeros(ROWS_MAX + 1)).map(|columns| columns.rows()), Err(Damaged));
}

#[test]
fn every_time_lies_in_the_interval_that_starts_before_it() {
    for time in [i64::MIN, -1, 0, 1, 86_399_999, 86_400_000, i64::MAX] {
        for level in Level::ALL {
            let start = level.start_of(time);
            assert!(
                start <= time && time.saturating_sub(start) < level.width_ms().into(),
                "{time} {level:?}"
            );
        }
    }
    assert_eq!(Level::Day.start_of(-1), -86_400_000);
}
