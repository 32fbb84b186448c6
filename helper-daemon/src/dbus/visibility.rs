use portolan_bus::{Access, Finding, LiveTick};

use super::Viewer;

/// A tick with the rows that the viewer may see. It is there even without rows: it says that the daemon is alive.
pub(super) fn tick(viewer: Viewer, tick: &LiveTick) -> LiveTick {
    let shows = |uid: u32| viewer.access == Access::All || uid == viewer.uid.0;
    LiveTick {
        unix_ms: tick.unix_ms,
        interval_ms: tick.interval_ms,
        rows: tick.rows.iter().filter(|row| shows(row.uid)).cloned().collect(),
    }
}

/// Whether the viewer may see a finding.
///
/// With one's own uid: findings of that uid, and those about the daemon itself (neither application nor uid), because
/// they say how far one's own figures can be trusted.
pub(super) fn shows(viewer: Viewer, finding: &Finding) -> bool {
    match viewer.access {
        Access::All => true,
        Access::Own => match finding.uid {
            Some(uid) => uid == viewer.uid.0,
            None => finding.application.is_none() && finding.path.is_none(),
        },
    }
}
