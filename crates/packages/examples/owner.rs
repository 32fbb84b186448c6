//! Says who owns the files that are named, how long that took and how much memory: `cargo run --example owner
//! -- ROOT PATH…`.
#![forbid(unsafe_code)]

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use portolan_packages::Packages;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let root = arguments.next().ok_or("usage: owner ROOT PATH…")?;
    let paths: Vec<PathBuf> = arguments.collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    println!("before: {} of memory", peak()?);
    let packages = Packages::of(&root)?;
    let start = Instant::now();
    let answers = packages.owners_of(&paths);
    let took = start.elapsed();
    for (path, answer) in paths.iter().zip(answers) {
        match answer {
            Ok(owner) => println!("{}: {owner:?}", path.display()),
            Err(error) => println!("{}: unknown, because {error}", path.display()),
        }
    }
    let start = Instant::now();
    packages.stamp()?;
    println!("{} paths in {took:?}; the stamp in {:?}; {} of memory", paths.len(), start.elapsed(), peak()?);
    println!("at work: {:?}", packages.at_work()?);
    Ok(())
}

fn peak() -> Result<String, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().to_owned())
}
