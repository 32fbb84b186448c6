//! The daemon with what its systemd unit leaves it, as far as that can be had without systemd: capabilities, no new
//! privileges, a network that leads nowhere, a filesystem that it cannot write.

#![allow(clippy::expect_used)]

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use portolan_bus::{Daemon1Proxy, DaemonState, SelfTestState, Status};
use portolan_testbed::{Daemon, DaemonOptions, Error, Folder, Polkit, PrivateBus, built, source_path};

/// Runs the daemon with the capabilities $1, in namespaces like those that the unit makes; $2 is the daemon, what follows are its
/// arguments. Temporary files and the BPF filesystem stay writable, like the unit's own folders.
const CONFINED: &str = r#"#!/bin/sh
exec unshare --mount --net --propagation slave sh -c '
    set -e
    ip link set lo up
    mount --bind "$TEMPORARY" "$TEMPORARY"
    mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
    mount -o bind,remount,ro /
    mount -o bind,remount,ro /sys
    exec setpriv --bounding-set "-all,$CAPABILITIES" --no-new-privs -- "$DAEMON" "$@"
' sh "$@"
"#;

/// `CAP_BPF CAP_PERFMON` as setpriv wants it: `+bpf,+perfmon`.
fn capabilities() -> String {
    let unit =
        fs::read_to_string(source_path("packaging/systemd/portoland.service")).expect("the unit is there");
    let list =
        unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).expect("it bounds them");
    let names = list.split_whitespace().map(|name| name.replace("CAP_", "+").to_lowercase());
    names.collect::<Vec<_>>().join(",")
}

/// What the daemon says once its self-test has ended.
fn status(bus: &PrivateBus) -> Status {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let asked = runtime.block_on(async {
        let connection = zbus::connection::Builder::address(bus.address())?.build().await?;
        let daemon = Daemon1Proxy::new(&connection).await?;
        tokio::time::timeout(Duration::from_secs(30), async {
            let mut looks = tokio::time::interval(Duration::from_millis(200));
            loop {
                looks.tick().await;
                let status = daemon.status().await?;
                if status.self_test.state != SelfTestState::Running {
                    return Ok::<_, portolan_bus::Error>(status);
                }
            }
        })
        .await
        .expect("the self-test ends")
    });
    asked.expect("root may ask")
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn the_daemon_counts_everything_with_what_its_unit_leaves_it() -> Result<(), Error> {
    let bus = PrivateBus::start(&Polkit::default())?;
    let folder = Folder::for_everybody()?;
    let wrapper = folder.write(
        "confined",
        &CONFINED
            .replace("$TEMPORARY", &std::env::temp_dir().to_string_lossy())
            .replace("$CAPABILITIES", &capabilities())
            .replace("$DAEMON", &built("portoland")?.to_string_lossy()),
    )?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let options = DaemonOptions { program: Some(wrapper), ..DaemonOptions::default() };
    let daemon = Daemon::start_with(&bus, &options)?;
    let status = status(&bus);
    assert_eq!(
        status.self_test.state,
        SelfTestState::Passed,
        "{}\n{}",
        status.self_test.detail,
        daemon.stderr()
    );
    assert_eq!(status.state, DaemonState::Recording, "{:?}", status.notes);
    assert_eq!(status.notes, [""; 0], "its programs are pinned");
    assert!(status.hooks.iter().all(|hook| hook.active), "{:?}", status.hooks);
    Ok(())
}
