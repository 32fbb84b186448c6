//! What is told of programs that have talked, while they do not: their files on disk, and what is loaded into them.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use portolan_bus::{Daemon1Proxy, Finding, Severity};
use portolan_core::{ChangeKind, Evidence, ForeignCodeKind};

use rustix::process::Signal;

use crate::bed::{Bed, PATIENCE, run, sha256};

/// The findings of a kind about a path, once there is one.
async fn told(proxy: &Daemon1Proxy<'_>, kind: &str, path: &Path) -> Vec<Finding> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut findings = proxy.findings(true).await.unwrap();
        findings
            .retain(|finding| finding.kind == kind && finding.path.as_deref().map(Path::new) == Some(path));
        if !findings.is_empty() {
            return findings;
        }
        assert!(Instant::now() < deadline, "{:?}", proxy.findings(true).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn evidence(finding: &Finding) -> Evidence {
    Evidence::from_json(finding.evidence.as_deref().unwrap())
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn who_replaces_the_file_of_a_program_that_has_talked_is_told_at_once_with_what_started_it() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let proxy = bed.proxy().await;
    let (program, next) = (bed.programs.copy("talker"), bed.programs.copy("next"));
    let before = sha256(&program);
    fs::write(&next, [fs::read(&next).unwrap(), vec![0; 10]].concat()).unwrap();
    let after = sha256(&next);
    run(&program, &["tcp", &server.tcp_v4(), "10"]);
    told(&proxy, "new-application", &program).await;
    // Its marks are set a moment later; nobody talks any more from here on.
    let is_watched = async || proxy.status().await.unwrap().losses["files_not_watched"] == 0;
    assert!(is_watched().await);
    std::thread::sleep(Duration::from_millis(500));
    let script = format!("mv {} {}", next.display(), program.display());
    let status = Command::new("dash").args(["-c", &format!("{script}; true")]).status().unwrap();
    assert!(status.success());
    let findings = told(&proxy, "changed-file", &program).await;
    let finding = &findings[0];
    assert_eq!((finding.severity, finding.sha256.as_deref()), (Severity::Loud, Some(before.as_str())));
    let change = evidence(finding).change.unwrap();
    assert_eq!(change.kind, ChangeKind::Replaced);
    assert_eq!(change.sha256.map(|digest| digest.to_string()), Some(after));
    let names: Vec<&str> =
        change.by.iter().filter_map(|process| process.path.as_raw().rsplit('/').next()).take(2).collect();
    assert_eq!(names, ["mv", "dash"]);
    assert_eq!(change.by[0].sha256.map(|digest| digest.to_string()), Some(sha256(Path::new("/usr/bin/mv"))));
    assert_eq!(change.by[0].command_line.as_ref().map(|line| line.as_raw()), Some(script.as_str()));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_new_program_is_told_with_its_parents_to_the_root() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let proxy = bed.proxy().await;
    let program = bed.programs.copy("child");
    let script = format!("{} tcp {} 10; true", program.display(), server.tcp_v4());
    let status = Command::new("dash")
        .args(["-c", &script])
        .current_dir(program.parent().unwrap())
        .env("UNIMPORTANT", "1")
        .status()
        .unwrap();
    assert!(status.success());
    let findings = told(&proxy, "new-application", &program).await;
    let evidence = evidence(&findings[0]);
    let process = evidence.process.unwrap();
    assert_eq!(process.path.as_raw(), program.to_str().unwrap());
    assert_eq!(process.sha256.map(|digest| digest.to_string()), Some(sha256(&program)));
    assert_eq!(process.working_directory.unwrap().as_raw(), program.parent().unwrap().to_str().unwrap());
    assert!(process.command_line.unwrap().as_raw().ends_with(&format!("tcp {} 10", server.tcp_v4())));
    let first = &evidence.parents[0];
    assert!(first.path.as_raw().ends_with("/dash"), "{:?}", evidence.parents);
    // This test and who runs it, up to who has no parent that could be seen.
    let pids: Vec<u32> = evidence.parents.iter().map(|parent| parent.pid.0).collect();
    assert_eq!(
        pids[1..3],
        [std::process::id(), std::os::unix::process::parent_id()],
        "{:?}",
        evidence.parents
    );
    assert!(evidence.parents.iter().all(|parent| parent.started <= process.started));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_library_that_is_put_into_a_packaged_program_is_told_with_its_hash() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let proxy = bed.proxy().await;
    let (source, library) = (bed.programs.path("foreign.c"), bed.programs.path("foreign.so"));
    fs::write(&source, "int portolan_foreign_code;\n").unwrap();
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status().unwrap();
    assert!(built.success());
    let (host, port) = server.tcp_v4().rsplit_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    let perl = fs::canonicalize("/usr/bin/perl").unwrap();
    let talk = format!(
        "use IO::Socket::INET; my $s = IO::Socket::INET->new('{host}:{port}') or die; print $s 'x' x 700; $s->flush; sleep 4;"
    );
    let mut running = Command::new(&perl).args(["-e", &talk]).env("LD_PRELOAD", &library).spawn().unwrap();
    let findings = told(&proxy, "foreign-code", &perl).await;
    assert_eq!(findings[0].severity, Severity::Loud);
    let evidence = evidence(&findings[0]);
    let code = &evidence.foreign_code[0];
    assert_eq!((code.kind, code.path.as_raw()), (ForeignCodeKind::Preload, library.to_str().unwrap()));
    assert_eq!(code.sha256.map(|digest| digest.to_string()), Some(sha256(&library)));
    assert_eq!(evidence.process.unwrap().pid.0, running.id());
    running.wait().unwrap();
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_changed_file_that_was_approved_is_not_told_again_by_the_daemons_after_this_one() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let proxy = bed.proxy().await;
    let (program, gone) = (bed.programs.copy("talker"), bed.programs.copy("gone"));
    run(&program, &["tcp", &server.tcp_v4(), "10"]);
    run(&gone, &["tcp", &server.tcp_v4(), "10"]);
    told(&proxy, "new-application", &gone).await;
    let application = told(&proxy, "new-application", &program).await[0].application.clone().unwrap();
    proxy.review(&application, "approved").await.unwrap();
    // Its marks are set a moment later.
    std::thread::sleep(Duration::from_millis(500));
    bed.programs.change("talker");
    let changed = told(&proxy, "changed-file", &program).await;
    assert!(!evidence(&changed[0]).change.unwrap().by.is_empty());
    proxy.review(&application, "approved").await.unwrap();
    bed.query(&[]).await;
    let is_of = |finding: &Finding| {
        finding.path.as_deref().map(Path::new).is_some_and(|path| path == program || path == gone)
    };
    let findings = async |bed: &Bed| {
        let findings = bed.proxy().await.findings(true).await.unwrap().into_iter().filter(is_of);
        findings.map(|it| (it.id, it.kind, it.state, it.times, it.evidence)).collect::<Vec<_>>()
    };
    let before = findings(&bed).await;
    for is_handed_over in [true, false] {
        if is_handed_over {
            bed.daemon.program().signal(Signal::USR1);
            assert!(bed.daemon.program().ended(PATIENCE).unwrap().success(), "{}", bed.daemon.stderr());
            fs::remove_file(&gone).unwrap();
        } else {
            bed.daemon.kill();
        }
        bed.daemon.start_again(None).unwrap();
        bed.wait_until_ready();
        // What was done meanwhile is looked at at once, and what is gone might come back within two seconds.
        let marker = bed.programs.copy(if is_handed_over { "first" } else { "second" });
        run(&marker, &["tcp", &server.tcp_v4(), "10"]);
        told(&bed.proxy().await, "new-application", &marker).await;
        std::thread::sleep(Duration::from_secs(4));
        run(&program, &["tcp", &server.tcp_v4(), "10"]);
        bed.query(&[]).await;
        assert_eq!(findings(&bed).await, before);
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn half_of_what_somebody_writes_is_told_as_little_as_what_it_was_before() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let proxy = bed.proxy().await;
    let next = fs::read(bed.programs.copy("next")).unwrap();
    for renames in [false, true] {
        let program = bed.programs.copy(if renames { "renamed" } else { "kept" });
        run(&program, &["tcp", &server.tcp_v4(), "10"]);
        told(&proxy, "new-application", &program).await;
        // Its marks are set a moment later.
        std::thread::sleep(Duration::from_millis(500));
        let before = sha256(&program);
        // As tar does: another file in its place, which becomes longer, and gets its mode meanwhile.
        let temporary = program.with_extension("temporary");
        let begun = if renames { &temporary } else { &program };
        fs::remove_file(&program).unwrap();
        let mut file = fs::File::create_new(begun).unwrap();
        for part in next.chunks(next.len() / 6 + 1) {
            file.write_all(part).unwrap();
            file.set_permissions(fs::Permissions::from_mode(0o755)).unwrap();
            std::thread::sleep(Duration::from_millis(500));
            if renames && begun == &temporary {
                let _ = fs::rename(&temporary, &program);
            }
        }
        file.write_all(b"its end").unwrap();
        drop(file);
        let findings = told(&proxy, "changed-file", &program).await;
        assert_eq!((findings.len(), findings[0].times), (1, 1), "{findings:#?}");
        assert_eq!(findings[0].sha256.as_deref(), Some(before.as_str()));
        let change = evidence(&findings[0]).change.unwrap();
        assert_eq!(change.sha256.map(|digest| digest.to_string()), Some(sha256(&program)));
        assert_eq!(change.by[0].pid.0, std::process::id());
    }
}
