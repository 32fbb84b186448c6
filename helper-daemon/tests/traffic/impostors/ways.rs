//! Ways to execute that leave no name, another one, or several.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    bed::{Bed, settle, sha256},
    talk::{Expected, talk, talk_with},
};

/// `python3 -c CODE WAY PROGRAM PLACE WORDS…`: becomes PROGRAM, or a copy of it, in that way.
const CODE: &str = r#"
import fcntl, os, sys
way, program, place, words = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
def become(fd):
    os.execve(fd, [program] + words, {})
def copy(fd):
    os.write(fd, open(program, 'rb').read())
    os.fchmod(fd, 0o755)
if way == 'descriptor':
    become(os.open(program, os.O_RDONLY))
elif way == 'linked':
    fd = os.open(os.path.dirname(place), os.O_TMPFILE | os.O_RDWR)
    copy(fd)
    os.link('/proc/self/fd/%d' % fd, place, src_dir_fd=fd, follow_symlinks=True)
    os.close(fd)
    os.stat(place)
    os.execve(place, [program] + words, {})
elif way == 'nameless':
    fd = os.open(os.path.dirname(place), os.O_TMPFILE | os.O_RDWR)
    copy(fd)
    again = os.open('/proc/self/fd/%d' % fd, os.O_RDONLY)
    os.close(fd)
    os.fstat(again)
    become(again)
elif way == 'sealed':
    fd = os.memfd_create('curl', os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    copy(fd)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    become(fd)
"#;

fn script(bed: &Bed, name: &str, text: &str) -> PathBuf {
    let path = bed.programs.path(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    settle(&path);
    path
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn who_is_executed_by_a_descriptor_or_without_a_name_is_known_by_the_content() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("program");
    let place = bed.programs.path("linked");
    for (way, bytes) in [("descriptor", "101"), ("linked", "102"), ("nameless", "103"), ("sealed", "104")] {
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", CODE, way]).args([&program, &place]).args(["tcp", &server.tcp_v4(), bytes]);
        assert!(command.status().unwrap().success(), "{way}");
    }
    let rows = bed.query(&["application", "executable"]).await;
    let hash = sha256(&program);
    let of = |bytes| {
        let row = rows.iter().find(|row| row.tx_bytes == bytes && row.keys.get("sha256") == Some(&hash));
        row.unwrap_or_else(|| panic!("{bytes}: {rows:#?}")).keys["application"].as_str()
    };
    assert_eq!(of(101), format!("path:{}", program.display()));
    assert_eq!(of(102), format!("path:{}", place.display()));
    let folder = format!("path:{}/#", place.parent().unwrap().display());
    assert!(of(103).starts_with(&folder), "{}", of(103));
    // What was in memory only and has ended before the daemon looked is nobody's.
    let in_memory = rows.iter().find(|row| row.tx_bytes == 104).unwrap();
    let unavailable = in_memory.keys.get("unattributed").is_some_and(|reason| reason == "file-unavailable");
    assert!(unavailable || of(104) == "memory:curl", "{in_memory:#?}");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_an_interpreter_is_given_by_detours_is_named_with_it() {
    let bed = Bed::start();
    let (server, dash) = (bed.programs.server(), Path::new("/usr/bin/dash"));
    let split = script(&bed, "split", "#!/usr/bin/env -S dash -eu\nprintf 12345\n");
    let last = script(&bed, "last", "#!/bin/dash\nprintf 123456\n");
    let chain = script(&bed, "chain", &format!("#!{}\n", last.display()));
    let handled = script(&bed, "handled.portolan", "printf 1234567\n");
    let mut expected = Expected::default();
    let key = |script: &Path| format!("script:/usr/bin/dash:{}", script.display());

    talk(&server, &mut Command::new(&split));
    expected.add(&key(&split), dash, Some(&split), 5);
    talk(&server, &mut Command::new(&chain));
    expected.add(&key(&last), dash, Some(&last), 6);
    talk_with(&server, &mut Command::new("dash"), "printf 12345678");
    expected.add("script:/usr/bin/dash:-", dash, None, 8);
    talk(&server, Command::new("env").args(["-S", "LD_PRELOAD=libm.so.6 dash -c 'printf 123456789'"]));
    expected.add("script:/usr/bin/dash:-c", dash, None, 9);
    // In a user namespace, whoever likes has handlers of files (Linux 6.7): the kernel's word for what they get is not the last.
    let register = "mount -t binfmt_misc b /proc/sys/fs/binfmt_misc
        echo ':portolan:E::portolan::/usr/bin/dash:OC' > /proc/sys/fs/binfmt_misc/register
        exec \"$@\"";
    talk(&server, Command::new("unshare").args(["-Urm", "sh", "-ec", register, "sh"]).arg(&handled));
    expected.add(&key(&handled).replacen("script:", "elsewhere:", 1), dash, Some(&handled), 7);
    expected.check(&bed).await;
}
