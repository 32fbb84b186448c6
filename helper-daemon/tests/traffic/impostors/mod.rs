//! Programs that try to look like others.

mod let_go;
mod overlays;
mod scripts;
mod ways;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use portolan_bus::QueryRow;
use portolan_core::Provenance;
use portolan_testbed::Program;

use crate::{
    bed::{Bed, PATIENCE, run, settle, sha256},
    talk::evidence_about,
};

/// How many bytes an executable moves that moves as many as it is long (`tcp-own`).
fn own_bytes(program: &Path) -> u64 {
    1 + fs::metadata(program).unwrap().len() % 8192
}

fn rows_of(rows: &[QueryRow], path: &Path) -> Vec<QueryRow> {
    let is_it = |row: &&QueryRow| row.keys.get("path").is_some_and(|key| Path::new(key) == path);
    rows.iter().filter(is_it).cloned().collect()
}

/// Two contents whose numbers of bytes differ.
fn two_contents(bed: &Bed) -> [PathBuf; 2] {
    let first = bed.programs.copy("first");
    let second = bed.programs.copy("second");
    let longer = [fs::read(&second).unwrap(), vec![0; 1000]].concat();
    fs::write(&second, longer).unwrap();
    [first, second]
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn of_ten_thousand_renames_during_execs_none_makes_one_content_pass_for_another() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let contents = two_contents(&bed);
    let target = bed.programs.path("target");
    fs::hard_link(&contents[0], &target).unwrap();
    let (is_over, mut renames) = (AtomicBool::new(false), 0);
    thread::scope(|scope| {
        let renaming = scope.spawn(|| {
            let next = bed.programs.path("next");
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) || count < 10_000 {
                fs::hard_link(&contents[count % 2], &next).unwrap();
                fs::rename(&next, &target).unwrap();
                // The link of a file to itself is not renamed.
                let _ = fs::remove_file(&next);
                count += 1;
            }
            count
        });
        let target = target.to_str().unwrap();
        run(&contents[0], &["spawn", "2000", target, "tcp-own", &server.tcp_v4()]);
        is_over.store(true, Ordering::Relaxed);
        renames = renaming.join().unwrap();
    });
    assert!(renames >= 10_000);
    let rows = rows_of(&bed.query(&["executable"]).await, &target);
    let mut identified = 0;
    for row in &rows {
        let content = contents.iter().find(|content| row.keys["sha256"] == sha256(content)).unwrap();
        assert_eq!(row.tx_bytes, row.flows * own_bytes(content), "{row:?}");
        identified += row.flows;
    }
    let unattributed = bed.proxy().await.status().await.unwrap().attribution.unattributed;
    println!("{renames} renames, {identified} of 2000 named: {rows:?} {unattributed:?}");
    assert!(identified > 0);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_process_that_gets_the_id_of_another_is_not_taken_for_it() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let contents = two_contents(&bed);
    let last = "/proc/sys/kernel/ns_last_pid";
    let id: u32 = fs::read_to_string(last).unwrap().trim().parse().unwrap();
    for turn in 0..200 {
        // The next fork gets the id after this one, where it is free.
        fs::write(last, id.to_string()).unwrap();
        run(&contents[turn % 2], &["tcp-own", &server.tcp_v4()]);
    }
    let rows = bed.query(&["executable"]).await;
    for content in &contents {
        let row = &rows_of(&rows, content)[0];
        assert_eq!((row.flows, row.tx_bytes), (100, 100 * own_bytes(content)));
        assert_eq!(row.keys["sha256"], sha256(content));
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_mount_over_the_path_of_a_packaged_program_does_not_make_one_of_the_package() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("impostor");
    let over = fs::canonicalize("/usr/bin/env").unwrap();
    let (program_path, over_path) = (program.to_str().unwrap(), over.to_str().unwrap());
    let script =
        format!("mount --bind {program_path} {over_path} && exec {over_path} tcp {} 777", server.tcp_v4());
    let status = Command::new("unshare").args(["--mount", "sh", "-c", &script]).status().unwrap();
    assert!(status.success());
    let rows = bed.query(&["application", "executable"]).await;
    let [row] = &rows_of(&rows, &over)[..] else {
        let unattributed = bed.proxy().await.status().await.unwrap().attribution.unattributed;
        panic!("{rows:#?} {unattributed:?}")
    };
    assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (sha256(&program).as_str(), 777));
    assert_eq!(row.keys["application"], format!("elsewhere:{over_path}"));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_hard_link_and_a_copy_are_what_their_paths_say() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("original");
    let (link, copy) = (bed.programs.path("link"), bed.programs.copy("copy"));
    fs::hard_link(&program, &link).unwrap();
    // As after a copy: the next change is one that shows.
    fs::metadata(&link).unwrap();
    for path in [&program, &link, &copy] {
        run(path, &["tcp", &server.tcp_v4(), "100"]);
    }
    let rows = bed.query(&["application", "executable"]).await;
    for path in [&program, &link, &copy] {
        let row = &rows_of(&rows, path)[0];
        assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (sha256(&program).as_str(), 100));
        assert_eq!(row.keys["application"], format!("path:{}", path.display()));
    }
}

/// Becomes something by a script of the shell, in namespaces of its own.
fn unshared(options: &[&str], script: &str, arguments: &[&Path], words: &[&str]) {
    let mut command = Command::new("unshare");
    command.args(options).args(["sh", "-ec", script, "sh"]).args(arguments).args(words);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn other_files_at_the_path_of_a_packaged_program_are_none_of_the_package() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("impostor");
    let over = fs::canonicalize("/usr/bin/env").unwrap();
    let place = bed.programs.path("place");
    fs::create_dir(&place).unwrap();
    let (address, mut moved) = (server.tcp_v4(), 0);
    for (options, script) in [
        // A folder on the way, as root.
        (
            &["--mount"][..],
            "mount -t tmpfs t $3; cp $1 $3/env; mount --bind $3 ${2%/*}; p=$2; shift 3; exec $p \"$@\"",
        ),
        // Layers, of which the upper one has another file at the path.
        (
            &["--mount"],
            "mount -t tmpfs t $3; mkdir -p $3/upper/${2%/*} $3/work; cp $1 $3/upper/$2
            mount -t overlay -o lowerdir=/,upperdir=$3/upper,workdir=$3/work o $3
            sleep 0.1 # what was written in the tick before it runs is not known below an overlay (decision 8)
            p=$2; r=$3; shift 3; exec chroot $r $p \"$@\"",
        ),
        // The file itself, in a user, a process and a mount namespace.
        (&["-Urmp", "--fork"], "mount --bind $1 $2; p=$2; shift 3; exec $p \"$@\""),
    ] {
        let program: &Path = &program;
        unshared(options, script, &[program, &over, &place], &["tcp", &address, "100"]);
        moved += 100;
        let rows = bed.query(&["application", "executable"]).await;
        // Of a mount in another namespace, only the path in that mount may be known.
        let name = over.file_name().unwrap();
        let of_it = |row: &&QueryRow| {
            row.keys.get("path").is_some_and(|path| Path::new(path).file_name() == Some(name))
        };
        let found: Vec<_> = rows.iter().filter(of_it).collect();
        assert_eq!(found.iter().map(|row| row.tx_bytes).sum::<u64>(), moved, "{script}: {rows:#?}");
        for row in found {
            assert_eq!(row.keys["sha256"], sha256(program), "{script}");
            assert!(row.keys["application"].starts_with("elsewhere:/"), "{script}: {row:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn names_that_a_process_gives_itself_are_not_believed() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let address = server.tcp_v4();
    let sh = |script: &str, program: &Path, bytes: &str| {
        run(
            Path::new("/bin/bash"),
            &["-ec", script, "bash", program.to_str().unwrap(), "tcp", &address, bytes],
        );
    };
    let [named, opened, linked] = ["named", "opened", "linked"].map(|name| bed.programs.copy(name));
    sh("exec -a /usr/bin/curl \"$@\"", &named, "101");
    sh("exec 9<$1; shift; exec /proc/self/fd/9 \"$@\"", &opened, "102");
    sh("ln -s $1 $1-a; ln -s $1-a $1-b; p=$1-b; shift; exec $p \"$@\"", &linked, "103");
    // Renamed while it runs, to the name of another program.
    let renamed = bed.programs.copy("renamed");
    let hash = sha256(&renamed);
    let mut command = Command::new(&renamed);
    command.args(["patient", &address, "104"]);
    let mut running = Program::start_with_stdin("renamed", command).unwrap();
    running.wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(())).unwrap();
    fs::rename(&renamed, &named).unwrap();
    running.close_stdin();
    assert!(running.ended(PATIENCE).unwrap().success());
    let rows = bed.query(&["application", "executable"]).await;
    for (path, bytes) in [(&named, 101), (&opened, 102), (&linked, 103), (&renamed, 104)] {
        let rows = rows_of(&rows, path);
        let [row] = rows.as_slice() else { panic!("{}: {rows:#?}", path.display()) };
        assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (hash.as_str(), bytes), "{row:?}");
        assert_eq!(row.keys["application"], format!("path:{}", path.display()));
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn who_is_watched_by_another_program_is_itself_and_that_one_s_child() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("watched");
    let (path, address) = (program.to_str().unwrap(), server.tcp_v4());
    run(Path::new("/usr/bin/strace"), &["-f", "-o", "/dev/null", path, "tcp", &address, "105"]);
    run(Path::new("/usr/bin/gdb"), &["-batch", "-ex", "run", "--args", path, "tcp", &address, "106"]);
    let rows = rows_of(&bed.query(&["application", "executable", "parent"]).await, &program);
    let mut found: Vec<_> = rows
        .iter()
        .map(|row| (row.keys["application"].as_str(), row.keys["parent_path"].as_str(), row.tx_bytes))
        .collect();
    found.sort_by_key(|(_, _, bytes)| *bytes);
    let key = format!("path:{path}");
    assert_eq!(found, [(key.as_str(), "/usr/bin/strace", 105), (key.as_str(), "/usr/bin/gdb", 106)]);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn who_started_a_setuid_program_and_who_it_acts_as_are_both_told() {
    let bed = Bed::start();
    let proxy = bed.proxy().await;
    proxy.end_learning().await.unwrap();
    let server = bed.programs.server();
    let program = bed.programs.copy("privileged");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let arguments = ["--reuid", "65534", "--regid", "65534", "--clear-groups", program.to_str().unwrap()];
    run(Path::new("/usr/bin/setpriv"), &[&arguments[..], &["tcp", &server.tcp_v4(), "107"]].concat());
    let rows = rows_of(&bed.query(&["application", "executable", "user"]).await, &program);
    let key = format!("path:{}", program.display());
    let [row] = rows.as_slice() else { panic!("{rows:#?}") };
    assert_eq!((&row.keys["application"], row.tx_bytes), (&key, 107));
    // That of who started it: a person asks who did that.
    assert_eq!(row.keys["user"], "65534");
    let evidence = evidence_about(&proxy, &key).await;
    assert_eq!(evidence.provenance, Some(Provenance::Unowned));
    let process = evidence.process.unwrap();
    assert_eq!((process.path.as_raw(), process.uid.0), (program.to_str().unwrap(), 65534));
    assert_eq!(process.sha256.map(|sha256| sha256.to_string()), Some(sha256(&program)));
    assert!(!evidence.parents.is_empty());
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_is_executed_through_another_mount_namespace_is_not_what_the_machine_has_there() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("impostor");
    let over = fs::canonicalize("/usr/bin/env").unwrap();
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$1\" \"$2\" && echo mounted && read -r nothing";
    command.args(["--mount", "sh", "-c", script, "sh"]).args([&program, &over]);
    let mut other = Program::start_with_stdin("the namespace", command).unwrap();
    other.wait_for_line("its mount", PATIENCE, |line| (line == "mounted").then_some(())).unwrap();
    let through = format!("/proc/{}/root{}", other.pid(), over.display());
    run(Path::new(&through), &["tcp", &server.tcp_v4(), "112"]);
    other.close_stdin();
    other.ended(PATIENCE).unwrap();
    let rows = bed.query(&["application", "executable"]).await;
    let row = rows.iter().find(|row| row.tx_bytes == 112).unwrap_or_else(|| panic!("{rows:#?}"));
    assert_eq!(row.keys["sha256"], sha256(&program));
    assert_eq!(row.keys["application"], format!("elsewhere:{}", over.display()));
}

/// Of what runs in a layer, only the path in the layer may be known.
#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_runs_in_layers_that_the_machine_itself_has_is_not_what_has_its_path_in_a_layer() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("impostor");
    let over = fs::canonicalize("/usr/bin/env").unwrap();
    let place = bed.programs.path("place");
    for folder in ["lower", "upper/usr/bin", "work", "whole"] {
        fs::create_dir_all(place.join(folder)).unwrap();
    }
    let layered = place.join("upper/usr/bin/env");
    fs::copy(&program, &layered).unwrap();
    settle(&layered);
    let script = "cd $1; mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work o whole
        whole$2 tcp $3 110; status=$?; umount -l whole; exit $status";
    let words = ["-c", script, "sh", place.to_str().unwrap(), over.to_str().unwrap(), &server.tcp_v4()];
    for _ in 0..20 {
        run(Path::new("/bin/sh"), &words);
    }
    let rows = bed.query(&["application", "executable"]).await;
    let whole = format!("path:{}{}", place.join("whole").display(), over.display());
    let in_layer = format!("elsewhere:{}", over.display());
    let of_it =
        |row: &&QueryRow| row.keys.get("application").is_some_and(|key| *key == whole || *key == in_layer);
    let found: Vec<_> = rows.iter().filter(of_it).collect();
    assert_eq!(found.iter().map(|row| row.tx_bytes).sum::<u64>(), 2200, "{rows:#?}");
    assert!(found.iter().all(|row| row.keys["sha256"] == sha256(&program)), "{rows:#?}");
}

/// A write through a mapping that was there when the file was read leaves no trace.
#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_was_read_while_somebody_could_write_to_it_does_not_pass_for_what_runs() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("mapped");
    // Both contents are as long: the last byte is another one.
    fs::write(&program, [fs::read(&program).unwrap(), vec![0]].concat()).unwrap();
    let code = "import mmap, subprocess, sys, time\n\
                file = open(sys.argv[1], 'r+b')\n\
                memory = mmap.mmap(file.fileno(), 0)\n\
                file.close()\n\
                memory[:] = memory[:]\n\
                time.sleep(0.1)\n\
                reader = subprocess.Popen(['/usr/bin/python3', '-i', sys.argv[1]], stdin=subprocess.PIPE)\n\
                time.sleep(1)\n\
                memory[len(memory) - 1] = 1\n\
                memory.close()\n\
                reader.communicate()\n\
                subprocess.run([sys.argv[1], 'tcp', sys.argv[2], '110'], check=True)";
    run(Path::new("/usr/bin/python3"), &["-c", code, program.to_str().unwrap(), &server.tcp_v4()]);
    let rows = rows_of(&bed.query(&["executable"]).await, &program);
    let [row] = rows.as_slice() else { panic!("{rows:#?}") };
    assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (sha256(&program).as_str(), 110));
}
