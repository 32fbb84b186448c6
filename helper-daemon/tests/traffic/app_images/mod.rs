//! AppImages, made here: an ELF file that mounts the squashfs behind it and becomes a program in there.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use portolan_bus::QueryRow;
use portolan_testbed::Program;

use crate::bed::{Bed, PATIENCE, Server, run, sha256};

/// The first word says what is done. A shell comes between the AppImage and its programs, as in most.
const APP_RUN: &str = r#"#!/bin/sh
here=$(dirname "$0")
what=$1
shift
case $what in
  once) exec "$here/usr/bin/talker" "$@" ;;
  started) exec "$here/usr/bin/talker" spawn 1 "$here/usr/bin/child" "$@" ;;
  other) exec "$here/usr/bin/talker" spawn 1 "$@" ;;
  over)
    "$here/usr/bin/talker" peers 1 1 >/dev/null || exit 1
    cp "$here/usr/bin/child" "$here.child" || exit 1
    mount -t tmpfs over "$here" || exit 1
    mkdir -p "$here/usr/bin"
    mv "$here.child" "$here/usr/bin/over"
    "$here/usr/bin/over" "$@"
    status=$?
    # Busy while the daemon still reads what ran there.
    tries=0
    while ! umount "$here" 2>/dev/null && [ $tries -lt 200 ]; do tries=$((tries + 1)); sleep 0.02; done
    exit $status ;;
esac
"#;

struct AppImage {
    file: PathBuf,
    content: PathBuf,
}

impl AppImage {
    fn make(bed: &Bed, name: &str) -> Self {
        let content = bed.programs.path("content");
        let bin = content.join("usr/bin");
        fs::create_dir_all(&bin).unwrap();
        for name in ["talker", "child"] {
            fs::rename(bed.programs.copy(name), bin.join(name)).unwrap();
        }
        fs::write(content.join("AppRun"), APP_RUN).unwrap();
        run(Path::new("/bin/chmod"), &["+x", content.join("AppRun").to_str().unwrap()]);
        let (image, runtime) = (bed.programs.path("image"), bed.programs.path("runtime"));
        let (from, to) = (content.to_str().unwrap(), image.to_str().unwrap());
        run(Path::new("/usr/bin/mksquashfs"), &[from, to, "-quiet", "-no-progress"]);
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/traffic/app_images/runtime.c");
        run(Path::new("/usr/bin/cc"), &["-O1", "-o", runtime.to_str().unwrap(), source]);
        let mut whole = fs::read(&runtime).unwrap();
        whole[8..11].copy_from_slice(b"AI\x02");
        whole.extend(fs::read(&image).unwrap());
        let file = bed.programs.path(name);
        fs::write(&file, whole).unwrap();
        run(Path::new("/bin/chmod"), &["+x", file.to_str().unwrap()]);
        Self { file, content }
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.content.join("usr/bin").join(name)
    }
}

/// What programs below a mount folder moved: application, path in it, hash, bytes.
fn in_mounts(rows: &[QueryRow]) -> Vec<(String, String, String, u64)> {
    let mut found: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let (_, inside) = row.keys.get("path")?.split_once("/.mount_")?.1.split_once('/')?;
            let key = |name: &str| row.keys[name].clone();
            Some((key("application"), inside.to_owned(), key("sha256"), row.tx_bytes))
        })
        .collect();
    found.sort();
    found
}

/// Runs a program that connects, and sends so many bytes when it is known who it is. A server's file is looked for in the process
/// that runs it: of one that ends at once, it may not be found.
async fn talk(bed: &Bed, server: &Server, mut command: Command, bytes: u64) {
    command.args(["patient", &server.tcp_v4(), &bytes.to_string()]).env("TMPDIR", mounts(bed));
    let mut running = Program::start_with_stdin("a program of an AppImage", command).unwrap();
    running.wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(())).unwrap();
    bed.query(&[]).await;
    running.close_stdin();
    assert!(running.ended(PATIENCE).unwrap().success(), "{}", running.output());
}

/// Where AppImages make their mount folders. It goes away when nothing is mounted in it any more.
fn mounts(bed: &Bed) -> PathBuf {
    let folder = bed.programs.path("mounts");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o1777)).unwrap();
    folder
}

fn wait_until_unmounted(bed: &Bed) {
    let (folder, begun) = (bed.programs.path("mounts"), Instant::now());
    while fs::read_to_string("/proc/self/mountinfo").unwrap().contains(folder.to_str().unwrap()) {
        assert!(begun.elapsed() < PATIENCE, "an AppImage stays mounted");
        thread::sleep(Duration::from_millis(10));
    }
}

fn command(program: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words);
    command
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_runs_in_the_mount_of_an_app_image_is_the_app_image_and_nothing_else_is() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let image = AppImage::make(&bed, "Talk-1.2-x86_64.AppImage");
    talk(&bed, &server, command(&image.file, &["once"]), 81).await;
    talk(&bed, &server, command(&image.file, &["started"]), 82).await;
    // A folder that only looks like a mount.
    let fake = bed.programs.path(".mount_TalkAb12xY/usr/bin/fake");
    fs::create_dir_all(fake.parent().unwrap()).unwrap();
    fs::rename(bed.programs.copy("fake"), &fake).unwrap();
    talk(&bed, &server, command(&image.file, &["other", fake.to_str().unwrap()]), 83).await;
    // Another filesystem over that of the AppImage.
    talk(&bed, &server, command(&image.file, &["over"]), 84).await;
    // The same file without the letters.
    let mut content = fs::read(&image.file).unwrap();
    content[8..11].fill(0);
    let none = bed.programs.path("none.AppImage");
    fs::write(&none, content).unwrap();
    run(Path::new("/bin/chmod"), &["+x", none.to_str().unwrap()]);
    talk(&bed, &server, command(&none, &["once"]), 85).await;
    // The AppImage of that path in a mount namespace of its own is none of this machine's.
    let other = bed.programs.path("other.AppImage");
    fs::copy(&image.file, &other).unwrap();
    let mut elsewhere = Command::new("unshare");
    let script = "mount --bind \"$1\" \"$2\" && shift && exec \"$@\"";
    elsewhere.args(["--mount", "sh", "-c", script, "sh"]).arg(&other).arg(&image.file).arg("once");
    talk(&bed, &server, elsewhere, 86).await;

    wait_until_unmounted(&bed);
    let found = in_mounts(&bed.query(&["application", "executable"]).await);
    let key = format!("appimage:{}", bed.programs.path("Talk-*-x86_64.AppImage").display());
    let hash = |name: &str| sha256(&image.inside(name));
    let of = |key: &str, path: &str, hash: String, bytes| (key.to_owned(), path.to_owned(), hash, bytes);
    let below = |kind: &str, folder: &Path, name: &str| {
        format!("{kind}:{}/.mount_Talk*/usr/bin/{name}", folder.display())
    };
    let (mounts, folder) = (mounts(&bed), image.file.parent().unwrap());
    let mut expected = vec![
        of(&key, "usr/bin/talker", hash("talker"), 81),
        of(&key, "usr/bin/child", hash("child"), 82),
        of(&below("path", folder, "fake"), "usr/bin/fake", sha256(&fake), 83),
        of(&below("path", &mounts, "over"), "usr/bin/over", hash("child"), 84),
        of(&below("path", &mounts, "talker"), "usr/bin/talker", hash("talker"), 85),
        of(&below("elsewhere", &mounts, "talker"), "usr/bin/talker", hash("talker"), 86),
    ];
    expected.sort();
    // What the mount is tried with before another one is put over it may end before it is found.
    let found: Vec<_> = found.into_iter().filter(|(_, _, _, bytes)| *bytes >= 81).collect();
    assert_eq!(found, expected);
}

/// How much what runs in mounts has moved, once that is more than this.
async fn moved_more_than(bed: &Bed, before: u64) -> u64 {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let found = in_mounts(&bed.query(&["application", "executable"]).await);
        let moved = found.iter().map(|row| row.3).sum();
        if moved > before {
            return moved;
        }
        assert!(std::time::Instant::now() < deadline, "{found:?}");
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_runs_in_an_app_image_stays_its_when_the_daemon_starts_again() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let image = AppImage::make(&bed, "Talk.AppImage");
    let mut command = Command::new(&image.file);
    command.args(["once", "steady", &server.tcp_v4()]).env("TMPDIR", mounts(&bed));
    let mut running = Program::start_with_stdin("the AppImage", command).unwrap();
    moved_more_than(&bed, 0).await;
    bed.daemon.kill();
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    let before = moved_more_than(&bed, 0).await;
    moved_more_than(&bed, before).await;
    running.close_stdin();
    assert!(running.ended(PATIENCE).unwrap().success());
    wait_until_unmounted(&bed);
    let found = in_mounts(&bed.query(&["application", "executable"]).await);
    let [(key, _, hash, _)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (key, hash),
        (&format!("appimage:{}", image.file.display()), &sha256(&image.inside("talker")))
    );
}

/// A mount that its user has made for nobody else, as all AppImages do: not even root may read its files.
#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_only_its_user_may_read_is_known_all_the_same() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let image = AppImage::make(&bed, "Private.AppImage");
    let mut command = Command::new("unshare");
    let script = "mknod -m 666 \"$1\" c 10 229 && mount --bind \"$1\" /dev/fuse && shift && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(bed.programs.path("fuse"));
    command.args(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(&image.file).arg("once");
    talk(&bed, &server, command, 86).await;
    let rows = bed.query(&["application", "executable", "user"]).await;
    let of_user: Vec<_> = rows.into_iter().filter(|row| row.keys["user"] == "65534").collect();
    let key = format!("appimage:{}", image.file.display());
    let expected = (key, "usr/bin/talker".to_owned(), sha256(&image.inside("talker")), 86);
    assert_eq!(in_mounts(&of_user), [expected], "{of_user:#?}");
}
