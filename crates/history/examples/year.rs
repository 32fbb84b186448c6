//! Measures questions over a year: `cargo run --release -p portolan-history --example year [FILE]`. A file that is not there is made.
//!
//! 200 programs talk to 30,000 addresses of 20,000 names: 400 pairs of them in each hour, 1500 in each day, so that there are 3.5
//! million rows by the hour and 550,000 by the day.
#![allow(clippy::unwrap_used, reason = "the numbers are made so that they fit")]

use std::{error::Error, fs, net::Ipv4Addr, path::Path, sync::Arc, time::Instant};

use portolan_core::{
    ApplicationKey, Bytes, Dimension, Direction, Endpoint, Executable, Lineage, Name, NameSource, Network,
    Owner, Place, Protocol, Provenance, Range, Recognised, Sha256Digest, Uid, UnixMillis,
};
use portolan_history::{
    History, Limits, Question, Reader, Record, Step,
    language::{Condition, Field, Filter, Pattern, Query, Wanted},
};

const HOUR_MS: i64 = 3_600_000;
const FIRST_MS: i64 = 1_704_067_200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let path = std::env::args().nth(1).map_or_else(|| dir.path().join("year.sqlite"), Into::into);
    if !path.exists() {
        make(&path)?;
    }
    println!(
        "{:.1} MB, {:.1} MB of memory",
        f64::from(u32::try_from(fs::metadata(&path)?.len() / 1000)?) / 1e3,
        memory()?
    );
    let by = |by: &[Dimension]| Question { by: by.to_vec(), top: 20, ..Question::default() };
    ask(&path, "top 20 applications", &by(&[Dimension::Application]))?;
    ask(&path, "top 20 domains", &by(&[Dimension::Domain]))?;
    ask(&path, "by application and country", &by(&[Dimension::Application, Dimension::Country]))?;
    ask(
        &path,
        "by application, domain and user",
        &by(&[Dimension::Application, Dimension::Domain, Dimension::User]),
    )?;
    ask(&path, "all remote addresses", &Question { top: 1_000_000, ..by(&[Dimension::Remote]) })?;
    let text = Wanted::Like(Pattern::new(["", "shop7", ""]));
    let filter = Filter::Has(Condition { field: Field::Text, wanted: text });
    let query = Query { filter, ..Query::default() };
    ask(&path, "free text", &Question { query: query.clone(), ..by(&[Dimension::Application]) })?;
    ask(&path, "own by application", &Question { viewer: Some(Uid(1001)), ..by(&[Dimension::Application]) })?;
    series(&path, "applications by day", &by(&[Dimension::Application]), Step::Day)?;
    series(&path, "applications by hour", &by(&[Dimension::Application]), Step::Hour)?;
    series(&path, "everything by hour", &by(&[]), Step::Hour)?;
    series(&path, "domains by hour", &by(&[Dimension::Domain]), Step::Hour)?;
    for (field, prefix) in
        [(Dimension::Application, "pro"), (Dimension::Domain, "shop77"), (Dimension::Remote, "x")]
    {
        for viewer in [None, Some(Uid(1001))] {
            let found = timed(&path, &format!("values of {field} {viewer:?}"), |reader| {
                reader.values(Field::Of(field), prefix, 20, viewer, &Limits::default())
            })?;
            println!("  {}", found.len());
        }
    }
    Ok(())
}

fn ask(path: &Path, what: &str, question: &Question) -> Result<(), Box<dyn Error>> {
    let answer = timed(path, what, |reader| reader.answer(question, &Limits::default()))?;
    println!(
        "  {} groups, {:?} others, {} bytes",
        answer.groups.len(),
        answer.other.map(|other| other.1),
        answer.total.bytes.total()
    );
    Ok(())
}

fn series(path: &Path, what: &str, question: &Question, step: Step) -> Result<(), Box<dyn Error>> {
    let series = timed(path, what, |reader| reader.series(question, step, &Limits::default()))?;
    println!("  {} lines, {} points", series.lines.len(), series.times.len());
    Ok(())
}

fn timed<T, E: Error + 'static>(
    path: &Path,
    what: &str,
    ask: impl Fn(&Reader) -> Result<T, E>,
) -> Result<T, Box<dyn Error>> {
    let mut times = Vec::new();
    let mut last = None;
    let mut worked = Vec::new();
    for _ in 0..7 {
        let (started, before) = (Instant::now(), on_cpu_ms()?);
        last = Some(ask(&Reader::open(path)?)?);
        times.push(started.elapsed().as_secs_f64() * 1e3);
        worked.push(on_cpu_ms()? - before);
    }
    times.sort_by(f64::total_cmp);
    worked.sort_by(f64::total_cmp);
    println!(
        "{what}: {:.1} ms (median of 7), {:.1} ms of them at work, peak {:.1} MB",
        times[3],
        worked[3],
        memory()?
    );
    Ok(last.unwrap())
}

/// How long this thread has run, which other programs do not make longer.
fn on_cpu_ms() -> Result<f64, Box<dyn Error>> {
    let scheduled = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(scheduled.split(' ').next().unwrap_or("0").parse::<f64>()? / 1e6)
}

/// The most memory that was ever resident, in MB.
fn memory() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1e3)
}

fn make(path: &Path) -> Result<(), Box<dyn Error>> {
    let programs: Vec<_> = (0..200).map(program).collect();
    let mut history = History::open(path)?;
    let mut dice = Dice(7);
    for day in 0..365 {
        let pairs: Vec<(u32, u32)> = (0..1500).map(|_| (dice.low(200), dice.low(30_000))).collect();
        let mut records = Vec::new();
        for hour in 0..24 {
            let start = FIRST_MS + (day * 24 + hour) * HOUR_MS;
            for number in 0..400 {
                let pair =
                    if number < 63 { u32::try_from(hour)? * 63 % 1500 + number } else { dice.below(1500) };
                let (program, address) = pairs[usize::try_from(pair % 1500)?];
                records.push(record(&programs, program, address, start, &mut dice));
            }
        }
        history.write(&records)?;
    }
    Ok(())
}

fn record(programs: &[Arc<Lineage>], program: u32, address: u32, start: i64, dice: &mut Dice) -> Record {
    let lineage = &programs[usize::try_from(program).unwrap()];
    let domain = address % 20_000;
    Record {
        bucket_start: UnixMillis(start),
        bucket_ms: 10_000,
        owner: Owner::Program {
            lineage: Arc::clone(lineage),
            application: ApplicationKey::of_path(&lineage.executable),
            provenance: Arc::new(Provenance::not_looked_at()),
            code: None,
        },
        command_line: Some(format!("program{program} --profile {}", address % 20).as_str().into()),
        placement: Arc::default(),
        uid: Uid(1000 + program % 2),
        protocol: Protocol::Tcp,
        direction: Direction::Outbound,
        local: Some(Endpoint { address: Ipv4Addr::new(192, 168, 1, 7).into(), port: 40_000 }),
        remote: Some(Endpoint {
            address: Ipv4Addr::from_bits(0x0b00_0000 + address * 977).into(),
            port: 443,
        }),
        name: Some(Name {
            domain: format!("www.shop{domain}.example").parse().unwrap(),
            registrable: Some(format!("shop{domain}.example").parse().unwrap()),
            source: NameSource::Tls,
            is_inferred: false,
        }),
        place: Some(Place {
            range: Range::Public,
            country: Some(
                ["DE", "US", "FR", "JP", "BR"][usize::try_from(address % 5).unwrap()].parse().unwrap(),
            ),
            network: Some(Network {
                asn: 1000 + address % 500,
                name: Some(format!("Network {}", address % 500).into()),
            }),
        }),
        service_port: Some(443),
        recognised: Some(Recognised::Tls),
        network_namespace: 1,
        bytes: Bytes { tx: dice.below(100_000).into(), rx: u64::from(dice.below(2_000_000)) },
        flows_opened: u64::from(dice.below(4)),
        first: UnixMillis(start),
        last: UnixMillis(start + 9999),
    }
}

fn program(number: u32) -> Arc<Lineage> {
    let executable = |path: String, content: u8| Executable {
        path: path.as_str().into(),
        sha256: Sha256Digest([content; 32]),
    };
    let parent = Arc::new(Lineage {
        executable: executable("/usr/bin/bash".to_owned(), 1),
        script: None,
        parent: None,
    });
    let content = u8::try_from(number % 250).unwrap();
    Arc::new(Lineage {
        executable: executable(format!("/usr/bin/program{number}"), content),
        script: None,
        parent: Some(parent),
    })
}

/// The same numbers for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        u32::try_from(number % u64::from(bound)).unwrap()
    }

    /// Small numbers more often.
    fn low(&mut self, bound: u32) -> u32 {
        let one = u64::from(self.below(bound));
        u32::try_from(one * u64::from(self.below(bound)) / u64::from(bound)).unwrap()
    }
}
