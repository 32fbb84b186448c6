//! Databases of dpkg that a test writes: who owns what, and what the database may look like.

use std::path::Path;

use crate::{
    root::{Root, dpkg},
    rpmdb::{SQLITE, sqlite},
};
use portolan_packages::{Checksum, Manager, Ownership};

const MD5: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn a_listed_file_is_owned_and_another_is_not() {
    let root = dpkg(&[("tool", &["/usr", "/usr/bin", "/usr/bin/tool"]), ("other", &["/usr/bin/toolbox"])]);
    root.write(
        "var/lib/dpkg/info/tool.md5sums",
        format!("{}  usr/bin/tool2\n{MD5}  usr/bin/tool\n", "f".repeat(32)),
    );
    let owner = root.owner("/usr/bin/tool");
    assert_eq!((owner.manager, owner.package.as_str()), (Manager::Dpkg, "tool"));
    assert_eq!((owner.version.as_str(), owner.architecture.as_str()), ("1.0-1", "amd64"));
    assert_eq!(owner.checksum.map(|checksum| checksum.to_string()).as_deref(), Some(MD5));
    assert!(!owner.is_configuration);
    assert_eq!(root.owner("/usr/bin/toolbox").checksum, None);
    for path in ["/usr/bin/too", "/usr/bin/tool2", "/bin/tool", "/usr/bin/tool/x"] {
        root.is_unowned(path);
    }
}

#[test]
fn many_paths_are_answered_in_their_order() {
    let root = dpkg(&[("tool", &["/usr/bin/a", "/usr/bin/b"])]);
    let paths = ["/usr/bin/b", "/none", "relative", "/usr/bin/a", "/usr/bin/b"].map(Path::new);
    let answers = root.packages().owners_of(&paths);
    let is_owned = |place: usize| matches!(answers[place], Ok(Ownership::Owned(_)));
    assert_eq!([is_owned(0), is_owned(1), is_owned(3), is_owned(4)], [true, false, true, true]);
    assert!(answers[2].as_ref().is_err_and(|error| error.to_string().contains("not an absolute path")));
    assert!(matches!(answers[1], Ok(Ownership::Unowned)));
    assert!(root.packages().owners_of(&[]).is_empty());
}

#[test]
fn a_merged_usr_is_searched_by_both_names() {
    let root = dpkg(&[("old", &["/bin/ls", "/lib64/ld.so"]), ("new", &["/usr/bin/cat", "/usr/sbin/ip"])]);
    for path in ["/usr/bin/ls", "/bin/cat"] {
        root.is_unowned(path);
    }
    root.link("bin", "usr/bin").link("lib64", "/usr/lib64").link("sbin", "usr/sbin").link("usr/sbin", "bin");
    for path in ["/usr/bin/ls", "/bin/ls", "/sbin/ls", "/usr/lib64/ld.so"] {
        assert_eq!(root.owner(path).package, "old", "{path}");
    }
    for path in ["/usr/bin/cat", "/bin/cat", "/usr/bin/ip", "/sbin/ip"] {
        assert_eq!(root.owner(path).package, "new", "{path}");
    }
    root.is_unowned("/usr/lib/ld.so");
}

#[test]
fn a_diverted_file_belongs_to_the_package_that_lists_it() {
    let root = dpkg(&[("shell", &["/bin/sh"]), ("better", &["/bin/sh"]), ("vi", &["/usr/bin/vi"])]);
    root.link("bin", "usr/bin");
    for (package, digit) in [("shell", "1"), ("better", "2")] {
        root.write(
            &format!("var/lib/dpkg/info/{package}.md5sums"),
            format!("{}  bin/sh\n", digit.repeat(32)),
        );
    }
    assert!(
        root.trouble("/usr/bin/sh").contains("better (dpkg, amd64) and shell (dpkg, amd64) both list it")
    );
    root.write(
        "var/lib/dpkg/diversions",
        "/bin/sh\n/bin/sh.distrib\nbetter\n/usr/bin/vi\n/usr/bin/vi.real\n:\n",
    );
    assert_eq!(root.owner("/usr/bin/sh").package, "better");
    let moved = root.owner("/usr/bin/sh.distrib");
    assert_eq!((moved.package.as_str(), moved.checksum), ("shell", Some(Checksum::Md5([0x11; 16]))));
    // What the administrator diverted is nobody's at its own name.
    root.is_unowned("/usr/bin/vi");
    assert_eq!(root.owner("/usr/bin/vi.real").package, "vi");
    root.write("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\n");
    assert!(root.trouble("/usr/bin/sh").contains("ends in the middle of a diversion"));
}

#[test]
fn builds_for_several_architectures_share_a_file() {
    let library = |path| ["/usr/share/lib/data", path];
    let (amd64, i386) = (library("/usr/lib/x86_64-linux-gnu/l.so"), library("/usr/lib/i386-linux-gnu/l.so"));
    let root = dpkg(&[("lib:amd64", &amd64), ("lib:i386", &i386)]);
    assert_eq!(root.owner_text("/usr/lib/i386-linux-gnu/l.so"), "lib 1.0-1 i386");
    assert_eq!(root.owner_text("/usr/lib/x86_64-linux-gnu/l.so"), "lib 1.0-1 amd64");
    root.write("var/lib/dpkg/info/lib:amd64.md5sums", format!("{MD5}  usr/share/lib/data\n"));
    root.write("var/lib/dpkg/info/lib:i386.md5sums", format!("{MD5}  ./usr/share/lib/data\n"));
    assert_eq!(root.owner_text("/usr/share/lib/data"), "lib 1.0-1 amd64");
    root.write("var/lib/dpkg/info/lib:i386.md5sums", format!("{}  usr/share/lib/data\n", "0".repeat(32)));
    assert!(root.trouble("/usr/share/lib/data").contains("different content"));
}

#[test]
fn configuration_has_its_checksum_in_the_status() {
    let root = dpkg(&[("tool", &["/etc/tool", "/etc/tool.conf", "/etc/new.conf", "/etc/old.conf"])]);
    let status = format!(
        "Package: tool\nStatus: install ok installed\nArchitecture: all\nVersion: 2:1\nConffiles:\n \
         /etc/tool.conf {MD5}\n /etc/new.conf newconffile\n /etc/old.conf {MD5} obsolete\nDescription: x\n /etc/tool {MD5}\n"
    );
    root.write("var/lib/dpkg/status", status);
    for path in ["/etc/tool.conf", "/etc/old.conf"] {
        let owner = root.owner(path);
        assert!(
            owner.is_configuration && owner.checksum.is_some_and(|checksum| checksum.to_string() == MD5),
            "{path}"
        );
    }
    let unpacked = root.owner("/etc/new.conf");
    assert_eq!((unpacked.is_configuration, unpacked.checksum), (true, None));
    let plain = root.owner("/etc/tool");
    assert_eq!((plain.is_configuration, plain.checksum), (false, None));
}

#[test]
fn changes_that_wait_in_updates_count_more_than_the_status() {
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    let paragraph = |state, version| {
        format!("Package: tool\nStatus: install ok {state}\nArchitecture: amd64\nVersion: {version}\n")
    };
    root.write("var/lib/dpkg/updates/0000", paragraph("half-installed", "1.0-1"));
    assert!(root.trouble("/usr/bin/tool").contains("package tool is half installed"));
    root.write("var/lib/dpkg/updates/0001", paragraph("unpacked", "2.0-1"));
    root.write("var/lib/dpkg/updates/tmp.i", "not yet");
    assert_eq!(root.owner_text("/usr/bin/tool"), "tool 2.0-1 amd64");
}

#[test]
fn a_package_that_changed_its_architecture_has_the_new_one() {
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    let paragraph = |state, architecture| {
        format!("Package: tool\nStatus: install ok {state}\nArchitecture: {architecture}\nVersion: 1\n\n")
    };
    for paragraphs in [
        paragraph("installed", "amd64") + &paragraph("config-files", "i386"),
        paragraph("config-files", "i386") + &paragraph("installed", "amd64"),
    ] {
        root.write("var/lib/dpkg/status", paragraphs);
        assert_eq!(root.owner_text("/usr/bin/tool"), "tool 1 amd64");
    }
}

#[test]
fn the_stamp_changes_with_the_database_only() {
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    let before = root.packages().stamp().unwrap();
    root.write("usr/bin/tool", "content");
    assert_eq!(root.packages().stamp().unwrap(), before);
    // As dpkg does: a new file under the old name.
    root.write("var/lib/dpkg/status-new", "Package: tool\n");
    std::fs::rename(root.at("var/lib/dpkg/status-new"), root.at("var/lib/dpkg/status")).unwrap();
    assert_ne!(root.packages().stamp().unwrap(), before);
    let before = root.packages().stamp().unwrap();
    root.write("var/lib/dpkg/updates/0000", "");
    assert_ne!(root.packages().stamp().unwrap(), before);
}

#[test]
fn without_a_database_nothing_is_known() {
    let root = Root::new();
    assert!(root.trouble("/usr/bin/tool").contains("there is no package database under"));
    assert_eq!(root.packages().managers().unwrap(), []);
    assert_eq!(root.packages().at_work().unwrap(), []);
}

#[test]
fn dpkg_without_packages_owns_nothing_and_hides_nothing() {
    let root = Root::new();
    root.write("var/lib/dpkg/status", "").write(SQLITE, sqlite());
    assert_eq!(root.packages().managers().unwrap(), [Manager::Dpkg, Manager::Rpm]);
    assert_eq!(root.owner("/usr/bin/tool").manager, Manager::Rpm);
    root.is_unowned("/usr/bin/none");
    root.write("var/lib/dpkg/status", "Package: tool\n");
    assert_eq!(root.owner("/usr/bin/tool").manager, Manager::Rpm);
    assert!(root.trouble("/usr/bin/none").contains("it has no info"));
    // Two managers that say different things of one file.
    let root = dpkg(&[("tool", &["/usr/bin/tool"])]);
    root.write("var/lib/dpkg/info/tool.md5sums", format!("{MD5}  usr/bin/tool\n")).write(SQLITE, sqlite());
    assert!(
        root.trouble("/usr/bin/tool").contains("tool (dpkg, amd64) and portolan-tool (rpm, noarch) both")
    );
}
