//! Scripts that are not the ones that a package has.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use portolan_bus::QueryRow;

use crate::{
    bed::{Bed, run, settle, sha256},
    talk::talk,
};

/// Who may mount can put another script over it once it was found to be the package's.
#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_packaged_script_is_proven_only_where_nobody_but_root_may_mount() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let script = Path::new("/usr/bin/shasum");
    for options in ["--mount", "-Urm"] {
        talk(&server, Command::new("unshare").arg(options).arg(script).arg("--version"));
    }
    let rows = bed.query(&["application", "script"]).await;
    let is_it = |row: &&QueryRow| row.keys.get("script_path").is_some_and(|path| Path::new(path) == script);
    let mut found: Vec<_> = rows.iter().filter(is_it).map(|row| row.keys["application"].as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, ["deb:perl:/usr/bin/shasum", "elsewhere:/usr/bin/perl:/usr/bin/shasum"]);
}

/// Who shares its working directory may have moved an interpreter elsewhere before it opened its script, and back.
#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_packaged_script_is_proven_only_where_its_name_depends_on_no_working_directory() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let perl = || Command::new("/usr/bin/perl");
    talk(&server, perl().args(["/usr/bin/shasum", "--version"]));
    talk(&server, perl().args(["shasum", "--version"]).current_dir("/usr/bin"));
    talk(&server, Command::new("./prove").arg("--version").current_dir("/usr/bin"));
    let rows = bed.query(&["application", "script"]).await;
    let found: Vec<_> = rows
        .iter()
        .filter(|row| row.keys.get("script_path").is_some_and(|path| path.starts_with("/usr/bin/")))
        .map(|row| (row.keys["application"].as_str(), row.keys["script_sha256"].clone()))
        .collect();
    let hash = |name: &str| sha256(&Path::new("/usr/bin").join(name));
    let expected = [
        ("deb:perl:/usr/bin/shasum", hash("shasum")),
        ("script:/usr/bin/perl:/usr/bin/prove", hash("prove")),
        ("script:/usr/bin/perl:/usr/bin/shasum", hash("shasum")),
    ];
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected.into());
}

/// A root folder of its own makes other files of all paths, and leaves the mount namespace what it was.
#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_script_in_another_root_folder_is_none_of_the_package_that_has_its_path() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let root = bed.programs.path("root");
    let script = root.join("usr/bin/shasum");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    // The real interpreter, with the libraries that it needs, and another script.
    let libraries = "ldd /usr/bin/perl | grep -o '/lib[^ ]*' | xargs -I{} cp -L --parents {} $1";
    run(Path::new("/bin/sh"), &["-c", libraries, "sh", root.to_str().unwrap()]);
    let code = "import os, sys\nfd = os.open('/usr/bin/perl', os.O_RDONLY)\nos.chroot(sys.argv[1])\n\
                os.chdir('/')\nos.execve(fd, ['perl', '/usr/bin/shasum'], {})";
    for (bytes, wait) in [(108, ""), (109, "sleep 1;")] {
        fs::write(&script, format!("{wait} print 'x' x {bytes};")).unwrap();
        settle(&script);
        talk(&server, Command::new("/usr/bin/python3").args(["-c", code]).arg(&root));
    }
    let rows = bed.query(&["application", "executable", "script"]).await;
    let of_key =
        |key: &str| rows.iter().filter(|row| row.keys.get("application").is_some_and(|is| is == key)).count();
    assert_eq!(of_key("deb:perl:/usr/bin/shasum"), 0, "{rows:#?}");
    assert_eq!(of_key("script:/usr/bin/perl:/usr/bin/shasum"), 2, "{rows:#?}");
}
