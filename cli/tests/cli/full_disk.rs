//! What is made on a full disk is whole, or it is not there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    archive::picosnitch,
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::run,
    samples,
};

/// A filesystem in memory; `None` where this user may not mount one.
struct Disk(PathBuf);

impl Disk {
    fn of(folder: &Path, kilobytes: u32) -> Option<Self> {
        let place = folder.join(format!("disk-{kilobytes}"));
        fs::create_dir(&place).unwrap();
        let options = format!("size={kilobytes}k,mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "portolan-test"]).arg(&place);
        (rustix::process::geteuid().is_root() && mount.status().unwrap().success()).then(|| Self(place))
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(&self.0).status().unwrap().success());
    }
}

#[tokio::test]
async fn a_history_is_made_whole_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("picosnitch.db");
    picosnitch(&source);
    let mut ends = Vec::new();
    for kilobytes in [4, 64, 128, 192, 256, 320, 384, 448, 4096] {
        let Some(disk) = Disk::of(folder.path(), kilobytes) else { return };
        let new = disk.0.join("new.sqlite");
        let new = new.to_str().unwrap();
        let import = ["history", "import", "picosnitch", source.to_str().unwrap(), "--history", new];
        let ended = run("unix:path=/nonexistent/bus", &import).await;
        if ended.code == Some(0) {
            assert_eq!(disk.names(), ["new.sqlite"], "{kilobytes}");
            let query = ["query", "--history", new, "--by", "none", "--json"];
            let asked = run("unix:path=/nonexistent/bus", &query).await;
            assert_eq!(asked.json()["total"]["tx_bytes"], 40, "{kilobytes}");
        } else {
            assert!(ended.stderr.contains("full") && ended.stderr.contains(new), "{kilobytes}: {ended:?}");
            assert_eq!(disk.names(), Vec::<String>::new(), "{kilobytes}");
        }
        ends.push(ended.code);
    }
    assert!(ends.first() == Some(&Some(1)) && ends.last() == Some(&Some(0)), "{ends:?}");
    // What is wrong with the source is not said of the new file.
    let new = folder.path().join("never.sqlite");
    for (file, code) in [("nowhere.db", 5), ("empty.db", 1)] {
        let from = folder.path().join(file);
        if code == 1 {
            fs::write(&from, "no database").unwrap();
        }
        for history in [&["--history", new.to_str().unwrap()][..], &[]] {
            let import = [&["history", "import", "picosnitch", from.to_str().unwrap()], history].concat();
            let ended = run("unix:path=/nonexistent/bus", &import).await;
            assert_eq!(ended.code, Some(code), "{ended:?}");
            assert!(ended.stderr.contains(file) && !ended.stderr.contains("never"), "{ended:?}");
        }
    }
    assert!(!new.exists());
}

#[tokio::test]
async fn answers_are_written_whole_or_not_at_all() {
    let bus = Bus::start(Policy::Everybody).await;
    let applications = (0..100).map(|number| samples::application(&format!("/opt/{number}"), "approved"));
    let _peer =
        Peer::start(&bus.address, Answers { applications: applications.collect(), ..Answers::default() })
            .await;
    let folder = TempDir::new().unwrap();
    for (kilobytes, code, names) in [(4, 1, vec![]), (1024, 0, vec!["answers"])] {
        let Some(disk) = Disk::of(folder.path(), kilobytes) else { return };
        let ended = run(&bus.address, &["review", "export", disk.0.join("answers").to_str().unwrap()]).await;
        assert_eq!(
            (ended.code, disk.names()),
            (Some(code), names.into_iter().map(str::to_owned).collect()),
            "{ended:?}"
        );
    }
}
