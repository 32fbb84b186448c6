use std::{fs, path::Path};

use portolan_bus::Severity;

use crate::{
    bed::{Bed, run, sha256},
    talk::Web,
};

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_new_program_is_told_once_and_its_changed_copy_again() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let proxy = bed.proxy().await;
    let program = bed.programs.copy("seen");
    let path = program.to_str().unwrap().to_owned();
    let first_hash = sha256(&program);
    let of_program = async || {
        bed.query(&[]).await; // everything counted is judged, unless its file is still being hashed
        let mut findings = proxy.findings(true).await.unwrap();
        // That its file was changed on disk may be told before it talks again, or not at all.
        findings.retain(|finding| finding.path.as_deref() == Some(&path) && finding.kind != "changed-file");
        findings
    };
    let told = async |count| {
        // Each query waits some seconds for the hashes, of which an emulated machine may need more.
        for _ in 0..10 {
            let findings = of_program().await;
            if findings.len() >= count {
                return findings;
            }
        }
        of_program().await
    };
    run(&program, &["tcp", &server.tcp_v4(), "10"]);
    run(&program, &["tcp", &server.tcp_v4(), "10"]);
    let findings = told(1).await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        (findings[0].kind.as_str(), findings[0].sha256.as_deref()),
        ("new-application", Some(first_hash.as_str()))
    );
    assert_eq!(findings[0].remote, Some(server.tcp_v4()));

    let application = findings[0].application.clone().unwrap();
    proxy.review(&application, "approved").await.unwrap();
    let known = proxy.applications().await.unwrap();
    assert!(known.iter().any(|known| known.application == application && known.review == "approved"));
    run(&program, &["tcp", &server.tcp_v4(), "10"]);
    assert_eq!(told(1).await.len(), 1);

    bed.programs.change("seen");
    run(&program, &["tcp", &server.tcp_v4(), "10"]);
    let findings = told(2).await;
    assert_eq!(findings.len(), 2, "{findings:?}");
    let changed = &findings[0];
    assert_eq!(changed.kind, "changed-executable");
    assert_eq!(changed.previous_sha256, Some(first_hash));
    assert_eq!(changed.sha256, Some(sha256(&program)));
    assert_eq!(changed.severity, Severity::Loud);

    proxy.snooze(changed.id, Some(i64::MAX)).await.unwrap();
    assert_eq!(of_program().await[0].snoozed_until_unix_ms, Some(i64::MAX));
    assert!(proxy.snooze(findings[1].id, None).await.is_err(), "it is answered");
    // A first daemon learns; what no package is known to list was told all the same.
    assert!(proxy.status().await.unwrap().learning_until_unix_ms.is_some());
    proxy.end_learning().await.unwrap();
    assert_eq!(proxy.status().await.unwrap().learning_until_unix_ms, None);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn while_portolan_learns_what_no_package_owns_is_loud_and_what_one_ships_is_learned() {
    let bed = Bed::start();
    let proxy = bed.proxy().await;
    let told_of = async |program: &Path| {
        let web = Web::serve(1000);
        run(program, &["-s", &web.address]);
        web.served.join().unwrap();
        bed.query(&[]).await;
        let findings = proxy.findings(true).await.unwrap();
        let of_it = findings.iter().filter(|finding| finding.path.as_deref() == program.to_str());
        of_it.map(|finding| (finding.kind.clone(), finding.severity)).collect::<Vec<_>>()
    };
    let packaged = fs::canonicalize("/usr/bin/curl").unwrap();
    let copies = ["first", "second"].map(|name| bed.programs.path(name));
    for copy in &copies {
        fs::copy(&packaged, copy).unwrap();
    }
    let told = |severity| vec![("new-application".to_owned(), severity)];
    assert_eq!(told_of(&packaged).await, [], "it is a member of the baseline");
    assert_eq!(told_of(&copies[0]).await, told(Severity::Loud));
    proxy.end_learning().await.unwrap();
    assert_eq!(told_of(&copies[1]).await, told(Severity::Normal));
}
