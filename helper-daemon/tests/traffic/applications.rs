//! Real programs, as the rules of docs/identity.md name them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use portolan_core::{PackageManager, Provenance};
use portolan_testbed::{Program, find_program};

use crate::{
    bed::{Bed, PATIENCE, run, settle, sha256},
    talk::{Expected, Web, evidence_about, talk, talk_with},
};

/// The file behind a program's name. What tests need is in `xtask/src/packages.rs`.
fn real(program: &str) -> PathBuf {
    let found = find_program(program).unwrap_or_else(|| panic!("{program} is not installed"));
    fs::canonicalize(found).unwrap()
}

/// Python of the distribution, and not what somebody has put before it in PATH.
fn python() -> PathBuf {
    fs::canonicalize("/usr/bin/python3").unwrap()
}

fn executable(path: &Path) {
    assert!(Command::new("chmod").arg("+x").arg(path).status().unwrap().success());
}

/// A script of a language which writes so many bytes.
struct Scripts<'a>(&'a Bed);

impl Scripts<'_> {
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.programs.path(name);
        fs::write(&path, text).unwrap();
        executable(&path);
        settle(&path);
        path
    }

    fn python(&self, name: &str, bytes: u64) -> PathBuf {
        self.write(name, &format!("#!/usr/bin/python3\nprint('x' * {bytes}, end='')\n"))
    }

    fn shell(&self, name: &str, shell: &str, bytes: u64) -> PathBuf {
        self.write(name, &format!("#!{shell}\nprintf '%0{bytes}d' 0\n"))
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_script_of_python_is_named_with_its_interpreter_however_it_is_started() {
    let bed = Bed::start();
    let (server, scripts, python) = (bed.programs.server(), Scripts(&bed), python());
    let folder = bed.programs.path("x").parent().unwrap().to_owned();
    let mut expected = Expected::default();
    let key = |what: &str| format!("script:/usr/bin/python3:{what}");
    let start = |arguments: &[&str]| {
        let mut command = Command::new("/usr/bin/python3");
        talk(&server, command.args(arguments).current_dir(&folder));
    };

    let script = scripts.python("talk er.py", 500);
    talk(&server, &mut Command::new(&script));
    start(&[script.to_str().unwrap()]);
    start(&["-B", "-u", "talk er.py", "argument"]);
    start(&["./talk er.py"]);
    let link = bed.programs.path("snake");
    symlink(&python, &link).unwrap();
    talk(&server, Command::new(&link).arg(&script));
    expected.add(&key(script.to_str().unwrap()), &python, Some(&script), 2500);

    scripts.python("talking.py", 11);
    start(&["-m", "talking"]);
    expected.add(&key("-m talking"), &python, None, 11);
    start(&["-c", "print('x' * 12, end='')"]);
    expected.add(&key("-c"), &python, None, 12);
    talk_with(&server, Command::new("/usr/bin/python3").arg("-"), "print('x' * 13, end='')");
    talk_with(&server, &mut Command::new("/usr/bin/python3"), "print('x' * 14, end='')");
    expected.add(&key("-"), &python, None, 27);
    // A copy under another name is a program like any other.
    let copy = bed.programs.path("serpent");
    fs::copy(&python, &copy).unwrap();
    talk(&server, Command::new(&copy).arg(scripts.python("other.py", 15)));
    expected.add(&format!("path:{}", copy.display()), &copy, None, 15);
    expected.check(&bed).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_variable_that_loads_other_code_is_part_of_the_key() {
    let bed = Bed::start();
    let (server, python) = (bed.programs.server(), python());
    let mut expected = Expected::default();
    let script = Scripts(&bed).python("hidden.py", 14);
    for (script, bytes) in [(script.as_path(), 14), (Path::new("/usr/bin/py3compile"), 0)] {
        let start = || Command::new("/usr/bin/python3");
        let options: &[&str] = if bytes == 0 { &["--help"] } else { &[] };
        let bytes = start().arg(script).args(options).output().unwrap().stdout.len();
        talk(&server, start().arg(script).args(options).env("PYTHONPATH", "/tmp/modules"));
        let key = format!("script:/usr/bin/python3:PYTHONPATH=/tmp/modules {}", script.display());
        expected.add(&key, &python, Some(script), u64::try_from(bytes).unwrap());
    }
    expected.check(&bed).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_an_interpreter_runs_is_named_with_it() {
    let bed = Bed::start();
    let (server, scripts) = (bed.programs.server(), Scripts(&bed));
    let mut expected = Expected::default();
    for (name, text, bytes) in [
        ("perl", "print 'x' x 21;", 21),
        ("ruby", "print 'x' * 22", 22),
        ("node", "process.stdout.write('x'.repeat(23))", 23),
        ("bash", "printf '%024d' 0", 24),
        ("dash", "printf '%025d' 0", 25),
    ] {
        let (interpreter, script) = (real(name), scripts.write(&format!("of-{name}"), text));
        talk(&server, Command::new(name).arg(&script));
        let without_version = interpreter.with_file_name(name);
        let key = format!("script:{}:{}", without_version.display(), script.display());
        expected.add(&key, &interpreter, Some(&script), bytes);
    }
    let (node, hook) = (real("node"), scripts.write("hook.js", "// loaded first"));
    let script = scripts.write("hooked.js", "process.stdout.write('x'.repeat(31))");
    let arguments = ["-r", hook.to_str().unwrap(), script.to_str().unwrap()];
    talk(&server, Command::new("node").args(arguments));
    let key = format!("script:{}:-r={} {}", node.display(), hook.display(), script.display());
    expected.add(&key, &node, Some(&script), 31);
    let bash = real("bash");
    talk(&server, Command::new("bash").args(["-c", "printf '%032d' 0"]));
    expected.add(&format!("script:{}:-c", bash.display()), &bash, None, 32);
    talk_with(&server, Command::new("bash").args(["-s", "x"]), "printf '%033d' 0");
    expected.add(&format!("script:{}:-", bash.display()), &bash, None, 33);
    let (host, port) = server.tcp_v4().split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let script = scripts.write("net.sh", &format!("#!/bin/bash\nprintf '%034d' 0 >/dev/tcp/{host}/{port}\n"));
    run(&script, &[]);
    expected.add(&format!("script:{}:{}", bash.display(), script.display()), &bash, Some(&script), 34);
    expected.check(&bed).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn programs_of_many_names_and_those_that_run_others_are_named_by_what_they_run() {
    let bed = Bed::start();
    let (server, scripts, busybox) = (bed.programs.server(), Scripts(&bed), real("busybox"));
    let mut expected = Expected::default();
    let (host, port) = server.tcp_v4().split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let link = bed.programs.path("nc");
    symlink(&busybox, &link).unwrap();
    let send = |command: &mut Command| talk_with(&server, command.args([&host, &port]), "xxxxxxxxxx");
    send(&mut Command::new(&link));
    send(Command::new("busybox").arg("nc"));
    expected.add(&format!("script:{}:nc", busybox.display()), &busybox, None, 20);
    let web = Web::serve(5000);
    run(&busybox, &["wget", "-q", "-O", "/dev/null", &web.address]);
    let asked = web.served.join().unwrap();
    expected.add(&format!("script:{}:wget", busybox.display()), &busybox, None, asked);
    let script = scripts.shell("x.sh", "/bin/sh", 41);
    talk(&server, Command::new("busybox").arg("sh").arg(&script));
    let key = format!("script:{}:run=sh {}", busybox.display(), script.display());
    expected.add(&key, &busybox, Some(&script), 41);

    let loader = fs::canonicalize("/lib64/ld-linux-x86-64.so.2").unwrap();
    let program = bed.programs.copy("loaded");
    run(&loader, &[program.to_str().unwrap(), "tcp", &server.tcp_v4(), "42"]);
    let key = format!("script:{}:{}", loader.display(), program.display());
    expected.add(&key, &loader, Some(&program), 42);
    let script = scripts.python("below.py", 43);
    talk(&server, Command::new(&loader).arg("/usr/bin/python3").arg(&script));
    let key = format!("script:{}:run=/usr/bin/python3 {}", loader.display(), script.display());
    expected.add(&key, &loader, Some(&script), 43);
    let packaged = fs::canonicalize("/usr/bin/head").unwrap();
    talk(&server, Command::new(&loader).arg(&packaged).args(["-c", "44", "/dev/zero"]));
    let key = format!("deb:coreutils:{}", packaged.display());
    expected.add(&key, &loader, Some(&packaged), 44);
    expected.check(&bed).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_packaged_script_is_its_package_s_when_its_interpreter_is_packaged_too() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let mut expected = Expected::default();
    let told = |command: &mut Command| u64::try_from(command.output().unwrap().stdout.len()).unwrap();
    let shasum = Path::new("/usr/bin/shasum");
    let (perl, python) = (real("perl"), python());
    talk(&server, Command::new(shasum).arg("--version"));
    let bytes = told(Command::new(shasum).arg("--version"));
    expected.add("deb:perl:/usr/bin/shasum", &perl, Some(shasum), bytes);
    let compile = Path::new("/usr/bin/py3compile");
    let bytes = told(Command::new(compile).arg("--help"));
    talk(&server, Command::new(compile).arg("--help"));
    expected.add("deb:python3-minimal:/usr/bin/py3compile", &python, Some(compile), bytes);
    // Any program can be called python3.
    let called = bed.programs.path("python3");
    fs::copy(&python, &called).unwrap();
    talk(&server, Command::new(&called).arg(compile).arg("--help"));
    let key = format!("script:{}:{}", called.display(), compile.display());
    expected.add(&key, &called, Some(compile), bytes);
    expected.check(&bed).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_packaged_program_is_its_package_s_and_a_copy_is_not() {
    let bed = Bed::start();
    let proxy = bed.proxy().await;
    proxy.end_learning().await.unwrap();
    let mut expected = Expected::default();
    for (name, options) in [("curl", &["-s"][..]), ("wget", &["-q", "-O", "/dev/null"])] {
        let web = Web::serve(7000);
        let program = real(name);
        run(&program, &[options, &[&web.address]].concat());
        expected.add(
            &format!("deb:{name}:{}", program.display()),
            &program,
            None,
            web.served.join().unwrap(),
        );
    }
    let copy = bed.programs.path("curl");
    fs::copy(real("curl"), &copy).unwrap();
    let web = Web::serve(7000);
    run(&copy, &["-s", &web.address]);
    let copied = format!("path:{}", copy.display());
    expected.add(&copied, &copy, None, web.served.join().unwrap());
    expected.check(&bed).await;
    let version = Command::new("dpkg-query").args(["--show", "--showformat=${Version}", "curl"]).output();
    let version = String::from_utf8(version.unwrap().stdout).unwrap();
    let evidence = evidence_about(&proxy, &format!("deb:curl:{}", real("curl").display())).await;
    let Some(Provenance::Verified(package)) = evidence.provenance else { panic!("{evidence:?}") };
    assert_eq!(
        (package.manager, package.name, package.version),
        (PackageManager::Deb, "curl".into(), version)
    );
    assert_eq!(evidence_about(&proxy, &copied).await.provenance, Some(Provenance::Unowned));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn another_version_in_another_folder_is_the_same_application() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let mut expected = Expected::default();
    // Not below /tmp, where folders have no versions.
    let folder = tempfile::Builder::new().prefix("portolan-test-").tempdir_in("/var/lib").unwrap();
    let store = Store::new();
    let hashes = ["0c2f3wx8gs1r9lq5n6v7kd4mzy0pbhai", "zi5v1d8s9ha7x0k3c2gq4l6nbyrmfw1p"];
    for (at, (version, hash)) in ["1.2", "1.3"].into_iter().zip(hashes).enumerate() {
        let program = bed.programs.copy("talker");
        let content = [fs::read(&program).unwrap(), vec![0; at]].concat();
        for (dir, key) in [
            (
                folder.path().join(format!("talk-{version}/bin")),
                format!("path:{}/talk-*/bin/talker", folder.path().display()),
            ),
            (
                store.folder(&format!("{hash}-talk-{version}/bin")),
                "path:/nix/store/*-talk-*/bin/talker".into(),
            ),
        ] {
            fs::create_dir_all(&dir).unwrap();
            let talker = dir.join("talker");
            fs::write(&talker, &content).unwrap();
            executable(&talker);
            run(&talker, &["tcp", &server.tcp_v4(), "50"]);
            expected.add(&key, &talker, None, 50);
        }
    }
    expected.check(&bed).await;
}

/// Folders in a store of Nix, which this machine need not have.
struct Store {
    made: Vec<PathBuf>,
    folders: std::cell::RefCell<Vec<PathBuf>>,
}

impl Store {
    fn new() -> Self {
        let missing = ["/nix", "/nix/store"].map(PathBuf::from).into_iter().filter(|path| !path.exists());
        let made: Vec<PathBuf> = missing.collect();
        fs::create_dir_all("/nix/store").unwrap();
        Self { made, folders: Default::default() }
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = Path::new("/nix/store").join(name);
        self.folders.borrow_mut().push(Path::new("/nix/store").join(name.split('/').next().unwrap()));
        path
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.folders.borrow().iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
        // Only when they are empty.
        self.made.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_file_that_is_gone_or_was_never_on_a_disk_keeps_the_name_that_it_was_executed_by() {
    let bed = Bed::start();
    let server = bed.programs.server();
    for name in ["deleted", "replaced"] {
        let program = bed.programs.copy(name);
        let hash = sha256(&program);
        let mut command = Command::new(&program);
        command.args(["patient", &server.tcp_v4(), "60"]);
        let mut running = Program::start_with_stdin(name, command).unwrap();
        running
            .wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(()))
            .unwrap();
        match name {
            "deleted" => fs::remove_file(&program).unwrap(),
            _ => drop(bed.programs.change(name)),
        }
        bed.query(&[]).await; // hashed while it runs
        running.close_stdin();
        assert!(running.ended(PATIENCE).unwrap().success());
        let rows = bed.query(&["application", "executable"]).await;
        let key = format!("path:{}", program.display());
        let row = rows.iter().find(|row| row.keys.get("application") == Some(&key));
        let row = row.unwrap_or_else(|| panic!("{rows:#?}"));
        assert_eq!(
            (&row.keys["path"], &row.keys["sha256"], row.tx_bytes),
            (&program.to_str().unwrap().to_owned(), &hash, 60)
        );
    }
    // In memory, under the path of a packaged program, and sealed: else it could be another content since the last tick.
    let program = bed.programs.copy("in-memory");
    let code = "import fcntl, os, sys\nfd = os.memfd_create('/usr/bin/curl', 2)\n\
                os.write(fd, open(sys.argv[1], 'rb').read())\nfcntl.fcntl(fd, 1033, 15)\nos.execve(fd, sys.argv[1:], {})";
    let arguments = ["-c", code, program.to_str().unwrap(), "tcp", &server.tcp_v4(), "61"];
    run(Path::new("/usr/bin/python3"), &arguments);
    let rows = bed.query(&["application", "executable"]).await;
    let row =
        rows.iter().find(|row| row.keys.get("application").is_some_and(|key| key == "memory:/usr/bin/curl"));
    let row = row.unwrap_or_else(|| panic!("{rows:#?}"));
    assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (sha256(&program).as_str(), 61));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_cgroup_called_like_a_container_or_a_flatpak_makes_no_program_of_this_machine_one_of_it() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let mut expected = Expected::default();
    for (scope, name) in [
        ("user.slice/user@1000.service/app.slice/app-flatpak-org.mozilla.firefox-4711.scope", "flatpak"),
        ("user.slice/user@1000.service/app.slice/snap.firefox.firefox-4711.scope", "snap"),
        ("user.slice/user@1000.service/user.slice/docker-{}.scope", "docker"),
        ("system.slice/docker-{}.scope", "machine"),
    ] {
        let cgroup = crate::cgroup::Cgroup::new(&scope.replace("{}", &"c0ffee12".repeat(8)));
        let program = bed.programs.copy(name);
        let mut command = Command::new("sh");
        command.args(["-c", "read -r nothing || true; exec \"$@\"", "sh"]).arg(&program);
        command.args(["tcp", &server.tcp_v4(), "70"]);
        let mut starting = Program::start_with_stdin(name, command).unwrap();
        cgroup.take_in(starting.pid());
        starting.close_stdin();
        assert!(starting.ended(PATIENCE).unwrap().success(), "{}", starting.output());
        expected.add(&format!("path:{}", program.display()), &program, None, 70);
    }
    expected.check(&bed).await;
    let rows = bed.query(&["container"]).await;
    assert_eq!(rows.iter().filter(|row| row.keys.contains_key("container")).count(), 3, "{rows:#?}");
}
