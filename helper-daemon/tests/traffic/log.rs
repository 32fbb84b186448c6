//! The text log of a daemon that runs.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Instant,
};

use portolan_testbed::DaemonOptions;
use serde_json::Value;

use crate::{
    bed::{Bed, PATIENCE, run},
    configuration::{configured, drop_in},
};

/// What a file's lines say, when they say what is wanted.
async fn lines(bed: &Bed, path: &Path, is_wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if is_wanted(&lines) {
            return lines;
        }
        assert!(Instant::now() < until, "{text}\n{}", bed.daemon.stderr());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn of<'a>(lines: &'a [Value], program: &'a Path) -> impl Iterator<Item = &'a Value> {
    lines
        .iter()
        .filter(move |line| line["executable"].as_str().is_some_and(|path| Path::new(path) == program))
}

fn sent(lines: &[Value], program: &Path) -> u64 {
    of(lines, program).filter_map(|line| line["tx_bytes"].as_u64()).sum()
}

fn config(file: &Path, more: &str) -> String {
    format!("[recording]\ntick = \"100 ms\"\nbucket = \"1 s\"\n[log]\nfile = {file:?}\n{more}")
}

async fn notes(bed: &Bed) -> Vec<String> {
    bed.proxy().await.status().await.unwrap().notes
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn bytes_and_findings_are_lines_of_a_file_that_the_configuration_names() {
    let bed = Bed::start_with(&DaemonOptions {
        config: "[recording]\ntick = \"100 ms\"\nbucket = \"1 s\"\n".to_owned(),
        ..DaemonOptions::default()
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flows.log");
    let server = bed.programs.server();
    // A name that would do something in a terminal and in a spreadsheet.
    let program = bed.programs.copy("=hostile\x1b[2J\u{202e}\"');,");
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    bed.moved(&program).await;
    assert!(!path.exists());
    drop_in(&bed, "log.toml", &config(&path, ""));
    configured(&bed, "log.file", |setting| !setting.is_default).await;
    run(&program, &["tcp", &server.tcp_v4(), "2000"]);
    let quiet = bed.programs.copy("another");
    run(&quiet, &["tcp", &server.tcp_v4(), "3"]);
    bed.moved(&program).await;
    let all = lines(&bed, &path, |lines| {
        sent(lines, &program) >= 2000
            && lines.iter().any(|line| line["finding"]["path"] == quiet.to_str().unwrap())
    })
    .await;
    assert_eq!(sent(&all, &program), 2000, "what was recorded before is not in it");
    assert!(
        of(&all, &program).all(|line| line["protocol"] == "tcp" && line["remote_address"] == "127.0.0.1")
    );
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.replace('\n', "").chars().any(|c| c.is_control() || c == '\u{202e}'));
    let mode = fs::metadata(&path).unwrap().mode() & 0o777;
    assert!(mode == 0o600 || mode == 0o640, "{mode:o}");
    // Somebody else rotates it.
    let old = dir.path().join("flows.log-old");
    fs::rename(&path, &old).unwrap();
    run(&program, &["tcp", &server.tcp_v4(), "500"]);
    bed.moved(&program).await;
    lines(&bed, &path, |lines| sent(lines, &program) == 500).await;
    assert_eq!(fs::read_to_string(&old).unwrap(), text);
    // What is excluded is in no log, and in CSV there are lines of findings as well.
    let more = "format = \"csv\"\n[exclusions]\nports = [";
    drop_in(&bed, "log.toml", &config(&path, &format!("{more}{}]\n", server.tcp)));
    configured(&bed, "log.format", |setting| setting.value == "\"csv\"").await;
    let unseen = bed.programs.copy("unseen");
    run(&unseen, &["tcp", &server.tcp_v4(), "7"]);
    bed.moved(&unseen).await;
    let until = Instant::now() + PATIENCE;
    let csv = loop {
        let csv = fs::read_to_string(&path).unwrap_or_default();
        if csv.contains("new-application,") {
            break csv;
        }
        assert!(Instant::now() < until, "{csv}\n{}", bed.daemon.stderr());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert!(csv.starts_with("kind,finding,severity,state,detail,start,"), "{csv}");
    assert!(!csv.lines().any(|line| line.starts_with("flow,") && line.contains("/unseen,")), "{csv}");
    assert!(!lines(&bed, &path.with_extension("log.1"), |lines| !lines.is_empty()).await.is_empty());
    assert!(!notes(&bed).await.iter().any(|note| note.contains("text log")), "{:?}", notes(&bed).await);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_log_on_a_full_disk_or_in_somebodys_folder_delays_nothing_and_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let full = Full::mount(dir.path().join("full"));
    let path = full.0.join("flows.log");
    let bed = Bed::start_with(&DaemonOptions { config: config(&path, ""), ..DaemonOptions::default() });
    let server = bed.programs.server();
    let program = bed.programs.copy("program");
    fs::write(full.0.join("fill"), vec![0; 1 << 20]).unwrap_err();
    for _ in 0..5 {
        run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    }
    assert_eq!(bed.moved(&program).await, (5000, 0, 5));
    let said = notes(&bed).await;
    assert!(
        said.iter().any(|note| note.contains("cannot be written") && note.contains("flows.log")),
        "{said:?}"
    );
    assert!(said.iter().any(|note| note.contains("missing in the text log")), "{said:?}");
    assert!(fs::read_to_string(&path).unwrap_or_default().lines().all(|line| line.ends_with('}')));
    fs::remove_file(full.0.join("fill")).unwrap();
    run(&program, &["tcp", &server.tcp_v4(), "77"]);
    bed.moved(&program).await;
    lines(&bed, &path, |lines| sent(lines, &program) == 77).await;
    assert!(!notes(&bed).await.iter().any(|note| note.contains("cannot be written")));
    // The folder of the programs is for everybody.
    let shared = bed.programs.path("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    drop_in(&bed, "log.toml", &config(&shared.join("log"), ""));
    configured(&bed, "log.file", |setting| setting.value.contains("shared")).await;
    let until = Instant::now() + PATIENCE;
    while !notes(&bed).await.iter().any(|note| note.contains("others than root can write to the folder")) {
        assert!(Instant::now() < until, "{:?}", notes(&bed).await);
    }
    assert!(!shared.join("log").exists());
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    assert_eq!(bed.moved(&program).await.0, 6077);
}

/// A filesystem of 64 KiB.
struct Full(PathBuf);

impl Full {
    fn mount(at: PathBuf) -> Self {
        fs::create_dir(&at).unwrap();
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount("tmpfs", &at, "tmpfs", flags, c"size=64k,mode=0755").unwrap();
        Self(at)
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH).unwrap();
    }
}
