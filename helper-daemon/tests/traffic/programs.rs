use portolan_testbed::Program;

use crate::bed::{Bed, PATIENCE, run, sha256};

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_thousand_programs_that_live_a_millisecond_are_all_named_hashed_and_have_their_parent() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let (parent, child) = (bed.programs.copy("parent"), bed.programs.copy("child"));
    let child_path = child.to_str().unwrap();
    run(&parent, &["spawn", "1000", child_path, "tcp", &server.tcp_v4(), "1024"]);
    let rows = bed.query(&["executable", "parent"]).await;
    let row = rows.iter().find(|row| row.keys.get("path").is_some_and(|path| path == child_path)).unwrap();
    assert_eq!((row.tx_bytes, row.flows), (1_024_000, 1000));
    assert_eq!(row.keys["sha256"], sha256(&child));
    assert_eq!(row.keys["parent_path"], parent.to_str().unwrap());
    let status = bed.proxy().await.status().await.unwrap();
    assert_eq!(status.attribution.unattributed.values().sum::<u64>(), 0);
    assert!(status.losses.values().all(|count| *count == 0), "{:?}", status.losses);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_program_whose_file_is_deleted_is_named_and_hashed() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("deleted");
    let hash = sha256(&program);
    let mut command = std::process::Command::new(&program);
    command.args(["patient", &server.tcp_v4(), "5000"]);
    let mut running = Program::start_with_stdin("deleted", command).unwrap();
    std::fs::remove_file(&program).unwrap();
    running.wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(())).unwrap();
    // While it runs, nobody can have written to the file; afterwards the removal hides whether somebody has.
    bed.query(&[]).await;
    running.close_stdin();
    assert!(running.ended(PATIENCE).unwrap().success());
    let rows = bed.query(&["executable"]).await;
    let row =
        rows.iter().find(|row| row.keys.get("path").is_some_and(|path| path == program.to_str().unwrap()));
    let row = row.unwrap();
    assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (hash.as_str(), 5000));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_is_attributed_and_what_is_not_add_up_to_all() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("some");
    for bytes in ["1", "100000", "4096"] {
        run(&program, &["tcp", &server.tcp_v4(), bytes]);
    }
    let rows = bed.query(&[]).await;
    let status = bed.proxy().await.status().await.unwrap();
    let attribution = status.attribution;
    let parts = attribution.attributed + attribution.kernel + attribution.unattributed.values().sum::<u64>();
    assert_eq!(attribution.total, parts);
    assert_eq!(rows[0].tx_bytes + rows[0].rx_bytes, attribution.total, "the history holds what was counted");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn programs_that_others_turn_into_are_named_and_have_who_forked_them_as_parent() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("turned");
    // Two programs before it in the same process, and a shell that is gone before the last one begins.
    let command = format!(
        "i=0; while [ $i -lt 300 ]; do (exec env -u X env -u X {} tcp {} 10 >&2 &); i=$((i+1)); done",
        program.display(),
        server.tcp_v4()
    );
    let output = std::process::Command::new("dash").args(["-c", &command]).output().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stderr).unwrap();
    assert_eq!(lines.lines().filter(|line| *line == "tx=10 rx=0").count(), 300, "{lines}");
    let rows = bed.query(&["executable", "parent"]).await;
    let of_it: Vec<_> = rows
        .iter()
        .filter(|row| row.keys.get("path").is_some_and(|path| path == program.to_str().unwrap()))
        .collect();
    assert_eq!(of_it.len(), 1, "{of_it:?}");
    assert_eq!((of_it[0].tx_bytes, of_it[0].flows), (3000, 300));
    assert!(of_it[0].keys["parent_path"].ends_with("/dash"), "{of_it:?}");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_program_whose_file_is_replaced_while_it_runs_is_named_after_its_end_too() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let mut expected = Vec::new();
    for turn in 0..10 {
        let program = bed.programs.copy(&format!("replaced-{turn}"));
        let hash = sha256(&program);
        let mut command = std::process::Command::new(&program);
        command.args(["patient", &server.tcp_v4(), "5000"]);
        let mut running = Program::start_with_stdin("replaced", command).unwrap();
        running
            .wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(()))
            .unwrap();
        // As an upgrade does; nobody has asked for its bytes yet.
        bed.programs.change(&format!("replaced-{turn}"));
        // Within the same tick of the file's stamps, a change after the end could not be told from this one.
        std::thread::sleep(std::time::Duration::from_millis(20));
        running.close_stdin();
        assert!(running.ended(PATIENCE).unwrap().success());
        expected.push((program.to_str().unwrap().to_owned(), hash));
    }
    let rows = bed.query(&["executable"]).await;
    for (path, hash) in expected {
        let row = rows.iter().find(|row| row.keys.get("path") == Some(&path));
        assert_eq!(row.map(|row| (row.keys["sha256"].as_str(), row.tx_bytes)), Some((hash.as_str(), 5000)));
    }
}
