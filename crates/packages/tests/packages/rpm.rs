//! The database that rpm wrote (`fixtures/`), in both formats that are read.

use std::fs;

use crate::{
    root::Root,
    rpmdb::{NDB, SQLITE, ndb, sqlite},
};
use portolan_packages::{Checksum, Manager};
use rusqlite::Connection;

fn roots() -> [Root; 2] {
    let roots = [Root::new(), Root::new()];
    roots[0].write(SQLITE, sqlite());
    roots[1].write(NDB, ndb());
    roots
}

fn digest(root: &Root, path: &str) -> Option<String> {
    root.owner(path).checksum.map(|checksum| checksum.to_string())
}

/// sha256sum of "tool".
const TOOL: &str = "7c9bbe5ec9b3fb774e8fa0f54247e93c34ddf8e5d16fe3073420de0ae81a262d";

#[test]
fn a_file_is_found_with_version_and_content() {
    for root in roots() {
        assert_eq!(root.packages().managers().unwrap(), [Manager::Rpm]);
        let owner = root.owner("/usr/bin/tool");
        assert_eq!(owner.manager, Manager::Rpm);
        assert_eq!(root.owner_text("/usr/bin/tool"), "portolan-tool 2:1.5-3 noarch");
        assert_eq!(digest(&root, "/usr/bin/tool").as_deref(), Some(TOOL));
        assert!(!owner.is_configuration);
        assert!(root.owner("/etc/tool.conf").is_configuration);
        assert_eq!(root.owner_text("/opt/md5/tool"), "portolan-md5 1-1 noarch");
        for path in [
            "/usr/bin/tools",
            "/opt/tool",
            "/opt/none/tool",
            "/usr/share/portolan/301/member",
            "/usr/share/portolan/member",
        ] {
            root.is_unowned(path);
        }
    }
}

#[test]
fn each_of_many_files_of_one_name_has_its_own_content() {
    for root in roots() {
        // sha256sum of "1", "157" and "300".
        for (number, content) in [
            (1, "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"),
            (157, "c75de23d89df36ba921287616ee8edb4c986e328a78e033e57c1e5e2b59c838e"),
            (300, "983bd614bb5afece5ab3b6023f71147cd7b6bc2314f9d27af7422541c6558389"),
        ] {
            assert_eq!(
                digest(&root, &format!("/usr/share/portolan/{number}/member")).as_deref(),
                Some(content)
            );
        }
    }
}

#[test]
fn every_kind_of_checksum_is_read_or_left_out() {
    for root in roots() {
        assert!(matches!(root.owner("/opt/md5/tool").checksum, Some(Checksum::Md5(_))));
        assert_eq!(digest(&root, "/opt/md5/tool").as_deref(), Some("1bc29b36f623ba82aaf6724fd3b16718"));
        assert!(matches!(root.owner("/opt/sha512/tool").checksum, Some(Checksum::Sha512(_))));
        assert_eq!(root.owner("/opt/sha384/tool").checksum, None);
        assert_eq!(root.owner("/usr/bin/ghost").checksum, None);
        assert_eq!(root.owner("/usr/bin/loose").checksum, None);
    }
}

#[test]
fn what_is_not_installed_or_was_replaced_is_not_owned_by_that_package() {
    for root in roots() {
        root.is_unowned("/usr/share/doc/tool/read");
        assert_eq!(root.owner("/usr/bin/taken").package, "portolan-second");
        assert_eq!(root.owner("/usr/bin/shared").package, "portolan-first");
    }
}

#[test]
fn a_merged_usr_is_searched_by_both_names() {
    for root in roots() {
        root.is_unowned("/bin/tool");
        root.link("bin", "usr/bin").link("usr/sbin", "bin");
        for path in ["/bin/tool", "/usr/sbin/tool", "/usr/bin/tool"] {
            assert_eq!(root.owner(path).package, "portolan-tool", "{path}");
        }
    }
}

#[test]
fn the_folder_of_the_database_may_be_a_link() {
    let root = Root::new();
    root.write("usr/lib/sysimage/real/rpmdb.sqlite", sqlite()).link("var/lib/rpm", "/usr/lib/sysimage/real");
    assert_eq!(root.owner("/usr/bin/tool").package, "portolan-tool");
}

/// A writer that has not closed the database: what it wrote is in the log beside the file only.
#[test]
fn what_is_only_in_the_log_is_seen_and_nothing_is_written() {
    let root = Root::new();
    root.write(SQLITE, sqlite());
    let before = root.packages().stamp().unwrap();
    let writer = Connection::open(root.at(SQLITE)).unwrap();
    writer.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    assert_eq!(root.owner("/usr/bin/tool").package, "portolan-tool");
    writer.execute("DELETE FROM Basenames WHERE key = 'tool'", []).unwrap();
    let file = fs::read(root.at(SQLITE)).unwrap();
    assert_ne!(root.packages().stamp().unwrap(), before);
    root.is_unowned("/usr/bin/tool");
    assert_eq!(root.owner("/etc/tool.conf").package, "portolan-tool");
    // In the middle of a transaction the state before it counts.
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM Basenames").unwrap();
    assert_eq!(root.owner("/etc/tool.conf").package, "portolan-tool");
    writer.execute_batch("COMMIT").unwrap();
    root.is_unowned("/etc/tool.conf");
    assert_eq!(fs::read(root.at(SQLITE)).unwrap(), file);
    let mut files: Vec<_> =
        fs::read_dir(root.at("var/lib/rpm")).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["rpmdb.sqlite", "rpmdb.sqlite-shm", "rpmdb.sqlite-wal"]);
}

#[test]
fn a_closed_database_gets_no_files_beside_it() {
    let root = Root::new();
    root.write(SQLITE, sqlite());
    assert_eq!(root.owner("/usr/bin/tool").package, "portolan-tool");
    assert_eq!(fs::read_dir(root.at("var/lib/rpm")).unwrap().count(), 1);
}

#[test]
fn a_berkeley_database_is_named() {
    let root = Root::new();
    root.write("var/lib/rpm/Packages", "\0");
    assert!(root.trouble("/usr/bin/tool").contains("Berkeley DB"));
}
