use std::process::Command;

use portolan_history::{Limits, Question, Reader};
use portolan_testbed::{Daemon, DaemonOptions, Folder};

use crate::bed::{Bed, PATIENCE, run};

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn sigterm_writes_everything_and_the_next_daemon_goes_on() {
    let folder = Folder::for_everybody().unwrap();
    let state_dir = folder.make_dir("state", 0o700).unwrap();
    let options = DaemonOptions { state_dir: Some(state_dir.clone()), ..DaemonOptions::default() };
    let mut bed = Bed::start_with(&options);
    let server = bed.programs.server();
    let program = bed.programs.copy("before");
    run(&program, &["tcp", &server.tcp_v4(), "77777"]);
    assert!(bed.daemon.stop().unwrap().success(), "{}", bed.daemon.stderr());
    let reader = Reader::open(&state_dir.join("history.sqlite")).unwrap();
    let total = reader.answer(&Question::default(), &Limits::default()).unwrap().total;
    assert_eq!(
        (total.bytes.tx, total.bytes.rx),
        (77_777, 77_777),
        "sent by the client, received by the server"
    );

    bed.daemon = Daemon::start_with(&bed.bus, &options).unwrap();
    run(&program, &["tcp", &server.tcp_v4(), "23"]);
    assert_eq!(bed.moved(&program).await, (77_800, 0, 2));
    let findings = bed.proxy().await.findings(true).await.unwrap();
    let told = findings.iter().filter(|finding| finding.path.as_deref() == program.to_str()).count();
    assert_eq!(told, 1, "what was told before the restart is not told again");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn nothing_of_it_stays_in_the_kernel_and_its_self_test_passed() {
    let mut bed = Bed::start();
    let proxy = bed.proxy().await;
    let status = loop {
        let status = proxy.status().await.unwrap();
        if status.self_test.checked_unix_ms.is_some() {
            break status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(status.self_test.state, portolan_bus::SelfTestState::Passed, "{}", status.self_test.detail);
    // Since Linux 6.10; nothing stands in for it (decision 9).
    let types = std::fs::read("/sys/kernel/btf/vmlinux").unwrap();
    let name = b"btf_trace_sched_prepare_exec";
    let has_it = types.windows(name.len()).any(|window| window == name);
    let is_there = |hook: &str| has_it || hook != "tp_btf/sched_prepare_exec";
    assert!(status.hooks.iter().all(|hook| hook.active == is_there(&hook.name)), "{:?}", status.hooks);
    let path = std::fs::read_link(format!("/proc/{}/exe", bed.daemon.pid())).unwrap();
    assert_eq!(bed.moved(&path).await, (0, 0, 0), "the self-test is nobody's traffic");
    let loaded = programs_of(bed.daemon.pid());
    assert!(loaded.len() >= 14, "{loaded:?}");
    bed.daemon.stop().unwrap();
    // Links are freed by a kernel worker shortly after their last descriptor is closed.
    let gone = std::time::Instant::now() + PATIENCE;
    while loaded.iter().any(|id| is_loaded(id)) {
        assert!(std::time::Instant::now() < gone, "the kernel programs are still loaded");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// The ids of the kernel programs that a process holds.
fn programs_of(pid: u32) -> Vec<String> {
    std::fs::read_dir(format!("/proc/{pid}/fdinfo"))
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .filter_map(|text| {
            text.lines().find_map(|line| Some(line.strip_prefix("prog_id:")?.trim().to_owned()))
        })
        .collect()
}

fn is_loaded(id: &str) -> bool {
    Command::new("bpftool").args(["prog", "show", "id", id]).output().unwrap().status.success()
}
