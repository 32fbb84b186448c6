//! A configuration that changes while the daemon runs.

use std::{fs, time::Instant};

use portolan_bus::{Configuration, Setting};
use portolan_testbed::{DaemonOptions, Polkit, User, alice, carol};
use tokio::runtime::Builder;

use crate::{
    bed::{Bed, PATIENCE, run},
    exclusions::config,
};

/// Writes a file of `portolan.d` as an editor does: another one that is renamed.
pub(crate) fn drop_in(bed: &Bed, name: &str, text: &str) {
    let dir = bed.daemon.config_path().with_extension("d");
    fs::create_dir_all(&dir).unwrap();
    let next = dir.join(".next");
    fs::write(&next, text).unwrap();
    fs::rename(next, dir.join(name)).unwrap();
}

/// Waits until the configuration in force is as wanted.
async fn shown(bed: &Bed, is_wanted: impl Fn(&Configuration) -> bool) -> Configuration {
    let proxy = config(bed).await;
    let until = Instant::now() + PATIENCE;
    loop {
        let configuration = proxy.show().await.unwrap();
        if is_wanted(&configuration) {
            return configuration;
        }
        assert!(Instant::now() < until, "{configuration:?}\n{}", bed.daemon.stderr());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn of<'a>(configuration: &'a Configuration, key: &str) -> &'a Setting {
    let is_it = |setting: &&Setting| setting.key == key || setting.key == format!("exclusions.{key}");
    configuration.settings.iter().find(is_it).unwrap()
}

/// Waits until a key is in force as wanted.
pub(crate) async fn configured(bed: &Bed, key: &str, is_wanted: impl Fn(&Setting) -> bool) -> Setting {
    of(&shown(bed, |configuration| is_wanted(of(configuration, key))).await, key).clone()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_changed_file_counts_at_once_and_a_wrong_one_is_refused_as_a_whole() {
    let bed = Bed::start();
    let path = bed.daemon.config_path();
    let tick = async |value: &str| {
        configured(&bed, "recording.tick", |setting| setting.value == format!("{value:?}")).await
    };
    assert_eq!(tick("1 s").await.sources, Vec::<String>::new());
    // In place, by a rename, and from a folder that was not there.
    fs::write(&path, "# mine\n[recording]\ntick = \"2 s\"\n").unwrap();
    assert_eq!(tick("2 s").await.sources, [format!("{}:3", path.display())]);
    let next = path.with_extension("next");
    fs::write(&next, "[recording]\ntick = \"3 s\"\n").unwrap();
    fs::rename(&next, &path).unwrap();
    tick("3 s").await;
    drop_in(&bed, "b.toml", "[recording]\ntick = \"4 s\"\n");
    tick("4 s").await;
    drop_in(&bed, "a.toml", "[recording]\ntick = \"5 s\"\nports = false\n");
    configured(&bed, "recording.ports", |setting| setting.value == "false").await;
    tick("4 s").await;
    // All of it is refused, also what is right in it; every problem is told.
    fs::write(&path, "[recording]\nbucket = \"20 s\"\ntyck = 1\n[exclusions]\nports = [0, 99999]\n").unwrap();
    let wrong = shown(&bed, |configuration| !configuration.problems.is_empty()).await;
    let problem = &wrong.problems[0];
    for part in [
        "portolan.toml:3:1: \"tyck\" is no key",
        "portolan.toml:5:13: exclusions.ports: 99999",
        "stays in force",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    assert!(of(&wrong, "recording.bucket").is_default);
    assert_eq!(of(&wrong, "recording.tick").value, "\"4 s\"");
    let status = bed.proxy().await.status().await.unwrap();
    assert!(status.notes.contains(problem), "{:?}", status.notes);
    fs::write(&path, "[recording]\nbucket = \"20 s\"\n").unwrap();
    let mended = shown(&bed, |configuration| configuration.problems.is_empty()).await;
    assert_eq!(of(&mended, "recording.bucket").value, "\"20 s\"");
    // All folders go and come back.
    let dir = path.with_extension("d");
    fs::remove_dir_all(&dir).unwrap();
    fs::remove_file(&path).unwrap();
    tick("1 s").await;
    drop_in(&bed, "x.toml", "[recording]\ntick = \"6 s\"\n");
    tick("6 s").await;
    fs::remove_file(dir.join("x.toml")).unwrap();
    // A link, whose target changes where nobody looks.
    let target = bed.programs.path("target.toml");
    fs::write(&target, "[recording]\ntick = \"7 s\"\n").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    tick("7 s").await;
    fs::write(&target, "[recording]\ntick = \"8 s\"\n").unwrap();
    tick("8 s").await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn buckets_of_another_length_lose_and_double_no_byte() {
    let config = "[recording]\ntick = \"100 ms\"\nbucket = \"2 s\"\n".to_owned();
    let bed = Bed::start_with(&DaemonOptions { config, ..DaemonOptions::default() });
    let server = bed.programs.server();
    let program = bed.programs.copy("program");
    let mut sent = 0;
    for bucket in ["1 s", "3 s", "2 s", "4 s"] {
        fs::write(
            bed.daemon.config_path(),
            format!("[recording]\ntick = \"100 ms\"\nbucket = \"{bucket}\"\n"),
        )
        .unwrap();
        for _ in 0..30 {
            run(&program, &["tcp", &server.tcp_v4(), "1000"]);
            sent += 1000;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        configured(&bed, "recording.bucket", |setting| setting.value == format!("{bucket:?}")).await;
    }
    assert_eq!(bed.moved(&program).await, (sent, 0, sent / 1000));
    let times = bed.query(&["time"]).await;
    let mut starts: Vec<_> = times.iter().map(|row| row.keys["time"].clone()).collect();
    let count = starts.len();
    starts.sort();
    starts.dedup();
    assert_eq!(starts.len(), count);
    crate::conservation::assert_sums(&crate::conservation::balanced(&bed.proxy().await).await);
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn a_key_is_set_over_the_bus_by_who_may_and_by_nobody_else() {
    let (alice, carol) = (alice(), carol());
    let polkit = Polkit::default()
        .grant(&alice, &[portolan_bus::action::VIEW_ALL, portolan_bus::action::REVIEW])
        .grant(&carol, &[portolan_bus::action::CONFIGURE]);
    let bus = portolan_testbed::PrivateBus::start(&polkit).unwrap();
    let daemon = portolan_testbed::Daemon::start_with(&bus, &DaemonOptions::default()).unwrap();
    let address = bus.address().to_owned();
    let set = |user: &User, key: &str, value: &str| {
        let work = || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let connection =
                    zbus::connection::Builder::address(address.as_str()).unwrap().build().await.unwrap();
                let proxy = portolan_bus::Config1Proxy::new(&connection).await.unwrap();
                proxy.set(key, value).await
            })
        };
        user.act(work).unwrap()
    };
    let file = daemon.config_path().with_extension("d").join("50-set.toml");
    assert!(matches!(set(&alice, "recording.tick", "2 s"), Err(portolan_bus::Error::AccessDenied(_))));
    assert!(!file.exists());
    let setting = set(&carol, "recording.tick", "2s").unwrap();
    assert_eq!((setting.value.as_str(), setting.is_default), ("\"2 s\"", false));
    assert_eq!(setting.sources.len(), 1);
    let written = fs::read_to_string(&file).unwrap();
    for (key, value) in [
        ("recording.tick", "1 s\"\nports = false"),
        ("recording.tick", "1 s\" ports = false"),
        ("recording.tick", "../../etc/shadow"),
        ("recording.tick", "\u{1b}[2J"),
        ("../recording.tick", "1 s"),
        ("exclusions.domains", "[\"a\"]\n[recording]"),
        ("exclusions.domains", "[\"a\""),
        ("retention.day", "1 h"),
        ("places.databases", "relative"),
        ("exclusions.ports", &"1,".repeat(100_000)),
    ] {
        assert!(set(&carol, key, value).is_err(), "{key} {value:?}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    let names: Vec<_> =
        fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["50-set.toml"]);
}
