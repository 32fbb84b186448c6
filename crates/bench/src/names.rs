//! How long it takes to read what the kernel programs copied: DNS answers, and what flows say first.

use std::{hint::black_box, time::Instant};

use anyhow::ensure;
use portolan_core::{Domain, Protocol};
use portolan_names::{Opening, dns, registrable, service};

use crate::{
    Effort,
    figures::{Rounds, figure},
    table::Table,
};

const ROUNDS: u32 = 5;

const CNAME: &[u8] = include_bytes!("../../names/tests/messages/dns-cname");
const THIRTY: &[u8] = include_bytes!("../../names/tests/messages/dns-truncated");
const OPENSSL: &[u8] = include_bytes!("../../names/tests/messages/tls-openssl");
const CHROMIUM: &[u8] = include_bytes!("../../names/tests/messages/tls-chromium");
const CURL: &[u8] = include_bytes!("../../names/tests/messages/http-curl");
const RFC: &[u8] = include_bytes!("../../names/tests/messages/quic-rfc9001");
const FLIGHT: &[u8] = include_bytes!("../../names/tests/messages/quic-chromium");

pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let name: Domain = "www.example.co.uk".parse()?;
    let answer = |message: &[u8]| dns::answer(message).is_some();
    let opening = |protocol, calls: &[&[u8]]| {
        let mut opening = Opening::new(protocol);
        for call in calls {
            opening.add(0, call);
        }
        opening.so_far().name.is_some()
    };
    let flight = [datagram(FLIGHT, 0)?, datagram(FLIGHT, 1)?];
    let rfc = [datagram(RFC, 0)?];
    let mut table = Table::new(&["what", "each", "a second"]);
    let mut row = |what: &str, read: &dyn Fn() -> bool| -> anyhow::Result<()> {
        ensure!(read(), "{what}: nothing was read");
        let rounds: Rounds = (0..ROUNDS).map(|_| nanoseconds(effort.choose(20_000, 100), read)).collect();
        let each = rounds.median().unwrap_or_default();
        table.row(&[
            what.to_owned(),
            rounds.show(|ns| format!("{:.2} µs", ns / 1e3)),
            format!("{:.0}", 1e9 / each),
        ]);
        Ok(())
    };
    row("DNS answer with two aliases", &|| answer(CNAME))?;
    row("DNS answer with 30 addresses", &|| answer(THIRTY))?;
    row("TLS hello of OpenSSL, 321 bytes", &|| opening(Protocol::Tcp, &[OPENSSL]))?;
    row("TLS hello of Chromium, 1 988 bytes", &|| opening(Protocol::Tcp, &[CHROMIUM]))?;
    row("QUIC, one datagram (RFC 9001)", &|| opening(Protocol::Udp, &rfc))?;
    row("QUIC, Chromium's two datagrams", &|| opening(Protocol::Udp, &flight))?;
    row("HTTP request of curl", &|| opening(Protocol::Tcp, &[CURL]))?;
    row("registrable part of a name", &|| registrable(black_box(&name)).is_some())?;
    row("service of a port", &|| service(Protocol::Tcp, black_box(443)).is_some())?;
    Ok(vec![table])
}

/// Of a file in which each datagram has its length before it.
fn datagram(file: &[u8], which: usize) -> anyhow::Result<&[u8]> {
    let mut rest = file;
    let mut datagram = None;
    for _ in 0..=which {
        datagram = rest
            .split_off(..2)
            .and_then(|length| length.first_chunk().copied())
            .and_then(|length| rest.split_off(..usize::from(u16::from_be_bytes(length))));
    }
    datagram.ok_or_else(|| anyhow::anyhow!("the file of datagrams is too short"))
}

fn nanoseconds(times: u32, read: &dyn Fn() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        black_box(read());
    }
    figure(start.elapsed().as_nanos()) / f64::from(times)
}
