//! Measures the history on believable records: `cargo run --release -p portolan-history --example measure [BUCKETS]`.
//!
//! 200 programs talk to 5,000 peers of 2,500 names in 500 places. Each bucket of 10 s has 100 rows: most of them of connections
//! that go on, a fifth of new ones with a new local port. Buckets are written as the daemon writes them, one transaction each,
//! and then all at once, which is what one thread can do without waiting for the disk each time.
#![allow(clippy::unwrap_used, reason = "the numbers are made so that they fit")]

use std::{error::Error, net::Ipv4Addr, path::Path, sync::Arc, time::Instant};

use portolan_core::{
    ApplicationKey, Bytes, Dimension, Direction, Endpoint, Executable, Lineage, Name, NameSource, Network,
    Only, Owner, Place, Protocol, Provenance, Range, Recognised, Sha256Digest, Uid, UnixMillis,
};
use portolan_history::{History, Question, Reader, Record};

const ROWS: u32 = 100;
const BUCKET_MS: u32 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let buckets: u32 = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let programs: Vec<_> = (0..200).map(program).collect();
    let batches: Vec<Vec<Record>> = (0..buckets).map(|bucket| batch(&programs, bucket)).collect();
    let rows: f64 = f64::from(buckets) * f64::from(ROWS);

    let path = dir.path().join("each.sqlite");
    let mut history = History::open(&path)?;
    let mut slowest = 0.0_f64;
    let started = Instant::now();
    for batch in batches.iter().take(1000) {
        let commit = Instant::now();
        history.write(batch)?;
        slowest = slowest.max(commit.elapsed().as_secs_f64());
    }
    let each = started.elapsed().as_secs_f64() / f64::from(buckets.min(1000));
    println!("a bucket of {ROWS} rows: {:.2} ms on average, {:.2} ms at most", each * 1e3, slowest * 1e3);

    let path = dir.path().join("all.sqlite");
    let mut history = History::open(&path)?;
    let started = Instant::now();
    for batch in batches.chunks(1000) {
        history.write(&batch.concat())?;
    }
    println!("{:.0} rows/s in transactions of {} rows", rows / started.elapsed().as_secs_f64(), 1000 * ROWS);
    drop(history);
    size(&path, rows)?;
    // A machine that mostly idles: buckets of 5 to 100 rows, each written in two halves.
    let path = dir.path().join("small.sqlite");
    let mut history = History::open(&path)?;
    let mut small = 0;
    for (batch, count) in batches.iter().zip((0..20_u8).cycle()) {
        let batch = batch.get(..5 * (usize::from(count) + 1)).unwrap_or(batch);
        let (one, other) = batch.split_at(batch.len() / 2);
        history.write(one)?;
        history.write(other)?;
        small += u32::try_from(batch.len())?;
    }
    drop(history);
    println!("buckets of 5 to {ROWS} rows, in two halves:");
    size(&path, f64::from(small))?;
    ask(&path, &[])?;
    ask(&path, &[Dimension::Application])?;
    ask(&path, &[Dimension::Executable, Dimension::Parent])?;
    ask(&path, &[Dimension::Remote])?;
    ask(&path, &[Dimension::Time, Dimension::Application])?;
    ask(&path, &[Dimension::Domain])?;
    ask(&path, &[Dimension::RegistrableDomain])?;
    ask(&path, &[Dimension::Asn])?;
    ask(&path, &[Dimension::Service])?;
    let only = (0..64).map(|number| format!("remote={}", remote(number)).parse());
    let question =
        Question { by: vec![Dimension::Domain], only: only.collect::<Result<Vec<Only>, _>>()?, ..all() };
    ask_for(&path, &question, "64 addresses by domain")
}

/// What a row takes, by what it is in.
fn size(path: &Path, rows: f64) -> Result<(), Box<dyn Error>> {
    let connection = rusqlite::Connection::open(path)?;
    let pages: f64 = connection.query_row(
        "SELECT 4096.0 * (page_count - freelist_count) FROM pragma_page_count, pragma_freelist_count",
        [],
        |row| row.get(0),
    )?;
    println!("{rows} rows in {pages} bytes: {:.1} bytes a row", pages / rows);
    for level in 0..4 {
        let (blocks, rows_of, bytes): (f64, f64, f64) = connection.query_row(
            "SELECT count(*) * 1.0, total(rows), total(length(data)) FROM block WHERE level = ?1",
            [level],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        println!(
            "  level {level}: {blocks} blocks, {:.1} rows each, {:.1} bytes a row, {:.1} of those written",
            rows_of / blocks,
            bytes / rows_of,
            bytes / rows
        );
    }
    Ok(())
}

fn all() -> Question {
    Question { limit: 20, ..Question::default() }
}

fn ask(path: &Path, by: &[Dimension]) -> Result<(), Box<dyn Error>> {
    ask_for(path, &Question { by: by.to_vec(), ..all() }, &format!("by {by:?}"))
}

fn ask_for(path: &Path, question: &Question, what: &str) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let answer = Reader::open(path)?.query(question)?;
    println!("{what}: {} rows in {:.0} ms", answer.rows.len(), started.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

fn program(number: u32) -> Owner {
    let executable = |path: String, content: u32| Executable {
        path: path.into(),
        sha256: Sha256Digest(std::array::from_fn(|index| content.to_le_bytes()[index % 4])),
    };
    let init = Arc::new(Lineage {
        executable: executable("/usr/lib/systemd/systemd".into(), 1),
        script: None,
        parent: None,
    });
    let shell = Arc::new(Lineage {
        executable: executable("/usr/bin/bash".into(), 2),
        script: None,
        parent: Some(init),
    });
    let executable = executable(format!("/usr/lib/program-{number}/program"), number);
    let application = ApplicationKey::of_path(&executable);
    Owner::Program {
        lineage: Arc::new(Lineage { executable, script: None, parent: Some(shell) }),
        application,
        provenance: Arc::new(Provenance::not_looked_at()),
        code: None,
    }
}

fn batch(programs: &[Owner], bucket: u32) -> Vec<Record> {
    let start = 1_700_000_000_000 + i64::from(bucket) * i64::from(BUCKET_MS);
    (0..ROWS)
        .map(|row| {
            let mixed = (row + bucket / 50 * 31).wrapping_mul(2_654_435_761);
            let is_new = row % 5 == 0;
            let port = if is_new { bucket * 20 + row } else { mixed >> 8 } % 28_000 + 32_768;
            let first = start + i64::from(mixed % 4000);
            Record {
                bucket_start: UnixMillis(start),
                bucket_ms: BUCKET_MS,
                owner: programs[usize::try_from(mixed % 200).unwrap()].clone(),
                command_line: Some(format!("program --number {}", mixed % 200).into()),
                placement: Arc::default(),
                uid: Uid(1000),
                protocol: if mixed.is_multiple_of(7) { Protocol::Udp } else { Protocol::Tcp },
                direction: Direction::Outbound,
                local: Some(side(Ipv4Addr::new(192, 168, 1, 7), port)),
                remote: Some(side(remote(mixed % 5000), 443)),
                name: name(mixed % 5000),
                place: Some(place(mixed % 500)),
                service_port: Some(443),
                recognised: (!mixed.is_multiple_of(7)).then_some(Recognised::Tls),
                network_namespace: 4_026_531_840,
                bytes: Bytes { tx: u64::from(mixed % 30_000), rx: u64::from(mixed % 900_000) },
                flows_opened: u64::from(is_new),
                first: UnixMillis(first),
                last: UnixMillis(first + 5000),
            }
        })
        .collect()
}

fn remote(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x5000_0000 + number)
}

fn name(remote: u32) -> Option<Name> {
    let site = format!("site-{}.example", remote % 500);
    Some(Name {
        domain: format!("host-{}.{site}", remote % 2500).parse().ok()?,
        registrable: site.parse().ok(),
        source: if remote.is_multiple_of(3) { NameSource::Dns } else { NameSource::Tls },
        is_inferred: remote.is_multiple_of(7),
    })
}

fn place(number: u32) -> Place {
    Place {
        range: Range::Public,
        country: format!("{}A", number % 10).parse().ok(),
        network: Some(Network { asn: number, name: Some(format!("Network {number}").into()) }),
    }
}

fn side(address: Ipv4Addr, port: u32) -> Endpoint {
    Endpoint { address: address.into(), port: u16::try_from(port).unwrap() }
}
