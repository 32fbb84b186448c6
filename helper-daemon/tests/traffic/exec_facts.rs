//! What the kernel programs note of an exec: working directory and environment. What of it reaches the bus is tested with the bus.

use std::{
    fs,
    os::{fd::AsFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use portolan_bpf::{Environment, Event, EventKind, Variable};
use portolan_core::code_variables;
use portolan_testbed::{Folder, Keeper, Program};
use portoland::{
    clock::Now,
    monitor::{Monitor, path_of},
};
use rustix::event::{EventfdFlags, eventfd};

use crate::bed::PATIENCE;

/// The kernel programs without a daemon.
pub(crate) struct Watch {
    monitor: Option<Monitor>,
    pub(crate) folder: Folder,
    _keeper: Keeper,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let folder = Folder::for_everybody().unwrap();
        let name =
            folder.path().file_name().unwrap().to_str().unwrap().replace("portolan-", "portolan-test-");
        let pin_dir = Path::new("/sys/fs/bpf").join(name);
        let keeper = Keeper::of_paths(&[&pin_dir]).unwrap();
        let waker = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        let monitor = Monitor::start(&pin_dir, None, Now::read().monotonic, waker).unwrap();
        Self { monitor: Some(monitor), folder, _keeper: keeper }
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.folder.make_dir(name, 0o755).unwrap()
    }

    /// Runs a command to its end, and gives the exec of `/bin/true WORD` by it or by what it starts.
    fn exec_in(&mut self, word: &str, command: &mut Command) -> Event {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{word}: {}", String::from_utf8_lossy(&output.stderr));
        self.exec_of(format!("/bin/true\0{word}\0").as_bytes())
    }

    /// The exec with these arguments.
    pub(crate) fn exec_of(&mut self, arguments: &[u8]) -> Event {
        let monitor = self.monitor.as_mut().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            while let Some(event) = monitor.event().unwrap() {
                monitor.forget_event();
                drop(monitor.exec_files());
                if event.kind == EventKind::Exec && event.arguments == arguments {
                    return event;
                }
            }
            monitor.wait(Duration::from_millis(100)).unwrap();
        }
        panic!("the exec of {} did not come", String::from_utf8_lossy(arguments));
    }

    /// Executed files that fanotify gives, not all at once; none when there are no more.
    pub(crate) fn files(&mut self) -> Vec<PathBuf> {
        let files = self.monitor.as_mut().unwrap().exec_files();
        files.iter().map(|file| path_of(file.descriptor.as_fd(), file.pid).as_raw().into()).collect()
    }

    /// The working directory of `/bin/true WORD`, started by a script of a shell in a mount namespace of its own, in our folder.
    fn directory(&mut self, word: &str, script: &str) -> Option<String> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec", script, "sh"]).current_dir(self.folder.path());
        let event = self.exec_in(word, &mut command);
        event.working_directory.map(|directory| directory.as_raw().to_owned())
    }

    /// The environment of `/bin/true WORD`.
    fn environment(&mut self, word: &str, set: impl FnOnce(&mut Command)) -> Environment {
        let mut command = Command::new("/bin/true");
        set(command.arg(word).env_clear());
        self.exec_in(word, &mut command).environment
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(monitor) = self.monitor.take() {
            monitor.detach();
        }
    }
}

fn values(environment: &Environment, variable: Variable) -> Vec<&str> {
    environment.values(variable).map(|value| value.text.as_raw()).collect()
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn the_working_directory_is_that_of_the_exec_seen_from_its_root() {
    let mut watch = Watch::start();
    let top = watch.folder.path().to_str().unwrap().to_owned();
    watch.dir("there");
    let long = "x".repeat(255);
    let table = [
        ("root", "cd /; exec /bin/true root", Some("/".to_owned())),
        ("plain", "exec /bin/true plain", Some(top.clone())),
        ("newline", "mkdir 'a\nb'; cd 'a\nb'; exec /bin/true newline", Some(format!("{top}/a\nb"))),
        ("long", &*format!("mkdir {long}; cd {long}; exec /bin/true long"), Some(format!("{top}/{long}"))),
        ("left", "(cd there; cd ..; exec /bin/true left); cd there; true", Some(top.clone())),
        // mount points
        (
            "bind",
            "mkdir -p from/sub to; mount --bind from to; cd to/sub; exec /bin/true bind",
            Some(format!("{top}/to/sub")),
        ),
        (
            "itself",
            "mkdir -p on; mount --bind on on; cd on; exec /bin/true itself",
            Some(format!("{top}/on")),
        ),
        (
            "stacked",
            "mkdir -p st; mount -t tmpfs a st; mount -t tmpfs b st; mkdir st/in; mount -t tmpfs c st/in; mkdir st/in/x; \
             cd st/in/x; exec /bin/true stacked",
            Some(format!("{top}/st/in/x")),
        ),
        (
            "covered",
            "mkdir -p co/in; cd co/in; mount -t tmpfs a ../../co; exec /bin/true covered",
            Some(format!("{top}/co/in")),
        ),
        (
            "moved",
            "mkdir -p m1 m2; mount -t tmpfs a m1; cd m1; mount --move . ../m2; exec /bin/true moved",
            Some(format!("{top}/m2")),
        ),
        // other roots
        (
            "chroot",
            "mkdir -p jail; mount --rbind / jail; exec chroot jail sh -c 'cd /usr/share; exec /bin/true chroot'",
            Some("/usr/share".to_owned()),
        ),
        (
            "jail",
            "mkdir -p jail; mount --rbind / jail; exec chroot jail /bin/true jail",
            Some("/".to_owned()),
        ),
        (
            "pivot",
            "mkdir -p new; mount --rbind / new; cd new; pivot_root . tmp; cd /usr; exec /bin/true pivot",
            Some("/usr".to_owned()),
        ),
        // without a path
        (
            "outside",
            "mkdir -p jail; mount --rbind / jail; exec perl -e 'chroot \"jail\"; exec \"/bin/true\", \"outside\"'",
            None,
        ),
        ("removed", "mkdir re; cd re; rmdir ../re; exec /bin/true removed", None),
        (
            "unmounted",
            "mkdir -p un; mount -t tmpfs a un; mkdir un/x; cd un/x; umount -l ../../un; exec /bin/true unmounted",
            None,
        ),
        // bounds
        (
            "deep",
            "i=0; while [ $i -lt 40 ]; do mkdir d; cd d; i=$((i+1)); done; exec /bin/true deep",
            Some(top.clone() + &"/d".repeat(40)),
        ),
        (
            "deeper",
            "i=0; while [ $i -lt 50 ]; do mkdir e; cd e; i=$((i+1)); done; exec /bin/true deeper",
            None,
        ),
        (
            "longer",
            &*format!(
                "i=0; while [ $i -lt 9 ]; do mkdir {long}; cd {long}; i=$((i+1)); done; exec /bin/true longer"
            ),
            None,
        ),
    ];
    for (word, script, expected) in table {
        fs::remove_dir_all(watch.folder.path().join(&long)).ok();
        assert_eq!(watch.directory(word, script), expected, "{word}");
    }
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn the_working_directory_of_an_exec_amid_renames_is_right_or_unknown() {
    let mut watch = Watch::start();
    watch.dir("p1/q1/c");
    watch.dir("p2");
    // One rename changes a folder's name and the folder that it is in.
    let script = "while (1) { rename 'p1/q1', 'p2/q2'; rename 'p2/q2', 'p1/q1'; }";
    let mut renames = Command::new("perl");
    renames.args(["-e", script]).current_dir(watch.folder.path());
    let renames = Program::start_with_stdin("renames", renames).unwrap();
    let run = "while ! { cd p1/q1/c || cd p2/q2/c; } 2>&-; do :; done; \
               i=0; while [ $i -lt 1000 ]; do /bin/true $i; i=$((i+1)); done";
    let ran = Command::new("sh").args(["-c", run]).current_dir(watch.folder.path()).status().unwrap();
    assert!(ran.success());
    drop(renames);
    let top = watch.folder.path().to_str().unwrap().to_owned();
    let valid = ["p1/q1/c", "p2/q2/c"].map(|path| format!("{top}/{path}"));
    let mut known = 0;
    for index in 0..1000 {
        let event = watch.exec_of(format!("/bin/true\0{index}\0").as_bytes());
        if let Some(directory) = event.working_directory {
            assert!(valid.iter().any(|valid| valid == directory.as_raw()), "{directory:?}");
            known += 1;
        }
    }
    assert!(known > 100, "only {known} of 1000 are known");
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn of_an_environment_comes_what_matters_and_whether_all_of_it_was_searched() {
    let mut watch = Watch::start();
    let none = watch.environment("none", |_| {});
    assert_eq!(none, Environment { is_complete: true, ..Environment::default() });
    let ordinary = watch.environment("ordinary", |command| {
        command.envs([
            ("LD_PRELOADED", "x"),
            ("HOME", "/"),
            ("XLD_AUDIT", "y"),
            ("containers", "z"),
            ("APPIMAGES", ""),
        ]);
    });
    assert_eq!(ordinary, none);

    let all = watch.environment("all", |command| {
        command
            .envs(Variable::ALL.map(|variable| (variable.name(), format!("/nothing/{}", variable.name()))));
    });
    assert!(all.is_complete && all.variables.len() == Variable::ALL.len(), "{all:?}");
    for variable in Variable::ALL {
        assert_eq!(values(&all, variable), [format!("/nothing/{}", variable.name())]);
    }

    let (whole, longer) = ("x".repeat(256), "x".repeat(257));
    let lengths = watch.environment("lengths", |command| {
        command
            .env("container", &whole)
            .env("SNAP_NAME", &longer)
            .env("APPIMAGE", "")
            .env("FLATPAK_ID", "y".repeat(100_000));
    });
    let found = |variable| {
        lengths.values(variable).map(|value| (value.text.as_raw().len(), value.is_cut)).collect::<Vec<_>>()
    };
    assert_eq!(found(Variable::Container), [(256, false)]);
    assert_eq!(found(Variable::SnapName), [(256, true)]);
    assert_eq!(found(Variable::AppImage), [(0, false)]);
    assert_eq!(found(Variable::FlatpakId), [(256, true)]);
    assert!(lengths.is_complete);
}

/// Executes a program with an environment that may hold a name twice, in this order.
fn raw_exec(word: &str, environment: &str) -> Command {
    let number = if cfg!(target_arch = "aarch64") { 221 } else { 59 };
    let script = format!(
        "my @a = ('/bin/true', '{word}'); my @e = ({environment}); \
         my ($a, $e) = (pack('p*x8', @a), pack('p*x8', @e)); syscall({number}, $a[0], $a, $e); die \"no exec: $!\""
    );
    let mut command = Command::new("perl");
    command.args(["-e", &script]);
    command
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn nobody_hides_a_variable_behind_others_without_that_being_seen() {
    let mut watch = Watch::start();
    let twice = "'LD_PRELOAD=/a', 'X=y', 'LD_AUDIT=/n1', 'LD_PRELOAD=/b', 'LD_AUDIT=/n2'";
    let twice = watch.exec_in("twice", &mut raw_exec("twice", twice)).environment;
    assert_eq!(
        (values(&twice, Variable::Preload), values(&twice, Variable::Audit)),
        (vec!["/a", "/b"], vec!["/n1", "/n2"])
    );
    assert!(twice.is_complete);

    // No names, empty strings, and a name at the seam of two pieces that are read one after the other.
    let seam = "'', '=', 'no name', '', ('A' x 511) . 'LD_PRELOAD=/no', 'B' x 510, 'C' x 511, 'D' x 512, 'E' x 1022, 'LD_PRELOAD=/yes', ''";
    let seam = watch.exec_in("seam", &mut raw_exec("seam", seam)).environment;
    assert_eq!(values(&seam, Variable::Preload), ["/yes"]);
    assert!(seam.is_complete);

    // bpf_loop, by which more is searched, came with Linux 5.17.
    for (word, others, is_found) in [("few", 100, true), ("some", 450, true), ("many", 10_000, false)] {
        let behind = format!("(map {{ \"V$_=x\" }} 1..{others}), 'LD_PRELOAD=/hidden'");
        let behind = watch.exec_in(word, &mut raw_exec(word, &behind)).environment;
        assert_eq!(
            (behind.is_complete, values(&behind, Variable::Preload).len()),
            (is_found, usize::from(is_found)),
            "{word}"
        );
    }
    let large = "('V=' . 'x' x 120000) x 8, 'LD_PRELOAD=/hidden'";
    let large = watch.exec_in("large", &mut raw_exec("large", large)).environment;
    assert!(!large.is_complete && large.variables.is_empty());
    let full = "('container=' . 'x' x 256) x 24, 'LD_PRELOAD=/hidden'";
    let full = watch.exec_in("full", &mut raw_exec("full", full)).environment;
    assert!(!full.is_complete && full.variables.len() > 4, "{full:?}");
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn what_makes_interpreters_load_other_code_comes_with_the_exec() {
    let mut watch = Watch::start();
    let mut code = |word: &str, set: &[(&str, &str)]| {
        let mut command = Command::new("/bin/true");
        let event = watch.exec_in(word, command.arg(word).env_clear().envs(set.iter().copied()));
        assert!(event.environment.is_complete && event.environment.variables.is_empty(), "{word}");
        let text = |variable| String::from_utf8(variable).unwrap();
        event.code_variables.into_iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(code("none", &[]), Vec::<String>::new());
    let others =
        [("PYTHONPATHS", "x"), ("XPYTHONPATH", "x"), ("PYTHON", "x"), ("PATH", "/bin"), ("JDK_JAVA", "x")];
    assert_eq!(code("others", &others), Vec::<String>::new());
    // Of what stands for many, one.
    let mut all: Vec<String> = code_variables().iter().map(|name| name.replace('*', "_1%%")).collect();
    all.sort();
    assert!(["PYTHONPATH", "BASH_FUNC__1%%"].iter().all(|name| all.iter().any(|is| is == name)), "{all:?}");
    let set: Vec<(&str, &str)> = all.iter().map(|name| (name.as_str(), "/nothing")).collect();
    let expected: Vec<String> = all.iter().map(|name| format!("{name}=/nothing")).collect();
    assert_eq!(code("all", &set), expected);
    let (whole, longer) = ("x".repeat(256), "x".repeat(257));
    let lengths = [("CLASSPATH", &*whole), ("NODE_OPTIONS", ""), ("PERL5LIB", &longer)];
    let expected = [format!("CLASSPATH={whole}"), "NODE_OPTIONS=".to_owned(), "PERL5LIB".to_owned()];
    assert_eq!(code("lengths", &lengths), expected);
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn an_exec_that_gives_privileges_is_told_from_others() {
    let mut watch = Watch::start();
    let program = watch.folder.path().join("privileged");
    fs::copy("/bin/true", &program).unwrap();
    std::os::unix::fs::chown(&program, Some(65534), None).unwrap();
    for (mode, is_secure) in [(0o4755, true), (0o755, false)] {
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        let word = format!("mode-{mode:o}");
        assert!(Command::new(&program).arg(&word).env("LD_PRELOAD", "/nothing").status().unwrap().success());
        let event = watch.exec_of(format!("{}\0{word}\0", program.display()).as_bytes());
        assert_eq!(event.environment.is_secure, is_secure);
        assert_eq!(values(&event.environment, Variable::Preload), ["/nothing"]);
    }
}

/// Writes over its own environment, as the kernel shows it to others, and over its working directory.
const FORGET: &str = r#"
open my $stat, '<', '/proc/self/stat'; my $line = <$stat>; $line =~ s/.*\) //; my @f = split ' ', $line;
my ($start, $end) = @f[47, 48];
open my $memory, '+<', '/proc/self/mem' or die; binmode $memory; sysseek $memory, $start, 0;
syswrite $memory, "HARMLESS=1" . "\0" x ($end - $start - 10) or die;
chdir '/usr'; $| = 1; print "forgotten\n"; <STDIN>;
"#;

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn what_a_program_writes_over_later_is_reported_as_it_was() {
    let mut watch = Watch::start();
    let mut command = Command::new("perl");
    command
        .args(["-e", FORGET, "forgetful"])
        .env_clear()
        .env("FLATPAK_ID", "org.example.App")
        .current_dir(watch.folder.path());
    let mut running = Program::start_with_stdin("perl", command).unwrap();
    running.wait_for_line("that it has", PATIENCE, |line| (line == "forgotten").then_some(())).unwrap();
    let now = fs::read(format!("/proc/{}/environ", running.pid())).unwrap();
    assert!(now.starts_with(b"HARMLESS=1\0"), "{}", String::from_utf8_lossy(&now));
    let event = watch.exec_of(format!("perl\0-e\0{FORGET}\0forgetful\0").as_bytes());
    assert_eq!(values(&event.environment, Variable::FlatpakId), ["org.example.App"]);
    assert_eq!(event.working_directory.unwrap().as_raw(), watch.folder.path().to_str().unwrap());
    running.close_stdin();
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn other_events_carry_neither() {
    let mut watch = Watch::start();
    let processes = watch.monitor.as_mut().unwrap().processes().unwrap();
    assert!(!processes.is_empty());
    for event in processes {
        assert_eq!((event.working_directory, event.environment), (None, Environment::default()));
    }
}
