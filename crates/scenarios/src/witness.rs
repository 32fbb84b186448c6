use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use portolan_testbed::find_program;
use serde::{Deserialize, Serialize};

use crate::{Place, World};

/// Bytes of the frame that come before the IP packet; the counter of what comes in does not have them.
const ETHERNET_HEADER: u64 = 14;

/// What nftables counted: frames, each with its headers. A frame here is what the wire (veth) carries, up to 64 KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// From the generator's namespace to the peer's.
    pub up: Counter,
    /// From the peer's namespace to the generator's.
    pub down: Counter,
    /// Over loopback inside of the generator's namespace, without the Ethernet header.
    pub loopback: Counter,
}

/// Packets and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Frames.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Counter {
    fn since(self, before: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(before.packets),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }
}

impl Witness {
    /// Reads the counters.
    ///
    /// # Errors
    /// nft refuses, or prints something else than counters.
    pub fn read(world: &World) -> anyhow::Result<Self> {
        let wire = world.enter(Place::Peer, counters)??;
        let host = world.enter(Place::Host, counters)??;
        let find = |counters: &[Named], name: &str| {
            let found = counters.iter().find(|counter| counter.name == name);
            found.map(|found| found.counter).with_context(|| format!("nft lists no counter {name}"))
        };
        let mut up = find(&wire, "in")?;
        up.bytes += up.packets * ETHERNET_HEADER;
        Ok(Self { up, down: find(&wire, "out")?, loopback: find(&host, "loopback")? })
    }

    /// What was counted since an earlier reading.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            up: self.up.since(before.up),
            down: self.down.since(before.down),
            loopback: self.loopback.since(before.loopback),
        }
    }
}

/// Counts all that goes over the peer's end of the wire. To be called inside the peer's namespace.
pub(crate) fn set_up_wire(device: &str) -> anyhow::Result<()> {
    nft(&format!(
        "table netdev witness {{
            counter in {{ }}
            counter out {{ }}
            chain ingress {{ type filter hook ingress device \"{device}\" priority 0; counter name \"in\"; }}
            chain egress {{ type filter hook egress device \"{device}\" priority 0; counter name \"out\"; }}
        }}"
    ))
}

/// Counts all that goes over loopback. To be called inside the generator's namespace.
pub(crate) fn set_up_loopback() -> anyhow::Result<()> {
    nft("table inet witness {
            counter loopback { }
            chain output { type filter hook output priority 0; oifname \"lo\" counter name \"loopback\"; }
        }")
}

/// The part of nft's JSON that is read.
#[derive(Deserialize)]
struct Listing {
    nftables: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    counter: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    counter: Counter,
}

fn counters() -> anyhow::Result<Vec<Named>> {
    let output =
        command()?.args(["--json", "list", "counters"]).output().context("nft could not be started")?;
    if !output.status.success() {
        bail!("nft does not list the counters: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listing: Listing = serde_json::from_slice(&output.stdout).context("cannot read what nft lists")?;
    Ok(listing.nftables.into_iter().filter_map(|entry| entry.counter).collect())
}

/// Gives nft a ruleset. Its grammar wants a line for each statement.
fn nft(rules: &str) -> anyhow::Result<()> {
    let rules = rules.replace("{ ", "{\n").replace("; ", ";\n").replace(" }", "\n}\n");
    let mut child = command()?
        .args(["--file", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("nft could not be started")?;
    child
        .stdin
        .take()
        .context("nft has no stdin")?
        .write_all(rules.as_bytes())
        .context("nft does not read")?;
    let output = child.wait_with_output().context("nft was lost")?;
    if !output.status.success() {
        bail!("nft refuses the witness's counters: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn command() -> anyhow::Result<Command> {
    Ok(Command::new(find_program("nft").context("nft is not installed (package nftables)")?))
}
