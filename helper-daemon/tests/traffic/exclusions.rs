//! What the configuration does not want recorded.

use std::{fs, path::Path};

use portolan_bus::{Config1Proxy, QueryRow};
use portolan_testbed::DaemonOptions;

use crate::{
    bed::{Bed, run, sha256},
    configuration::{configured, drop_in},
    conservation::{assert_sums, balanced},
};

const BYTES: &str = "70707";

fn with(config: &str) -> DaemonOptions {
    DaemonOptions { config: config.to_owned(), ..DaemonOptions::default() }
}

fn is_of(row: &QueryRow, program: &Path) -> bool {
    row.keys.get("path").is_some_and(|path| Path::new(path) == program)
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_is_excluded_is_in_no_history_and_its_bytes_are_a_sum() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let (other, hashed) = (bed.programs.copy("other"), bed.programs.change("other"));
    assert_eq!(other, hashed);
    let kept = bed.programs.copy("kept");
    let excluded = bed.programs.copy("excluded");
    let digest = sha256(&hashed);
    for (line, program, address) in [
        (format!("applications = [\"{}\"]", excluded.display()), &excluded, server.tcp_v4()),
        ("applications = [\"*/excluded\"]".to_owned(), &excluded, server.tcp_v4()),
        (format!("executables = [\"{digest}\"]"), &hashed, server.tcp_v4()),
        ("networks = [\"::1\"]".to_owned(), &kept, server.tcp_v6()),
        ("networks = [{ network = \"::1\", side = \"local\" }]".to_owned(), &kept, server.tcp_v6()),
        ("between_local = true".to_owned(), &kept, server.tcp_v4()),
        (format!("ports = [{}]", server.tcp), &kept, server.tcp_v4()),
        ("domains = [\"*.localhost\"]".to_owned(), &kept, server.tcp_v4()),
        ("users = [0]".to_owned(), &kept, server.tcp_v4()),
    ] {
        let proxy = bed.proxy().await;
        let before = proxy.status().await.unwrap().attribution.excluded;
        let known = bed.moved(program).await;
        drop_in(&bed, "10-test.toml", &format!("[exclusions]\n{line}\n"));
        configured(&bed, line.split_once(' ').unwrap().0, |setting| !setting.is_default).await;
        run(program, &["tcp", &address, BYTES]);
        assert_eq!(bed.moved(program).await, known, "{line}");
        let status = balanced(&proxy).await;
        assert_sums(&status);
        assert!(status.attribution.excluded >= before + 70_707, "{line}: {:?}", status.attribution);
        fs::remove_file(bed.daemon.config_path().with_extension("d").join("10-test.toml")).unwrap();
        configured(&bed, line.split_once(' ').unwrap().0, |setting| setting.is_default).await;
        run(program, &["tcp", &address, "3"]);
        assert_eq!(bed.moved(program).await, (known.0 + 3, 0, known.2 + 1), "{line}");
    }
    let findings = bed.proxy().await.findings(true).await.unwrap();
    let told = findings.iter().find(|finding| finding.path.as_deref() == excluded.to_str());
    assert!(told.is_some(), "who it is is told all the same");
    assert!(bed.daemon.stop().unwrap().success());
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_finding_about_an_excluded_program_does_not_say_with_whom_it_talked_and_nothing_comes_back() {
    let mut bed = Bed::start_with(&with("[exclusions]\napplications = [\"*/excluded\"]\n"));
    let server = bed.programs.server();
    let excluded = bed.programs.copy("excluded");
    run(&excluded, &["tcp", &server.tcp_v4(), BYTES]);
    assert_eq!(bed.moved(&excluded).await, (0, 0, 0));
    let finding = bed.proxy().await.findings(true).await.unwrap();
    let finding = finding.iter().find(|finding| finding.path.as_deref() == excluded.to_str()).unwrap();
    assert_eq!(finding.remote, None);
    // Also not what a daemon that was killed left behind.
    run(&excluded, &["tcp", &server.tcp_v4(), BYTES]);
    bed.daemon.kill();
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    assert_eq!(bed.moved(&excluded).await, (0, 0, 0));
    assert_sums(&balanced(&bed.proxy().await).await);
}

/// The one row of a program, with all that is known of its other side.
async fn all_of(bed: &Bed, program: &Path) -> QueryRow {
    let mut all: Option<QueryRow> = None;
    for by in [["remote", "port", "range"], ["remote_port", "local_port", "domain"]] {
        let mut rows = bed.query_program(program, &by).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        let row = rows.remove(0);
        match &mut all {
            Some(all) => all.keys.extend(row.keys),
            None => all = Some(row),
        }
    }
    all.unwrap()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_is_not_to_be_recorded_is_in_no_row() {
    let bed = Bed::start_with(&with("[recording]\nports = false\naddresses = false\n"));
    let server = bed.programs.server();
    let program = bed.programs.copy("program");
    run(&program, &["tcp", &server.tcp_v4(), BYTES]);
    let row = all_of(&bed, &program).await;
    assert_eq!(row.tx_bytes, 70_707);
    for key in ["remote", "port", "service_port", "remote_port", "local_port", "range"] {
        assert!(!row.keys.contains_key(key), "{:?}", row.keys);
    }
    let finding = bed.proxy().await.findings(true).await.unwrap();
    let finding = finding.iter().find(|finding| finding.path.as_deref() == program.to_str()).unwrap();
    assert_eq!(finding.remote, None);

    drop_in(&bed, "a.toml", "[recording]\naddresses = true\ndomains = false\n");
    configured(&bed, "recording.addresses", |setting| setting.is_default).await;
    let program = bed.programs.copy("next");
    run(&program, &["tcp", &server.tcp_v4(), BYTES]);
    let row = all_of(&bed, &program).await;
    assert_eq!(row.keys.get("remote").map(String::as_str), Some("127.0.0.1"), "{:?}", row.keys);
    assert!(!row.keys.contains_key("domain") && !row.keys.contains_key("remote_port"), "{:?}", row.keys);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn command_lines_that_are_not_wanted_any_more_leave_the_journal() {
    let bed = Bed::start_with(&with("[recording]\nbucket = \"1 s\"\ntick = \"100 ms\"\n"));
    let server = bed.programs.server();
    let program = bed.programs.copy("program");
    let word = "a-word-of-an-argument";
    run(&program, &["tcp", &server.tcp_v4(), BYTES]);
    let mut command = std::process::Command::new(&program);
    std::os::unix::process::CommandExt::arg0(&mut command, word);
    command.args(["patient", &server.tcp_v4(), "5000"]);
    let mut running = portolan_testbed::Program::start_with_stdin("patient", command).unwrap();
    running
        .wait_for_line("its connection", crate::bed::PATIENCE, |line| (line == "connected").then_some(()))
        .unwrap();
    bed.query(&[]).await;
    let journal = bed.daemon.runtime_dir().join("journal");
    let holds = || fs::read(&journal).unwrap().windows(word.len()).any(|window| window == word.as_bytes());
    assert!(holds());
    drop_in(&bed, "a.toml", "[recording]\ncommand_lines = false\n");
    configured(&bed, "recording.command_lines", |setting| !setting.is_default).await;
    let until = std::time::Instant::now() + crate::bed::PATIENCE;
    while holds() {
        assert!(std::time::Instant::now() < until, "it is still there");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    running.close_stdin();
    running.ended(crate::bed::PATIENCE).unwrap();
    // What was recorded before stays.
    let rows = bed.query(&["executable", "command"]).await;
    let row = rows.iter().find(|row| is_of(row, &program) && row.tx_bytes == 5000).unwrap();
    assert_eq!(row.keys.get("command"), None);
}

/// Whoever shows the configuration.
pub(crate) async fn config(bed: &Bed) -> Config1Proxy<'static> {
    let connection = zbus::connection::Builder::address(bed.bus.address()).unwrap().build().await.unwrap();
    Config1Proxy::new(&connection).await.unwrap()
}
