//! What calls moved, counted where they are charged, before any cell or table.

use std::path::Path;

use aya::maps::{Map, MapData, PerCpuArray};
use portolan_bpf::Truth as RawTruth;
use portolan_core::Bytes;

use super::{MonitorError, programs::Programs};

/// All bytes that programs moved at sockets since the kernel programs were loaded, by what they moved them over.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// TCP, and TCP's subflows.
    pub tcp: Bytes,
    /// UDP and UDP-Lite.
    pub udp: Bytes,
    /// All else: raw sockets, ICMP, frames.
    pub other: Bytes,
}

impl Truth {
    /// Of all protocols.
    #[must_use]
    pub fn sum(&self) -> Bytes {
        self.tcp + self.udp + self.other
    }

    /// What came since `earlier`.
    #[must_use]
    pub fn growth_since(&self, earlier: &Self) -> Self {
        Self {
            tcp: self.tcp.growth_since(earlier.tcp),
            udp: self.udp.growth_since(earlier.udp),
            other: self.other.growth_since(earlier.other),
        }
    }
}

pub(super) struct TruthMap(PerCpuArray<MapData, RawTruth>);

impl TruthMap {
    pub(super) fn open(programs: &mut Programs) -> Result<Self, MonitorError> {
        let map: Map = programs.take_map("truth")?;
        PerCpuArray::try_from(map).map(Self).map_err(unusable)
    }

    pub(super) fn read(&self) -> Result<Truth, MonitorError> {
        sum(&self.0).map_err(unusable)
    }
}

/// What programs that another daemon left had counted; `None` when that table is missing, or is another one.
pub(super) fn read_pinned(path: &Path) -> Option<Truth> {
    let map = Map::PerCpuArray(MapData::from_pin(path).ok()?);
    sum(&PerCpuArray::try_from(map).ok()?).ok()
}

fn sum(table: &PerCpuArray<MapData, RawTruth>) -> Result<Truth, aya::maps::MapError> {
    let mut sum = Truth::default();
    for RawTruth(cpu) in table.get(&0, 0)?.iter() {
        sum.tcp += Bytes { tx: cpu.tcp_tx_bytes, rx: cpu.tcp_rx_bytes + cpu.tcp_rx_apart_bytes };
        sum.udp += Bytes { tx: cpu.udp_tx_bytes, rx: cpu.udp_rx_bytes };
        sum.other += Bytes { tx: cpu.other_tx_bytes, rx: cpu.other_rx_bytes };
    }
    Ok(sum)
}

fn unusable(source: aya::maps::MapError) -> MonitorError {
    MonitorError::Map { name: "truth", source: Box::new(source) }
}
