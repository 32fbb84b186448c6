//! What a range of addresses is for: IANA's special-purpose registries, as of August 2026.
//!
//! <https://www.iana.org/assignments/iana-ipv4-special-registry>, `iana-ipv6-special-registry`, and
//! `ipv6-address-space`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portolan_core::Range;

/// The first network that holds an address says what it is.
const V4: [(Ipv4Addr, u8, Range); 20] = [
    (Ipv4Addr::UNSPECIFIED, 32, Range::Unspecified),
    (Ipv4Addr::new(0, 0, 0, 0), 8, Range::Reserved),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Range::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Range::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Range::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Range::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Range::Private),
    // Anycast for PCP (RFC 7723) and TURN (RFC 8155): who asks them asks the network at hand, but the registry says global.
    (Ipv4Addr::new(192, 0, 0, 9), 32, Range::Public),
    (Ipv4Addr::new(192, 0, 0, 10), 32, Range::Public),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Range::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Range::Documentation),
    // What was the anycast address of 6to4 relays (RFC 7526).
    (Ipv4Addr::new(192, 88, 99, 0), 24, Range::Reserved),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Range::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Range::Benchmarking),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Range::Documentation),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Range::Documentation),
    // Once for documentation of multicast (RFC 6676); a group like others on the wire.
    (Ipv4Addr::new(224, 0, 0, 0), 4, Range::Multicast),
    (Ipv4Addr::BROADCAST, 32, Range::Broadcast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Range::Reserved),
    (Ipv4Addr::UNSPECIFIED, 0, Range::Public),
];

/// As above. What holds an IPv4 address is in [`EMBEDDED`] too.
const V6: [(Ipv6Addr, u8, Range); 24] = [
    (Ipv6Addr::UNSPECIFIED, 128, Range::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, Range::Loopback),
    (v6(0x64, 0xff9b, 0), 96, Range::Nat64),
    (v6(0x64, 0xff9b, 1), 48, Range::Nat64),
    // Discard-only (RFC 6666), and the dummy prefix (RFC 9780).
    (v6(0x100, 0, 0), 63, Range::Reserved),
    (v6(0x2001, 0, 0), 32, Range::Teredo),
    (v6(0x2001, 2, 0), 48, Range::Benchmarking),
    // AMT (RFC 7450), AS112 (RFC 7535) and drone identities (RFC 9374) are reached; so are the anycast addresses of PCP,
    // TURN and DNS-SD.
    (v6(0x2001, 3, 0), 32, Range::Public),
    (v6(0x2001, 4, 0x112), 48, Range::Public),
    (v6(0x2001, 0x30, 0), 28, Range::Public),
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 1), 128, Range::Public),
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 2), 128, Range::Public),
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 3), 128, Range::Public),
    // The rest of IETF protocol assignments, ORCHID and ORCHIDv2 in it: hashes of keys, not to be routed.
    (v6(0x2001, 0, 0), 23, Range::Reserved),
    (v6(0x2001, 0xdb8, 0), 32, Range::Documentation),
    (v6(0x2002, 0, 0), 16, Range::SixToFour),
    (v6(0x2620, 0x4f, 0x8000), 48, Range::Public),
    (v6(0x3fff, 0, 0), 20, Range::Documentation),
    (v6(0x2000, 0, 0), 3, Range::Public),
    (v6(0xfc00, 0, 0), 7, Range::Private),
    (v6(0xfe80, 0, 0), 10, Range::LinkLocal),
    // Site-local, given up by RFC 3879: networks of one's own.
    (v6(0xfec0, 0, 0), 10, Range::Private),
    (v6(0xff00, 0, 0), 8, Range::Multicast),
    // Everything else is not given to anybody, segment routing's 5f00::/16 and IPv4-compatible addresses included.
    (Ipv6Addr::UNSPECIFIED, 0, Range::Reserved),
];

const fn v6(first: u16, second: u16, third: u16) -> Ipv6Addr {
    Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0)
}

/// What the range of an address is for, and the IPv4 address inside it, for those that stand for one: 6to4, NAT64's well-known
/// prefix, and Teredo (the client's, behind its translation). An IPv4-mapped address is that IPv4 address.
///
/// NAT64 with a prefix of the network's own looks like any other address, and where 64:ff9b:1::/48 keeps the IPv4 address
/// is that network's secret.
#[must_use]
pub fn range_of(address: IpAddr) -> (Range, Option<Ipv4Addr>) {
    match address.to_canonical() {
        IpAddr::V4(address) => (range_of_v4(address), None),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let range = V6
                .iter()
                .find(|(first, prefix, _)| begins_alike(bits, first.to_bits(), *prefix, 128))
                .map_or(Range::Reserved, |(_, _, range)| *range);
            (range, embedded(range, address))
        }
    }
}

fn range_of_v4(address: Ipv4Addr) -> Range {
    let bits = u128::from(address.to_bits());
    V4.iter()
        .find(|(first, prefix, _)| begins_alike(bits, u128::from(first.to_bits()), *prefix, 32))
        .map_or(Range::Public, |(_, _, range)| *range)
}

fn begins_alike(address: u128, first: u128, prefix: u8, bits: u8) -> bool {
    (address ^ first).checked_shr(u32::from(bits - prefix)).unwrap_or(0) == 0
}

fn embedded(range: Range, address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, a, b, local, .., c, d] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match range {
        Range::SixToFour => Some(of(a, b)),
        Range::Nat64 if (b, local) == (0, 0) => Some(of(c, d)),
        // RFC 4380: so that no translation on the way changes it.
        Range::Teredo => Some(of(!c, !d)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(address: &str) -> (Range, Option<String>) {
        let (range, embedded) = range_of(address.parse().unwrap());
        (range, embedded.map(|address| address.to_string()))
    }

    /// The first and the last address of each range, and those before and after.
    #[test]
    fn ranges_begin_and_end_where_the_registries_say() {
        use Range::{
            Benchmarking, Broadcast, Documentation, LinkLocal, Loopback, Multicast, Nat64, Private, Public,
            Reserved, Shared, SixToFour, Teredo, Unspecified,
        };
        let borders = [
            ("0.0.0.0", Unspecified),
            ("0.0.0.1", Reserved),
            ("0.255.255.255", Reserved),
            ("1.0.0.0", Public),
            ("9.255.255.255", Public),
            ("10.0.0.0", Private),
            ("10.255.255.255", Private),
            ("11.0.0.0", Public),
            ("100.63.255.255", Public),
            ("100.64.0.0", Shared),
            ("100.127.255.255", Shared),
            ("100.128.0.0", Public),
            ("126.255.255.255", Public),
            ("127.0.0.0", Loopback),
            ("127.255.255.255", Loopback),
            ("128.0.0.0", Public),
            ("169.253.255.255", Public),
            ("169.254.0.0", LinkLocal),
            ("169.254.255.255", LinkLocal),
            ("169.255.0.0", Public),
            ("172.15.255.255", Public),
            ("172.16.0.0", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("191.255.255.255", Public),
            ("192.0.0.0", Reserved),
            ("192.0.0.8", Reserved),
            ("192.0.0.9", Public),
            ("192.0.0.10", Public),
            ("192.0.0.11", Reserved),
            ("192.0.0.255", Reserved),
            ("192.0.1.0", Public),
            ("192.0.2.0", Documentation),
            ("192.0.2.255", Documentation),
            ("192.0.3.0", Public),
            ("192.88.98.255", Public),
            ("192.88.99.0", Reserved),
            ("192.88.100.0", Public),
            ("192.167.255.255", Public),
            ("192.168.0.0", Private),
            ("192.168.255.255", Private),
            ("192.169.0.0", Public),
            ("198.17.255.255", Public),
            ("198.18.0.0", Benchmarking),
            ("198.19.255.255", Benchmarking),
            ("198.20.0.0", Public),
            ("198.51.99.255", Public),
            ("198.51.100.0", Documentation),
            ("198.51.101.0", Public),
            ("203.0.112.255", Public),
            ("203.0.113.255", Documentation),
            ("203.0.114.0", Public),
            ("223.255.255.255", Public),
            ("224.0.0.0", Multicast),
            ("239.255.255.255", Multicast),
            ("240.0.0.0", Reserved),
            ("255.255.255.254", Reserved),
            ("255.255.255.255", Broadcast),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::2", Reserved),
            ("::8.8.8.8", Reserved),
            ("64:ff9a:ffff::", Reserved),
            ("64:ff9b::1:0:0", Reserved),
            ("64:ff9b:1::", Nat64),
            ("64:ff9b:1:ffff::", Nat64),
            ("64:ff9b:2::", Reserved),
            ("100::", Reserved),
            ("100:0:0:1::1", Reserved),
            ("1fff:ffff::", Reserved),
            ("2001:1::", Reserved),
            ("2001:1::1", Public),
            ("2001:1::3", Public),
            ("2001:1::4", Reserved),
            ("2001:2::", Benchmarking),
            ("2001:2:0:ffff::", Benchmarking),
            ("2001:2:1::", Reserved),
            ("2001:3::", Public),
            ("2001:4:112::", Public),
            ("2001:4:113::", Reserved),
            ("2001:10::", Reserved),
            ("2001:1f:ffff::", Reserved),
            ("2001:20::", Reserved),
            ("2001:2f:ffff::", Reserved),
            ("2001:30::", Public),
            ("2001:3f:ffff::", Public),
            ("2001:40::", Reserved),
            ("2001:1ff:ffff::", Reserved),
            ("2001:200::", Public),
            ("2001:db7:ffff::", Public),
            ("2001:db8::", Documentation),
            ("2001:db8:ffff::", Documentation),
            ("2001:db9::", Public),
            ("2001:ffff::", Public),
            ("2003::", Public),
            ("3ffe:ffff::", Public),
            ("3fff::", Documentation),
            ("3fff:fff:ffff::", Documentation),
            ("3fff:1000::", Public),
            ("3fff:ffff::", Public),
            ("4000::", Reserved),
            ("5f00::1", Reserved),
            ("fbff:ffff::", Reserved),
            ("fc00::", Private),
            ("fdff:ffff::", Private),
            ("fe00::", Reserved),
            ("fe7f:ffff::", Reserved),
            ("fe80::", LinkLocal),
            ("febf:ffff::", LinkLocal),
            ("fec0::", Private),
            ("feff:ffff::", Private),
            ("ff00::", Multicast),
            ("ff02::1", Multicast),
            ("ff0e::1", Multicast),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Multicast),
        ];
        for (address, expected) in borders {
            assert_eq!(range(address), (expected, None), "{address}");
        }
        assert_eq!(range("2001::").0, Teredo);
        assert_eq!(range("2002::").0, SixToFour);
    }

    #[test]
    fn an_embedded_address_is_found() {
        let of = |range, embedded: &str| (range, Some(embedded.to_owned()));
        assert_eq!(range("::ffff:8.8.8.8"), (Range::Public, None));
        assert_eq!(range("::ffff:10.0.0.1"), (Range::Private, None));
        assert_eq!(range("2002:808:404::1"), of(Range::SixToFour, "8.8.4.4"));
        assert_eq!(range("64:ff9b::8.8.4.4"), of(Range::Nat64, "8.8.4.4"));
        assert_eq!(range("64:ff9b::255.255.255.255"), of(Range::Nat64, "255.255.255.255"));
        // The example of RFC 4380.
        assert_eq!(range("2001:0:4136:e378:8000:63bf:3fff:fdd2"), of(Range::Teredo, "192.0.2.45"));
        assert_eq!(range("64:ff9b:1::8.8.4.4"), (Range::Nat64, None));
    }
}
