//! What a person does not want to be known any more, while the daemon runs.

use std::{fs, time::Instant};

use portolan_bus::Archive1Proxy;

use crate::bed::{Bed, PATIENCE, run};

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_forgotten_application_is_new_again_when_it_talks_and_in_no_file_before() {
    let bed = Bed::start();
    let proxy = bed.proxy().await;
    let archive = Archive1Proxy::new(proxy.inner().connection()).await.unwrap();
    let server = bed.programs.server();
    let program = bed.programs.copy("unmentionable");
    let told = async || {
        let path = program.to_str().unwrap();
        let findings = proxy.findings(true).await.unwrap();
        let new = findings.iter().filter(|finding| finding.kind == "new-application");
        new.filter(|finding| finding.path.as_deref() == Some(path)).count()
    };
    let talk = async || {
        run(&program, &["tcp", &server.tcp_v4(), "1000"]);
        assert_eq!(bed.moved(&program).await.0, 1000);
        let until = Instant::now() + PATIENCE;
        while told().await == 0 {
            assert!(Instant::now() < until, "{}", bed.daemon.stderr());
        }
    };
    talk().await;
    archive.forget(&format!("app:{}", program.display())).await.unwrap();
    assert_eq!(told().await, 0);
    for entry in fs::read_dir(bed.daemon.history_path().parent().unwrap()).unwrap() {
        let content = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!content.windows(13).any(|bytes| bytes == b"unmentionable"));
    }
    talk().await;
    assert_eq!(told().await, 1);
}
