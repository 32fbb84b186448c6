//! Programs in an overlay, whose files are written to below it.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

use portolan_testbed::Program;

use super::rows_of;
use crate::bed::{Bed, PATIENCE, Programs, Server, Stopped, run, settle, sha256};

/// An overlay with a program in its upper layer and one in its lower.
struct Overlay(PathBuf);

impl Overlay {
    fn new(programs: &Programs) -> Self {
        Self::with(programs, "")
    }

    fn with(programs: &Programs, options: &str) -> Self {
        let place = programs.path("overlay");
        for folder in ["lower", "upper", "work", "merged"] {
            fs::create_dir_all(place.join(folder)).unwrap();
        }
        for layer in ["lower", "upper"] {
            let path = place.join(layer).join(format!("in-{layer}"));
            fs::copy(programs.copy(layer), &path).unwrap();
            // What follows the end of an ELF file changes nothing but its hash.
            OpenOptions::new().write(true).open(&path).unwrap().set_len(100 << 20).unwrap();
            fs::metadata(&path).unwrap();
        }
        let script = "cd $1; mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work$2 o merged";
        run(Path::new("/bin/sh"), &["-c", script, "sh", place.to_str().unwrap(), options]);
        Self(place)
    }

    fn path(&self, layer: &str, name: &str) -> PathBuf {
        self.0.join(layer).join(format!("in-{name}"))
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        run(Path::new("umount"), &["-l", self.0.join("merged").to_str().unwrap()]);
    }
}

fn start(program: &Path, server: &Server, bytes: &str) -> Program {
    let mut command = Command::new(program);
    command.args(["patient", &server.tcp_v4(), bytes]);
    let mut running = Program::start_with_stdin("a program in an overlay", command).unwrap();
    running.wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(())).unwrap();
    running
}

fn end(mut running: Program) {
    running.close_stdin();
    assert!(running.ended(PATIENCE).unwrap().success());
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_is_written_below_an_overlay_does_not_pass_for_what_runs() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let overlay = Overlay::new(&bed.programs);
    let mut unknown = 0;
    for layer in ["upper", "lower"] {
        let (program, below) = (overlay.path("merged", layer), overlay.path(layer, layer));
        for turn in 0..4 {
            settle(&below);
            run(&program, &["tcp", &server.tcp_v4(), "100"]);
            let before = sha256(&below);
            let rows = rows_of(&bed.query(&["executable"]).await, &program);
            let row = rows.iter().find(|row| row.keys["sha256"] == before);
            assert_eq!(row.map(|row| row.tx_bytes), Some(100), "{layer} {turn}: {rows:#?}");
            // Once before it is looked at, otherwise while it is hashed, or known already.
            let stopped = (turn % 2 == 0).then(|| Stopped::new(&bed));
            let file = OpenOptions::new().write(true).open(&below).unwrap();
            file.write_all_at(&[turn + 1], (100 << 20) - 2).unwrap();
            drop(file);
            fs::metadata(&below).unwrap();
            let running = start(&program, &server, "7");
            let executed = sha256(&below);
            let file = OpenOptions::new().write(true).open(&below).unwrap();
            file.write_all_at(&[turn + 1], (100 << 20) - 1).unwrap();
            drop((file, stopped));
            fs::metadata(&below).unwrap();
            end(running);
            let rows = rows_of(&bed.query(&["executable"]).await, &program);
            let written = sha256(&below);
            assert!(rows.iter().all(|row| row.keys["sha256"] != written), "{layer} {turn}: {rows:#?}");
            let is_named = rows.iter().any(|row| row.keys["sha256"] == executed);
            unknown += if is_named { 0 } else { 7 };
        }
    }
    let unattributed = bed.proxy().await.status().await.unwrap().attribution.unattributed;
    assert_eq!(unattributed.get("file-changed").copied().unwrap_or_default(), unknown, "{unattributed:?}");
    assert!(unknown >= 4 * 7, "{unknown}");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn programs_in_an_overlay_are_named_also_when_they_were_there_before() {
    let programs = Programs::new();
    let server = programs.server();
    let overlay = Overlay::new(&programs);
    let layers = ["upper", "lower"];
    let running = layers.map(|layer| start(&overlay.path("merged", layer), &server, "9"));
    let bed = Bed::start();
    running.into_iter().for_each(end);
    for layer in layers {
        for _ in 0..100 {
            run(&overlay.path("merged", layer), &["tcp", &server.tcp_v4(), "1"]);
        }
    }
    let rows = bed.query(&["executable"]).await;
    for layer in layers {
        let rows = rows_of(&rows, &overlay.path("merged", layer));
        let [row] = rows.as_slice() else { panic!("{rows:#?}") };
        assert_eq!(
            (row.keys["sha256"].as_str(), row.tx_bytes),
            (sha256(&overlay.path(layer, layer)).as_str(), 109)
        );
    }
    let unattributed = bed.proxy().await.status().await.unwrap().attribution.unattributed;
    assert_eq!(unattributed.get("file-changed").copied().unwrap_or_default(), 0, "{unattributed:?}");
}

/// As engines of containers mount: a file whose owner or mode was changed has these in the upper layer, and its content in the lower.
#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_program_of_which_the_upper_layer_has_the_attributes_only_is_known_by_its_content() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let overlay = Overlay::with(&bed.programs, ",metacopy=on,redirect_dir=on");
    let (program, below) = (overlay.path("merged", "lower"), overlay.path("lower", "lower"));
    let untouched = sha256(&below);
    let ended = |program: &Path| run(program, &["tcp", &server.tcp_v4(), "100"]);
    ended(&program);
    bed.query(&[]).await; // it is hashed by now
    for user in [1, 2] {
        chown(&program, Some(user), None).unwrap();
        assert!(fs::metadata(overlay.path("upper", "lower")).unwrap().blocks() < 1000, "it was copied");
        settle(&program);
        ended(&program);
        ended(&program);
        end(start(&program, &server, "100"));
    }
    let rows = rows_of(&bed.query(&["executable"]).await, &program);
    let [row] = rows.as_slice() else { panic!("{rows:#?}") };
    assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (untouched.as_str(), 700), "{rows:#?}");

    // Written to in the lower layer: before it runs, and while it does.
    let write = |byte| {
        OpenOptions::new().write(true).open(&below).unwrap().write_all_at(&[byte], (100 << 20) - 1).unwrap()
    };
    for turn in 1..5 {
        write(turn);
        settle(&below);
        let executed = sha256(&below);
        let stopped = (turn % 2 == 0).then(|| Stopped::new(&bed));
        let running = start(&program, &server, "7");
        write(turn + 100);
        drop(stopped);
        end(running);
        let rows = rows_of(&bed.query(&["executable"]).await, &program);
        let written = sha256(&below);
        assert!(rows.iter().all(|row| row.keys["sha256"] != written), "{turn}: {rows:#?}");
        println!("{turn}: {}", rows.iter().any(|row| row.keys["sha256"] == executed));
    }
    let named = rows_of(&bed.query(&["executable"]).await, &program);
    let unattributed = bed.proxy().await.status().await.unwrap().attribution.unattributed;
    let unknown = unattributed.get("file-changed").copied().unwrap_or_default();
    assert_eq!(
        named.iter().map(|row| row.tx_bytes).sum::<u64>() + unknown,
        728,
        "{named:#?} {unattributed:?}"
    );
    assert!(unknown >= 14, "{unattributed:?}");
}
