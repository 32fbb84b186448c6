//! The frames of Initial packets (RFC 9000, 17.2.2).

const PADDING: u64 = 0;
const PING: u64 = 1;
const ACK: u64 = 2;
const ACK_WITH_ECN: u64 = 3;
const CRYPTO: u64 = 6;

/// Gives each CRYPTO frame's offset and bytes to `take`, up to the first frame that has no business here.
pub(super) fn crypto(mut payload: &[u8], mut take: impl FnMut(u64, &[u8])) {
    while let Some((offset, data)) = next_crypto(&mut payload) {
        take(offset, data);
    }
}

fn next_crypto<'a>(rest: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    loop {
        match varint(rest)? {
            PADDING | PING => {}
            kind @ (ACK | ACK_WITH_ECN) => {
                // The largest, the delay, how many ranges follow the first one.
                let [_, _, ranges, _] = varints(rest)?;
                for _ in 0..ranges {
                    let [_, _] = varints(rest)?;
                }
                if kind == ACK_WITH_ECN {
                    let [_, _, _] = varints(rest)?;
                }
            }
            CRYPTO => {
                let [offset, length] = varints(rest)?;
                return Some((offset, rest.split_off(..usize::try_from(length).ok()?)?));
            }
            _ => return None,
        }
    }
}

fn varints<const COUNT: usize>(rest: &mut &[u8]) -> Option<[u64; COUNT]> {
    let mut numbers = [0; COUNT];
    for number in &mut numbers {
        *number = varint(rest)?;
    }
    Some(numbers)
}

/// A number whose first two bits say how long it is (RFC 9000, 16).
pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let first = rest.split_off_first()?;
    let more = rest.split_off(..(1 << (first >> 6)) - 1)?;
    Some(more.iter().fold(u64::from(first & 0x3f), |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_four_lengths() {
        // RFC 9000, A.1.
        for (bytes, expected) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ] {
            assert_eq!(varint(&mut &bytes[..]), Some(expected));
            assert_eq!(varint(&mut &bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn crypto_is_found_between_the_others() {
        let frames = [
            &[0, 0, 1, 6, 0, 2, b'a', b'b', 2, 5, 0, 1, 0, 1, 1][..],
            &[3, 5, 0, 0, 0, 1, 2, 3, 6, 0x40, 9, 1, b'c', 0, 0x1c, 0, 6, 0, 1, b'd'],
        ];
        let mut found = Vec::new();
        crypto(&frames.concat(), |offset, data| found.push((offset, data.to_vec())));
        assert_eq!(found, [(0, b"ab".to_vec()), (9, b"c".to_vec())]);
    }
}
