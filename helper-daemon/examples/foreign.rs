//! Says what foreign code there is in the processes that are named, or in all, and what it took to find out:
//! `cargo run --example foreign -- [PID…]`, as root.

#[path = "../tests/foreign/packages.rs"]
mod packages;
#[path = "../tests/foreign/request.rs"]
mod request;

use std::{error::Error, fs, path::Path, sync::atomic::Ordering, thread, time::Duration};

use packages::Machine;
use portolan_packages::Packages;
use portoland::foreign::Inspector;

fn main() -> Result<(), Box<dyn Error>> {
    let mut pids: Vec<u32> = std::env::args().skip(1).map(|pid| pid.parse()).collect::<Result<_, _>>()?;
    if pids.is_empty() {
        let names = fs::read_dir("/proc")?.filter_map(Result::ok).map(|entry| entry.file_name());
        pids = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
        pids.sort_unstable();
    }
    let machine = Machine(Packages::of(Path::new("/"))?);
    let inspector = Inspector::start(machine, |inspected| {
        for code in inspected.foreign {
            let provenance = code.provenance.map(|provenance| format!("{provenance:?}"));
            println!(
                "  {}: {:?} {:?} {:?} {}",
                inspected.request.process.pid.0,
                code.kind,
                code.path,
                code.sha256,
                provenance.unwrap_or_default()
            );
        }
    })?;
    let counts = inspector.counts();
    let mut asked = 0;
    for turn in ["first", "second"] {
        for pid in &pids {
            let Ok(mut request) = request::request(*pid) else { continue };
            request.process.exec_generation = u64::from(turn == "second");
            let before = counts.cpu_us.load(Ordering::Relaxed);
            println!("{turn} look at {pid} {:?} {:?}", request.executable.path, request.markers);
            asked += u64::from(inspector.inspect(request));
            while counts.looks.load(Ordering::Acquire) < asked {
                thread::sleep(Duration::from_millis(1));
            }
            println!("  {} µs", counts.cpu_us.load(Ordering::Relaxed) - before);
        }
    }
    println!("{counts:?}");
    Ok(())
}
