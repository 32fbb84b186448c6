//! The database that pacman wrote (`fixtures/`).

use std::fs;

use crate::root::Root;
use portolan_packages::Manager;

const PACKAGE: &str = "var/lib/pacman/local/portolan-tool-2:1.5-3";

/// sha256sum of "tool", md5sum of "shipped".
const TOOL: &str = "7c9bbe5ec9b3fb774e8fa0f54247e93c34ddf8e5d16fe3073420de0ae81a262d";
const SHIPPED_MD5: &str = "8407efe4e76e884909955a5e7293661e";

fn root() -> Root {
    let root = Root::new();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pacman");
    root.write("var/lib/pacman/local/ALPM_DB_VERSION", "9\n");
    for name in ["desc", "files", "mtree"] {
        let content = fs::read(format!("{fixture}/portolan-tool-2:1.5-3/{name}")).unwrap();
        root.write(&format!("{PACKAGE}/{name}"), content);
    }
    root
}

fn digest(root: &Root, path: &str) -> Option<String> {
    root.owner(path).checksum.map(|checksum| checksum.to_string())
}

#[test]
fn a_file_is_found_with_version_and_content() {
    let root = root();
    assert_eq!(root.packages().managers().unwrap(), [Manager::Pacman]);
    assert_eq!(root.owner("/usr/bin/tool").manager, Manager::Pacman);
    assert_eq!(root.owner_text("/usr/bin/tool"), "portolan-tool 2:1.5-3 any");
    assert_eq!(digest(&root, "/usr/bin/tool").as_deref(), Some(TOOL));
    assert!(!root.owner("/usr/bin/tool").is_configuration);
    assert!(root.owner("/etc/tool.conf").is_configuration);
    assert!(root.owner("/opt/with space/ä#x=y").checksum.is_some());
    for path in ["/usr/bin/tools", "/usr/bin", "/opt/with", "/etc/tool.conf\t"] {
        root.is_unowned(path);
    }
}

#[test]
fn a_merged_usr_is_searched_by_every_name() {
    let root = root();
    root.link("bin", "usr/bin").link("sbin", "usr/bin").link("usr/sbin", "bin");
    for path in ["/bin/tool", "/sbin/tool", "/usr/sbin/tool"] {
        assert_eq!(root.owner(path).package, "portolan-tool", "{path}");
    }
}

#[test]
fn without_its_mtree_a_package_has_checksums_of_configuration_only() {
    let root = root();
    fs::remove_file(root.at(&format!("{PACKAGE}/mtree"))).unwrap();
    assert_eq!(root.owner("/usr/bin/tool").checksum, None);
    assert_eq!(digest(&root, "/etc/tool.conf").as_deref(), Some(SHIPPED_MD5));
}

#[test]
fn a_broken_package_hides_no_other_one() {
    let root = root();
    root.write("var/lib/pacman/local/broken-1-1/files", "%FILES%\nusr/bin/bro");
    assert_eq!(root.owner("/usr/bin/tool").package, "portolan-tool");
    assert!(root.trouble("/usr/bin/broken").contains("ends in the middle of a line"));
    fs::remove_file(root.at(&format!("{PACKAGE}/desc"))).unwrap();
    assert!(root.trouble("/usr/bin/tool").contains("desc"));
}

#[test]
fn a_package_that_comes_changes_the_stamp() {
    let root = root();
    let before = root.packages().stamp().unwrap();
    root.write("var/lib/pacman/local/new-1-1/desc", "");
    assert_ne!(root.packages().stamp().unwrap(), before);
}
