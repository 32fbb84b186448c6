//! An inspector with the machine's databases, and programs that are made at test time.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use portolan_core::{ForeignCode, ForeignCodeKind, Provenance, Sha256Digest};
use portolan_packages::Packages;
use portolan_testbed::Folder;
use portoland::{
    clock::Now,
    foreign::{Inspector, Request},
};
use sha2::{Digest, Sha256};

use crate::{packages::Machine, request::request};

pub(crate) const CAT: &str = "/usr/bin/cat";
pub(crate) const PYTHON: &str = "/usr/bin/python3";
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that does what each line of its input says, and answers with a line.
const ACTOR: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
    char line[5000];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *rest = strchr(line, ' ');
        rest = rest ? rest + 1 : "";
        int failed = 0;
        if (!strncmp(line, "dlopen", 6)) failed = !dlopen(rest, RTLD_NOW);
        else if (!strncmp(line, "anonymous", 9))
            failed = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
        else if (!strncmp(line, "memfd", 5)) {
            static char bytes[1 << 20], place[64];
            int from = open(rest, O_RDONLY), to = memfd_create("hidden", 0);
            ssize_t length = read(from, bytes, sizeof bytes);
            failed = write(to, bytes, length) != length;
            snprintf(place, sizeof place, "/proc/self/fd/%d", to);
            failed |= !dlopen(place, RTLD_NOW);
        } else if (!strncmp(line, "many", 4)) {
            int file = open("/proc/self/exe", O_RDONLY);
            for (int i = atoi(rest); i > 0 && !failed; i--)
                failed = mmap(0, 4096, PROT_READ | (i % 2 ? PROT_EXEC : 0), MAP_PRIVATE, file, 0) == MAP_FAILED;
        } else if (!strncmp(line, "exec", 4)) { puts("done"); fflush(stdout); execl(rest, rest, NULL); }
        puts(failed ? "failed" : "done");
        fflush(stdout);
    }
    return 0;
}
"#;

pub(crate) struct Bed {
    pub(crate) folder: Folder,
    inspector: Inspector,
    told: Arc<Mutex<Vec<ForeignCode>>>,
    looks: u64,
}

impl Bed {
    pub(crate) fn start() -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&told);
        let machine = Machine(Packages::of(Path::new("/")).unwrap());
        let inspector = Inspector::start(machine, move |inspected| {
            assert!(!inspected.foreign.is_empty());
            collected.lock().unwrap().extend(inspected.foreign);
        });
        Self { folder: Folder::for_everybody().unwrap(), inspector: inspector.unwrap(), told, looks: 0 }
    }

    /// A look at a process, and what is told of it that was not told before.
    pub(crate) fn look(&mut self, process: &Process) -> Vec<ForeignCode> {
        self.look_as(request(process.0.id()).unwrap())
    }

    pub(crate) fn look_as(&mut self, request: Request) -> Vec<ForeignCode> {
        assert!(self.inspector.inspect(request));
        self.looks += 1;
        let until = Instant::now() + PATIENCE;
        while self.inspector.counts().looks.load(Ordering::Acquire) < self.looks {
            assert!(Instant::now() < until, "the inspector does not answer");
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(self.inspector.counts().unreadable.load(Ordering::Relaxed), 0);
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// A library whose content no other has.
    pub(crate) fn library(&self, name: impl AsRef<OsStr>) -> PathBuf {
        let path = self.folder.path().join(name.as_ref());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // The compiler need not take any name.
        let made = self.folder.path().join("made.so");
        let text = format!("unsigned la_version(unsigned v) {{ return v; }}\nint x = {};", unique());
        compile(&text, &made, &["-shared", "-fPIC"]);
        fs::rename(made, &path).unwrap();
        settle(&path);
        path
    }

    /// The program that does what it is told, in a folder of its own.
    pub(crate) fn actor(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        compile(&format!("{ACTOR}\nint x = {};", unique()), &path, &[]);
        path
    }
}

pub(crate) fn compile(text: &str, to: &Path, arguments: &[&str]) {
    let mut command = Command::new("cc");
    command.args(["-x", "c", "-", "-o"]).arg(to).args(arguments).stdin(Stdio::piped());
    let mut compiler = command.spawn().unwrap();
    compiler.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(compiler.wait().unwrap().success());
}

/// Waits until whoever is started now is started after this file was made: /proc says when by hundredths of a second.
pub(crate) fn settle(path: &Path) {
    let made =
        fs::metadata(path).unwrap().ctime() * 1000 + fs::metadata(path).unwrap().ctime_nsec() / 1_000_000;
    while Now::read().wall.0 < made + 30 {
        thread::sleep(Duration::from_millis(1));
    }
}

fn unique() -> u128 {
    // Small enough for an int.
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() % 2_000_000_000
}

/// A process that ends with its guard.
pub(crate) struct Process(pub(crate) Child, ChildStdin, BufReader<ChildStdout>);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self(child, input, BufReader::new(output))
    }

    /// Cat, which answers once its linker has loaded everything.
    pub(crate) fn cat(variable: &str, value: impl AsRef<OsStr>) -> Self {
        let mut cat = Self::start(Command::new(CAT).env(variable, value));
        assert_eq!(cat.ask("done"), "done");
        cat
    }

    /// Python, which does what each line says.
    pub(crate) fn python() -> Self {
        let text = "import sys, ctypes\nfor line in sys.stdin:\n exec(line); print('done', flush=True)";
        Self::start(Command::new(PYTHON).args(["-c", text]))
    }

    pub(crate) fn ask(&mut self, line: impl AsRef<[u8]>) -> String {
        self.1.write_all(&[line.as_ref(), b"\n"].concat()).unwrap();
        let mut answer = String::new();
        self.2.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    pub(crate) fn tell(&mut self, line: impl AsRef<[u8]>) {
        assert_eq!(self.ask(line), "done");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn sha256(path: &Path) -> Sha256Digest {
    Sha256Digest(Sha256::digest(fs::read(path).unwrap()).into())
}

/// Kind, path, hash and whether nobody owns it.
pub(crate) type Told = (ForeignCodeKind, String, Option<Sha256Digest>, bool);

pub(crate) fn told(code: &[ForeignCode]) -> Vec<Told> {
    let told = |code: &ForeignCode| {
        let is_unowned = code.provenance == Some(Provenance::Unowned);
        (code.kind, code.path.as_raw().to_owned(), code.sha256, is_unowned)
    };
    code.iter().map(told).collect()
}

/// One file that nobody owns, as it is told.
pub(crate) fn unowned(kind: ForeignCodeKind, path: &Path) -> Vec<Told> {
    vec![(kind, path.to_str().unwrap().to_owned(), Some(sha256(path)), true)]
}
