//! Export, import, forget, and answers for another machine: the real daemon, the real polkitd, and other users.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use portolan_bus::action;
use portolan_testbed::{Daemon, Folder, Polkit, PrivateBus, Program, User, alice, bob, built, carol, root};
use serde_json::Value;

use crate::{program::Ended, terminal::Terminal};

struct Stage {
    bus: PrivateBus,
    _daemon: Daemon,
    /// Where everybody may read.
    folder: Folder,
}

impl Stage {
    /// Alice may see her own, bob nothing, carol everything and review it.
    fn set() -> Self {
        let polkit = Polkit::default()
            .grant(&alice(), &[action::VIEW_OWN])
            .grant(&bob(), &[])
            .grant(&carol(), &[action::VIEW_ALL, action::REVIEW]);
        let bus = PrivateBus::start(&polkit).unwrap();
        let daemon = Daemon::start(&bus).unwrap();
        let folder = Folder::for_everybody().unwrap();
        fs::copy(env!("CARGO_BIN_EXE_portolan"), folder.path().join("portolan")).unwrap();
        Self { bus, _daemon: daemon, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, user: &User, arguments: &[&str]) -> Ended {
        let mut command = Command::new(self.path("portolan"));
        user.run(&mut command);
        command.args(arguments).env("DBUS_SYSTEM_BUS_ADDRESS", self.bus.address()).env("TZ", "UTC");
        command.current_dir(self.folder.path()).output().unwrap().into()
    }

    /// The rows that a user may export.
    fn rows(&self, user: &User, query: &str) -> Vec<Value> {
        let ended = self.run(user, &["history", "export", "--json", query]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// One row of alice's and one of root's.
pub(crate) fn picosnitch(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let sql = "
        CREATE TABLE executables (id INTEGER PRIMARY KEY, exe TEXT, name TEXT, cmdline TEXT, sha256 TEXT);
        CREATE TABLE domains (id INTEGER PRIMARY KEY, domain TEXT);
        CREATE TABLE addresses (id INTEGER PRIMARY KEY, addr TEXT);
        CREATE TABLE connections (contime, send, recv, events, exe_id, pexe_id, gpexe_id, uid, family, protocol, lport, rport,
            laddr_id, raddr_id, domain_id, netns);
        INSERT INTO executables VALUES (1, '/usr/bin/cu\u{1b}[31mrl', 'curl', 'curl x', printf('%064d', 1));
        INSERT INTO domains VALUES (1, 'example.alice'), (2, 'example.root');
        INSERT INTO addresses VALUES (1, '10.0.0.2'), (2, '192.0.2.7');
        INSERT INTO connections VALUES (1760000000, 10, 20, 1, 1, 0, 0, 61001, 2, 6, 40000, 443, 1, 2, 1, 1),
            (1760000010, 30, 40, 1, 1, 0, 0, 0, 2, 6, 40001, 443, 1, 2, 2, 1);
        PRAGMA user_version = 4;";
    connection.execute_batch(sql).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

fn denied(ended: &Ended) {
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.is_empty() && ended.stderr.contains("access denied"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_goes_in_and_out_is_whose_right_it_is() {
    let stage = Stage::set();
    picosnitch(&stage.path("picosnitch.db"));
    let import = ["history", "import", "picosnitch", "picosnitch.db"];
    for user in [alice(), bob(), carol()] {
        let ended = stage.run(&user, &import);
        denied(&ended);
        assert!(ended.stderr.contains("Run the command as root") && !ended.stderr.contains("adduser"));
    }
    assert_eq!(stage.run(&root(), &import).stdout, "Added 2 rows.\n");
    let again = stage.run(&root(), &import).stdout;
    assert!(again.starts_with("Added 0 rows.\nLeft out 2 rows: an import before"), "{again}");

    let own = stage.run(&alice(), &["history", "info"]);
    assert!(
        own.code == Some(0) && own.stdout.contains("kept 7 days") && !own.stdout.contains("rows"),
        "{own:?}"
    );
    assert!(stage.run(&carol(), &["history", "info"]).stdout.contains(" rows"));

    assert_eq!(stage.rows(&carol(), "app:imported*").len(), 2);
    let own = stage.rows(&alice(), "user:0 or app:imported* or \"root.example\"");
    assert!(own.len() == 1 && own[0]["uid"] == alice().uid && own[0]["domain"] == "alice.example", "{own:?}");
    denied(&stage.run(&bob(), &["history", "export"]));
    let table = stage.run(&root(), &["history", "export", "-o", "rows.csv", "app:imported*"]);
    let text = fs::read_to_string(stage.path("rows.csv")).unwrap();
    assert!(table.code == Some(0) && text.lines().count() == 3 && !text.contains('\u{1b}'), "{text}");
    let over = stage.run(&root(), &["history", "export", "-o", "rows.csv"]);
    assert!(over.code == Some(1) && over.stderr.contains("is there already"), "{over:?}");
    let wrong = stage.run(&root(), &["history", "export", "-o", "none.csv", "cuontry:DE"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("  ^^^^^^^"), "{wrong:?}");
    assert!(!stage.path("none.csv").exists());

    for user in [alice(), bob(), carol()] {
        denied(&stage.run(&user, &["history", "forget", "--yes", "user:61001"]));
    }
    assert_eq!(stage.run(&root(), &["history", "forget", "user:61001"]).code, Some(2));
    for (answer, code) in [("n\n", 1), ("y\n", 0)] {
        assert_eq!(stage.rows(&carol(), "user:61001").len(), 1);
        let forget = ["history", "forget", "user:61001"];
        let mut terminal = Terminal::start(stage.bus.address(), &forget, 160, 10);
        terminal.shows("20 B in, 10 B out, from 2025-10-09").await;
        terminal.shows("[y/N]").await;
        terminal.press(answer);
        assert_eq!(terminal.code().await, Some(code));
    }
    assert_eq!(stage.rows(&carol(), "app:imported*").len(), 1);
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn answers_are_taken_over_by_whom_may_review() {
    let stage = Stage::set();
    let talker = stage.path("talker");
    fs::copy(built("portolan-traffic").unwrap(), &talker).unwrap();
    let mut command = Command::new(&talker);
    command.arg("serve");
    let mut server = Program::start_with_stdin("server", command).unwrap();
    let port = |line: &str| Some(line.strip_prefix("tcp=")?.split(' ').next()?.to_owned());
    let port = server.wait_for_line("its port", std::time::Duration::from_secs(20), port).unwrap();
    assert!(
        Command::new(&talker).args(["tcp", &format!("127.0.0.1:{port}"), "5"]).status().unwrap().success()
    );
    let [talker, key] = [talker.display().to_string(), format!("path:{}", talker.display())];
    let review = || -> Value {
        let applications = stage.run(&root(), &["applications", "--json"]).json();
        let all = applications["applications"].as_array().unwrap().clone();
        all.iter().find(|known| known["application"] == key.as_str()).unwrap()["review"].clone()
    };

    assert_eq!(stage.run(&carol(), &["review", "approve", &talker]).code, Some(0));
    assert_eq!(stage.run(&root(), &["review", "export", "answers"]).code, Some(0));
    denied(&stage.run(&bob(), &["review", "export", "nothing"]));
    fs::set_permissions(stage.path("answers"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(stage.run(&carol(), &["review", "reset", &talker]).code, Some(0));

    let tried = stage.run(&carol(), &["review", "import", "--dry-run", "answers"]);
    assert!(
        tried.stdout.contains("unreviewed → approved") && tried.stdout.contains("1 would change"),
        "{tried:?}"
    );
    assert_eq!(review(), "unreviewed");
    denied(&stage.run(&bob(), &["review", "import", "answers"]));
    stage.run(&alice(), &["review", "import", "answers"]);
    assert_eq!(review(), "unreviewed");
    let taken = stage.run(&carol(), &["review", "import", "answers"]);
    assert!(taken.stdout.contains("1 changed, 0 had this answer already"), "{taken:?}");
    assert_eq!(review(), "approved");
}
