//! Programs that nobody can identify: their bytes have no name, but somebody is told of them.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use portolan_bus::{Daemon1Proxy, Finding, FindingState, Severity};
use portolan_core::Evidence;

use crate::bed::{Bed, run};

/// What is told of them, the newest first.
async fn told(bed: &Bed, proxy: &Daemon1Proxy<'_>) -> Vec<(Finding, Evidence)> {
    bed.query(&[]).await; // everything counted is judged
    let mut findings = proxy.findings(true).await.unwrap();
    findings.retain(|finding| finding.kind == "unidentified");
    let evidence = |finding: &Finding| Evidence::from_json(finding.evidence.as_deref().unwrap());
    findings.into_iter().map(|finding| (finding.clone(), evidence(&finding))).collect()
}

/// A program that takes long to read.
fn large(bed: &Bed, name: &str) -> PathBuf {
    let program = bed.programs.copy(name);
    File::options().write(true).open(&program).unwrap().set_len(256 << 20).unwrap();
    fs::metadata(&program).unwrap();
    program
}

/// Runs a program to its end and touches its file before it can have been read.
fn run_and_touch(program: &Path, arguments: &[&str]) {
    run(program, arguments);
    let mode = fs::metadata(program).unwrap().permissions().mode();
    fs::set_permissions(program, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn who_cannot_be_identified_is_told_once_for_each_reason_with_what_is_known() {
    let bed = Bed::start();
    let proxy = bed.proxy().await;
    let server = bed.programs.server();
    let talk = ["tcp", &server.tcp_v4(), "100"];
    let touched = large(&bed, "touched");
    for _ in 0..3 {
        run_and_touch(&touched, &talk);
    }
    let found = told(&bed, &proxy).await;
    let [(changed, evidence)] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((changed.severity, changed.state), (Severity::Loud, FindingState::Open));
    assert_eq!((changed.path.as_deref(), changed.uid, changed.times), (touched.to_str(), Some(0), 1));
    assert!(changed.detail.as_ref().unwrap().contains("was changed"), "{changed:?}");
    let process = evidence.process.as_ref().unwrap();
    assert_eq!((Some(process.path.as_raw()), process.sha256), (touched.to_str(), None));
    assert!(process.command_line.as_ref().unwrap().as_raw().ends_with(" 100"), "{process:?}");
    assert_eq!(changed.parent_path.as_deref(), evidence.parents.first().map(|parent| parent.path.as_raw()));
    assert!(changed.parent_path.is_some());

    // Below more folders than a path can name.
    let folder = bed.programs.path("deep");
    fs::create_dir(&folder).unwrap();
    let code = "import os, shutil, sys\n\
                os.chdir(sys.argv[1])\n\
                for _ in range(25):\n os.mkdir('x' * 200)\n os.chdir('x' * 200)\n\
                shutil.copy(sys.argv[2], 'nameless')\n\
                sys.exit(os.spawnv(os.P_WAIT, './nameless', ['nameless', 'tcp', sys.argv[3], '100']))";
    let program = bed.programs.copy("program");
    let words = ["-c", code, folder.to_str().unwrap(), program.to_str().unwrap(), &server.tcp_v4()];
    run(Path::new("/usr/bin/python3"), &words);
    let found = told(&bed, &proxy).await;
    let [(deep, evidence), (before, _)] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(before, changed);
    assert_eq!(deep.path.as_deref(), Some("./nameless"), "{deep:#?}");
    assert!(deep.detail.as_ref().unwrap().contains("4095 bytes"), "{deep:?}");
    assert!(evidence.parents[0].path.as_raw().contains("python3"), "{:?}", evidence.parents);

    // Another one may have the same name.
    proxy.dismiss(deep.id).await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    run(Path::new("/usr/bin/python3"), &words);
    let found = told(&bed, &proxy).await;
    let again = found.iter().find(|(finding, _)| finding.id == deep.id).unwrap();
    assert_eq!((again.0.state, again.0.times), (FindingState::Open, 2), "{again:#?}");

    // Who was answered asks again only when another one comes.
    proxy.dismiss(changed.id).await.unwrap();
    run_and_touch(&touched, &talk);
    let state = async || {
        let found = told(&bed, &proxy).await;
        found.into_iter().find(|(finding, _)| finding.id == changed.id).map(|(finding, _)| finding.state)
    };
    assert_eq!(state().await, Some(FindingState::Ignored));
    run_and_touch(&large(&bed, "another"), &talk);
    assert_eq!(state().await, Some(FindingState::Open));
}
