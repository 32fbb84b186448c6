//! The real apt on packages made here: whose their programs are while they are installed, upgraded, downgraded and removed, and what
//! is told of that.

mod archive;

use std::{collections::BTreeSet, path::Path, process::Command, time::Instant};

use portolan_bus::{Finding, Severity};
use portolan_core::{ChangeKind, Evidence, Member};
use portolan_testbed::Program;

use crate::bed::{Bed, PATIENCE, Server, run};
use archive::{Archive, succeed};

/// All findings, once one of them is as wanted.
async fn told(bed: &Bed, what: &str, wanted: impl Fn(&Finding) -> bool) -> Finding {
    let (proxy, begun) = (bed.proxy().await, Instant::now());
    loop {
        let findings = proxy.findings(true).await.unwrap();
        if let Some(finding) = findings.iter().find(|finding| wanted(finding)) {
            return finding.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{what} is not told: {findings:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn evidence(finding: &Finding) -> Evidence {
    Evidence::from_json(finding.evidence.as_deref().unwrap())
}

/// What nobody wants to hear of.
async fn assert_nothing_is_loud(bed: &Bed, archive: &Archive<'_>) {
    let mut findings = bed.proxy().await.findings(true).await.unwrap();
    let is_about_it = |finding: &Finding| {
        let about = [&finding.application, &finding.path].map(|it| it.as_deref().unwrap_or_default());
        about.iter().any(|about| about.contains(&archive.package) || about.contains("/var/lib/dpkg/"))
    };
    findings.retain(|finding| finding.severity == Severity::Loud && is_about_it(finding));
    assert!(findings.is_empty(), "{findings:#?}");
}

/// Package, program and hash of all that has talked as an application of this name.
async fn talked(bed: &Bed, application: &str) -> BTreeSet<[String; 4]> {
    let rows = bed.query(&["application", "executable", "parent"]).await;
    let rows = rows.iter().filter(|row| row.keys.get("application").is_some_and(|it| it == application));
    rows.map(|row| ["package", "path", "sha256", "parent_path"].map(|key| row.keys[key].clone())).collect()
}

fn steady(archive: &Archive, server: &Server) -> Program {
    let mut command = Command::new(archive.program());
    command.args(["steady", &server.tcp_v4()]);
    Program::start_with_stdin("a program of the package", command).unwrap()
}

#[tokio::test]
#[ignore = "needs root, eBPF, a private bus and apt"]
async fn what_apt_does_to_a_program_that_talks_is_quiet_and_says_who_did_it() {
    let bed = Bed::start();
    let server = bed.programs.server();
    bed.proxy().await.end_learning().await.unwrap();
    let mut archive = Archive::new(&bed, "program");
    for version in ["1.0", "2.0", "3.0"] {
        archive.add(version, &[]);
    }
    let program = archive.program();
    let application = format!("deb:{}:{}", archive.package, program.display());
    let talk = async || {
        run(&program, &["tcp", &server.tcp_v4(), "10"]);
        bed.query(&[]).await;
    };
    archive.install("1.0");
    talk().await;
    let _running = steady(&archive, &server);
    for (before, version) in [("1.0", "2.0"), ("2.0", "1.0"), ("1.0", "3.0")] {
        archive.install(version);
        let upgraded = told(&bed, "an upgrade", |finding| {
            let is_it = |member: &Member| {
                member.application.as_untrusted().as_raw() == application
                    && member.before.is_some_and(|hash| hash.to_string() == archive.sha256(before))
                    && member.after.is_some_and(|hash| hash.to_string() == archive.sha256(version))
            };
            finding.kind == "upgraded" && evidence(finding).members.iter().any(is_it)
        });
        let upgraded = upgraded.await;
        let Evidence { process, parents, .. } = evidence(&upgraded);
        assert_eq!(upgraded.severity, Severity::Quiet);
        assert_eq!(process.unwrap().path.as_raw(), "/usr/bin/dpkg");
        assert_eq!(parents[0].path.as_raw(), "/usr/bin/apt-get");
        talk().await;
        archive.get(&["install", "--reinstall", &format!("{}={version}", archive.package)]);
        talk().await;
    }
    let findings = bed.proxy().await.findings(true).await.unwrap();
    assert_eq!(findings.iter().filter(|finding| finding.kind == "upgraded").count(), 1, "{findings:#?}");
    archive.get(&["remove", &archive.package]);
    let path = program.to_str().unwrap();
    let removed = told(&bed, "the removal", |finding| {
        finding.kind == "changed-file" && finding.path.as_deref() == Some(path)
    });
    let removed = removed.await;
    let change = evidence(&removed).change.unwrap();
    assert_eq!((removed.severity, change.kind), (Severity::Quiet, ChangeKind::Removed));
    let who: Vec<&str> = change.by.iter().map(|process| process.path.as_raw()).take(2).collect();
    assert_eq!(who, ["/usr/bin/dpkg", "/usr/bin/apt-get"]);
    assert!(change.by[1].command_line.as_ref().unwrap().as_raw().contains(" remove "), "{change:?}");

    let this = std::env::current_exe().unwrap();
    let expected = ["1.0", "2.0", "3.0"].map(|version| {
        let package = format!("deb {} {version}", archive.package);
        [package, path.to_owned(), archive.sha256(version), this.to_str().unwrap().to_owned()]
    });
    assert_eq!(talked(&bed, &application).await, BTreeSet::from(expected));
    assert_nothing_is_loud(&bed, &archive).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF, a private bus and apt"]
async fn what_a_package_runs_diverts_and_offers_is_named_and_quiet() {
    let bed = Bed::start();
    let server = bed.programs.server();
    bed.proxy().await.end_learning().await.unwrap();
    let mut archive = Archive::new(&bed, "scripts");
    let (program, link) = (archive.program(), archive.folder().join("offered"));
    let (talker, offered) = (program.display(), link.display());
    for version in ["1.0", "2.0"] {
        let talks = |name: &str, more: &str| {
            format!(
                "#!/bin/bash\n# {name} {version}\nset -e\n{more}\nexec 3<>/dev/tcp/127.0.0.1/{}\n\
                 printf '%0100d' 0 >&3\n",
                server.tcp
            )
        };
        let offers = format!("update-alternatives --install {offered} {} {talker} 1", archive.package);
        let withdraws =
            format!("[ $1 != remove ] || update-alternatives --remove {} {talker}", archive.package);
        let scripts = [("preinst", ""), ("postinst", &offers), ("prerm", &withdraws), ("postrm", "")];
        let scripts = scripts.map(|(name, more)| (Path::new("/DEBIAN").join(name), talks(name, more)));
        let settings = archive.folder().join("settings");
        let (settings_text, listed) = (talks("settings", ""), format!("{}\n", settings.display()));
        let mut files: Vec<(&Path, &str)> =
            scripts.iter().map(|(path, text)| (path.as_path(), text.as_str())).collect();
        files.extend([
            (settings.as_path(), settings_text.as_str()),
            (Path::new("/DEBIAN/conffiles"), &listed),
        ]);
        archive.add(version, &files);
        archive.install(version);
        // What is offered is a link to a link to the program.
        run(&link, &["tcp", &server.tcp_v4(), "10"]);
        run(&settings, &[]);
        bed.query(&[]).await;
    }
    let diverted = archive.folder().join("diverted");
    let divert = |action: &str| {
        let mut command = Command::new("dpkg-divert");
        succeed(
            command
                .args(["--quiet", "--local", "--rename", "--divert"])
                .arg(&diverted)
                .arg(action)
                .arg(&program),
        );
    };
    divert("--add");
    run(&diverted, &["tcp", &server.tcp_v4(), "10"]);
    bed.query(&[]).await;
    divert("--remove");
    archive.get(&["remove", &archive.package]);
    archive.get(&["purge", &archive.package]);

    let talked_of = async |name: &str| {
        let all = talked(&bed, name).await;
        all.into_iter().map(|[package, _, sha256, parent]| [package, sha256, parent]).collect::<Vec<_>>()
    };
    let versions = |versions: &[&str]| -> Vec<[String; 3]> {
        let this = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
        let of = |version: &&str| {
            [format!("deb {} {version}", archive.package), archive.sha256(version), this.clone()]
        };
        versions.iter().map(of).collect()
    };
    let key = |path: &Path| format!("deb:{}:{}", archive.package, path.display());
    assert_eq!(talked_of(&key(&program)).await, versions(&["1.0", "2.0"]));
    assert_eq!(talked_of(&key(&diverted)).await, versions(&["2.0"]));
    let settings = talked_of(&key(&archive.folder().join("settings"))).await;
    assert!(!settings.is_empty());
    for name in ["postinst", "prerm", "postrm"] {
        let name = format!("script:/usr/bin/bash:/var/lib/dpkg/info/{}.{name}", archive.package);
        let rows = talked_of(&name).await;
        let [[_, _, parent]] = rows.as_slice() else { panic!("{name}: {rows:?}") };
        assert_eq!(parent, "/usr/bin/dpkg");
    }
    // That of each package is there, one after the other.
    let name = "script:/usr/bin/bash:/var/lib/dpkg/tmp.ci/preinst";
    assert_eq!(talked_of(name).await.len(), 1);
    let findings = bed.proxy().await.findings(true).await.unwrap();
    let is_it = |finding: &&Finding| finding.application.as_deref() == Some(name);
    let told = findings.iter().filter(is_it).map(|finding| (finding.kind.as_str(), finding.severity));
    let expected = [("changed-executable", Severity::Normal), ("new-application", Severity::Normal)];
    assert_eq!(told.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    assert_nothing_is_loud(&bed, &archive).await;
}
