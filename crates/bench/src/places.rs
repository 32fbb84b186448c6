//! Look-ups of places: how many a second, and how much memory they take.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    time::Instant,
};

use anyhow::{Context as _, bail};
use maxminddb::{Reader, geoip2};
use portolan_places::Places;

use crate::{
    Effort,
    figures::{Rounds, figure},
    table::Table,
};

/// What is measured: a name, and the look-up.
type Way<'a> = (&'static str, &'a [IpAddr], &'a dyn Fn(IpAddr));

/// Takes every way in turn, on one core.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    let file = &effort.places;
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let reader = Reader::from_source(&bytes).context("the database is broken")?;
    let starts = starts(&reader)?;
    let places = Places::open(&[file], dir.path())?;
    let scattered = addresses(effort.choose(200_000, 2_000));
    let few = addresses(1_000);
    let ways: [Way; 5] = [
        ("Portolan, 1,000 addresses again and again", &few, &|address| {
            drop(black_box(places.place_of(address)))
        }),
        ("Portolan, all over the internet", &scattered, &|address| drop(black_box(places.place_of(address)))),
        ("the tree alone", &scattered, &|address| drop(black_box(reader.lookup(address)))),
        ("maxminddb's own types for country and network", &scattered, &|address| {
            let found = reader.lookup(address);
            let found = found.as_ref().ok();
            black_box(found.and_then(|found| found.decode::<geoip2::Country>().ok()));
            black_box(found.and_then(|found| found.decode::<geoip2::Asn>().ok()));
        }),
        ("a binary search among the first addresses", &scattered, &|address| {
            black_box(starts.partition_point(|start| *start <= number(address)));
        }),
    ];
    let mut figures = vec![Rounds::default(); ways.len()];
    for _ in 0..effort.choose(9, 1) {
        for ((_, addresses, way), figures) in ways.iter().zip(&mut figures) {
            let begin = Instant::now();
            let turns = scattered.len().div_ceil(addresses.len());
            (0..turns).for_each(|_| addresses.iter().for_each(|address| way(*address)));
            let count = u64::try_from(turns * addresses.len()).unwrap_or(u64::MAX);
            figures.push(figure(count) / begin.elapsed().as_secs_f64() / 1e6);
        }
    }
    let mut table = Table::new(&["look-ups", "millions a second", "target"]);
    for ((name, ..), figures) in ways.iter().zip(&figures) {
        let target = if name.starts_with("Portolan") { "≥ 1" } else { "" };
        table.row(&[(*name).to_owned(), figures.show(|rate| format!("{rate:.2}")), target.to_owned()]);
    }
    table.note("One thread; half of the addresses IPv4, half IPv6 from 2000::/4. Medians of 9 rounds, least and most in brackets.");
    Ok(vec![table, memory(file, dir.path())?])
}

/// What the process has more after looking up.
fn memory(file: &Path, own_dir: &Path) -> anyhow::Result<Table> {
    let mut table = Table::new(&["different addresses", "PSS, KiB", "after a rest (each 5 s), KiB"]);
    for count in [100, 1_000, 4_000] {
        let places = Places::open(&[file], own_dir)?;
        let before = pss()?;
        for address in addresses(count) {
            black_box(places.place_of(address));
        }
        let after = pss()?;
        places.rest();
        let growth = |now: u64| now.saturating_sub(before).to_string();
        table.row(&[count.to_string(), growth(after), growth(pss()?)]);
    }
    table.note("Beyond what an open database takes that nobody asked.");
    Ok(table)
}

fn pss() -> anyhow::Result<u64> {
    let path = "/proc/self/smaps_rollup";
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let figure = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    figure.with_context(|| format!("{path} does not say Pss"))
}

/// The first addresses of all networks, sorted.
fn starts(reader: &Reader<&Vec<u8>>) -> anyhow::Result<Vec<u128>> {
    let mut starts = Vec::new();
    for network in reader.networks(Default::default())? {
        starts.push(number(network?.network()?.ip()));
    }
    if !starts.is_sorted() {
        bail!("the database does not give its networks in order");
    }
    Ok(starts)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The same ones each time; half are IPv4.
fn addresses(count: usize) -> Vec<IpAddr> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u128::from(state)
    };
    let address = |turn: usize| {
        let bits = next() << 64 | next();
        if turn.is_multiple_of(2) {
            Ipv4Addr::from_bits(u32::try_from(bits >> 96).unwrap_or(0)).into()
        } else {
            Ipv6Addr::from_bits(bits >> 4 & u128::MAX >> 4 | 0x2 << 124).into()
        }
    };
    (0..count).map(address).collect()
}
