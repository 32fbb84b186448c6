//! The other end: takes what comes and sends what is asked for, until its stdin ends and everything that waits is read.

mod datagrams;
mod frames;
mod streams;

use std::{
    io::{self, Read as _},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::{
    moved::{Failure, Moved, Tally},
    words::{Words, parse},
};

/// How often a service looks whether it is over: a look that finds nothing waiting after the end is the last one.
const LOOK: Duration = Duration::from_millis(20);

/// What all services share.
#[derive(Debug, Default)]
pub(crate) struct House {
    tally: Tally,
    is_over: AtomicBool,
}

impl House {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

/// A service that is bound and not yet running.
type Service = Box<dyn FnOnce(&House) -> io::Result<()> + Send>;

/// `[tcp=PORT] [sctp=PORT] [mptcp=PORT] [udp=PORT] [udp-gro=PORT] [raw=PROTOCOL] [packet=DEVICE]`: port 0 is any. Prints `ready` and the
/// ports.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut services: Vec<Service> = Vec::new();
    let mut ready = "ready".to_owned();
    for (name, value) in words.pairs() {
        let port = |value: &str| parse::<u16>(name, value);
        let (port, service) = match name {
            "tcp" | "sctp" | "mptcp" => streams::bind(name, port(value)?)?,
            "udp" => datagrams::bind(port(value)?, false)?,
            "udp-gro" => datagrams::bind(port(value)?, true)?,
            "raw" => (0, datagrams::raw(parse(name, value)?)?),
            "packet" => (0, frames::bind(value)?),
            _ => return Err(Failure::Usage(format!("a peer knows no {name}"))),
        };
        ready += &format!(" {name}={port}");
        services.push(service);
    }
    let house = House::default();
    let failed = thread::scope(|scope| {
        let house = &house;
        let running: Vec<_> =
            services.into_iter().map(|service| scope.spawn(move || service(house))).collect();
        println!("{ready}");
        let stdin = io::stdin().read_to_end(&mut Vec::new());
        house.is_over.store(true, Ordering::Release);
        let ended = running
            .into_iter()
            .map(|service| service.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())));
        ended.fold(stdin.map(drop), |all, one| all.and(one))
    });
    failed?;
    Ok(house.tally.moved())
}
