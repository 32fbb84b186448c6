//! Databases that are broken, or made to harm who reads them: each gives a reason, in bounded time and
//! memory.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use crate::{
    root::{Root, dpkg},
    rpmdb::{NDB, SQLITE, ndb, sqlite},
};
use flate2::{Compression, write::GzEncoder};
use portolan_packages::Ownership;
use rusqlite::Connection;

fn fifo(root: &Root, path: &str) {
    let path = root.at(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&path);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
}

/// All tests run in one process: none of them took much.
fn took_little_memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 100_000, "{peak_kib} KiB");
}

#[test]
fn nothing_waits_for_a_fifo() {
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    fifo(&root, "var/lib/dpkg/info/other.list");
    assert_eq!(root.owner("/usr/bin/tool").package, "tool");
    assert!(
        root.trouble("/usr/bin/none")
            .contains("other.list of the package database: it is not a regular file")
    );
    fifo(&root, "var/lib/dpkg/info/tool.md5sums");
    assert!(root.ask("/usr/bin/tool").is_ok_and(|owner| matches!(owner, Ownership::Owned(_))));
    for name in ["status", "diversions", "lock"] {
        fifo(&root, &format!("var/lib/dpkg/{name}"));
        assert!(root.trouble("/usr/bin/tool").contains("not a regular file"), "{name}");
    }
    assert!(root.packages().at_work().is_err());
    for name in
        ["rpmdb.sqlite", "Packages.db", "rpmdb.sqlite-wal", "rpmdb.sqlite-shm", "rpmdb.sqlite-journal"]
    {
        let root = Root::new();
        if name.contains('-') {
            root.write(SQLITE, sqlite());
        }
        fifo(&root, &format!("var/lib/rpm/{name}"));
        assert!(root.trouble("/usr/bin/tool").contains("not a regular file"), "{name}");
    }
    let root = Root::new();
    fifo(&root, "var/lib/pacman/local/tool-1-1/files");
    assert!(root.trouble("/usr/bin/tool").contains("not a regular file"));
    root.write("var/lib/pacman/local/other-1-1/files", "%FILES%\nusr/bin/tool\n");
    fifo(&root, "var/lib/pacman/local/other-1-1/mtree");
    assert!(root.trouble("/usr/bin/tool").contains("not a regular file"));
}

#[test]
fn links_in_circles_and_out_of_the_root_lead_nowhere() {
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    root.link("var/lib/dpkg/info/a.list", "b.list").link("var/lib/dpkg/info/b.list", "a.list");
    assert_eq!(root.owner("/usr/bin/tool").package, "tool");
    assert!(root.trouble("/usr/bin/none").contains("symbolic links"));
    let root = Root::new();
    root.link("var/lib/dpkg", "dpkg").link("bin", "bin").link("sbin", "sbin/sbin");
    assert!(root.trouble("/bin/tool").contains("symbolic links"));
    let outside = dpkg(&[("tool", &["/usr/bin/tool"])]);
    let root = Root::new();
    root.link("var/lib/dpkg", outside.at("var/lib/dpkg").to_str().unwrap());
    assert!(root.trouble("/usr/bin/tool").contains("no package database"));
    let root = Root::new();
    root.link("var/lib/dpkg", &format!("{}{}", "../".repeat(30), outside.at("var/lib/dpkg").display()));
    assert!(root.trouble("/usr/bin/tool").contains("no package database"));
}

#[test]
fn a_line_of_a_gigabyte_takes_no_memory() {
    for name in ["status", "diversions", "info/huge.list"] {
        let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
        File::create(root.at(&format!("var/lib/dpkg/{name}"))).unwrap().set_len(1 << 30).unwrap();
        assert!(root.trouble("/usr/bin/tool").contains("too large to search"), "{name}");
    }
    took_little_memory();
}

#[test]
fn what_unpacks_to_too_much_is_not_unpacked() {
    let root = Root::new();
    let package = "var/lib/pacman/local/tool-1-1";
    root.write(&format!("{package}/files"), "%FILES%\nusr/bin/tool\n");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..300 {
        packed.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    root.write(&format!("{package}/mtree"), packed.finish().unwrap());
    assert!(root.trouble("/usr/bin/tool").contains("too large to search"));
    root.write(&format!("{package}/mtree"), "not packed at all");
    assert!(root.trouble("/usr/bin/tool").contains("mtree"));
}

#[test]
fn what_was_cut_off_is_no_proof_of_absence() {
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    root.write("var/lib/dpkg/info/other.list", "/.\n/usr/bin/oth");
    assert_eq!(root.owner("/usr/bin/tool").package, "tool");
    for path in ["/usr/bin/other", "/usr/bin/oth"] {
        assert!(root.trouble(path).contains("other.list of the package database is broken"), "{path}");
    }
    let root = dpkg(&[("first", &["/usr/bin/first"]), ("tool", &["/usr/bin/tool"])]);
    let status = fs::read(root.at("var/lib/dpkg/status")).unwrap();
    for length in 0..status.len() {
        root.write("var/lib/dpkg/status", &status[..length]);
        match root.ask("/usr/bin/tool") {
            Ok(Ownership::Owned(owner)) => {
                assert_eq!((owner.version.as_str(), owner.architecture.as_str()), ("1.0-1", "amd64"))
            }
            Ok(Ownership::Unowned) => panic!("{length}"),
            Err(_) => {}
        }
    }
}

#[test]
fn words_that_no_package_has_are_refused() {
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    for version in ["", "1\u{1b}[31m", "1 2", &"9".repeat(300)] {
        let status =
            format!("Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n");
        root.write("var/lib/dpkg/status", status);
        assert!(root.trouble("/usr/bin/tool").contains("no version or architecture"), "{version:?}");
    }
    let files: Vec<String> = (0..100).map(|number| format!("p{number}")).collect();
    let packages: Vec<(&str, &[&str])> =
        files.iter().map(|name| (name.as_str(), ["/usr"].as_slice())).collect();
    assert!(dpkg(&packages).trouble("/usr").contains("as only folders are"));
}

#[test]
fn a_database_of_traps_for_sqlite_is_left() {
    let traps = [
        "CREATE VIEW Basenames AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
         SELECT 'x' || x AS key, x AS hnum, 0 AS idx FROM n",
        "CREATE TABLE t(x); INSERT INTO t VALUES (1);
         CREATE VIEW Basenames AS SELECT 'tool' AS key, length(randomblob(500000000)) AS hnum, 0 AS idx FROM t",
        "CREATE TABLE Basenames(key, hnum, idx); INSERT INTO Basenames VALUES ('tool', 'x', 0)",
        "CREATE TABLE Basenames(key, hnum, idx); INSERT INTO Basenames VALUES ('tool', 1, -1);
         CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB);
         INSERT INTO Packages VALUES (1, zeroblob(20))",
        "CREATE TABLE Basenames(key, hnum, idx); INSERT INTO Basenames VALUES ('tool', 1, 0);
         CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB);
         INSERT INTO Packages VALUES (1, x'ffffffffffffffff')",
        "CREATE TABLE Basenames(key, hnum, idx); INSERT INTO Basenames VALUES ('tool', 1, 0);
         CREATE VIEW Packages AS SELECT 1 AS hnum, x'00' AS blob",
        "CREATE TABLE Other(x)",
    ];
    for trap in traps {
        let root = Root::new();
        root.write(SQLITE, "");
        Connection::open(root.at(SQLITE)).unwrap().execute_batch(trap).unwrap();
        let trouble = root.trouble("/usr/bin/tool");
        assert!(trouble.contains("is broken") || trouble.contains("too large"), "{trap}: {trouble}");
    }
    took_little_memory();
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

#[test]
fn damaged_databases_end_in_an_answer_or_a_reason() {
    let paths = ["/usr/bin/tool", "/usr/bin/taken", "/usr/share/portolan/157/member", "/none"].map(Path::new);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (place, whole) in [(SQLITE, sqlite()), (NDB, ndb())] {
        let root = Root::new();
        for _ in 0..300 {
            let mut database = whole.clone();
            match random.below(4) {
                0 => database.truncate(random.below(whole.len())),
                _ => {
                    for _ in 0..=random.below(200) {
                        let at = random.below(database.len());
                        database[at] = u8::try_from(random.below(256)).unwrap();
                    }
                }
            }
            root.write(place, &database);
            assert_eq!(root.packages().owners_of(&paths).len(), paths.len());
        }
    }
    let mtree = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pacman/portolan-tool-2:1.5-3/mtree");
    let whole = fs::read(mtree).unwrap();
    let root = Root::new();
    root.write("var/lib/pacman/local/tool-1-1/files", "%FILES%\nusr/bin/tool\n");
    for _ in 0..300 {
        let mut damaged = whole.clone();
        let at = random.below(damaged.len());
        damaged[at] = u8::try_from(random.below(256)).unwrap();
        root.write("var/lib/pacman/local/tool-1-1/mtree", &damaged);
        assert!(root.ask("/usr/bin/tool").is_err());
    }
}

#[test]
fn a_database_that_never_rests_is_said_to_change() {
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    for number in 0..2_000 {
        root.write(&format!("var/lib/dpkg/info/other{number}.list"), "/.\n");
    }
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let updates = root.at("var/lib/dpkg/updates");
    let writer = std::thread::spawn(move || {
        fs::create_dir_all(&updates).unwrap();
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            fs::write(updates.join("tmp.i"), "").unwrap();
            fs::remove_file(updates.join("tmp.i")).unwrap();
        }
    });
    while !root.at("var/lib/dpkg/updates").exists() {
        std::thread::yield_now();
    }
    let trouble = root.trouble("/usr/bin/tool");
    stop.send(()).unwrap();
    writer.join().unwrap();
    assert!(trouble.contains("the dpkg database is being changed"), "{trouble}");
    assert_eq!(root.owner("/usr/bin/tool").package, "tool");
}
