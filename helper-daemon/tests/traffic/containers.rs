//! Programs in namespaces and cgroups like those that container engines and systemd make.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use portolan_bus::QueryRow;
use portolan_testbed::{Folder, Program};

use crate::{
    bed::{Bed, PATIENCE, sha256},
    cgroup::Cgroup,
};

/// Makes a root folder, enters it for good, and becomes a program: waits until stdin ends, then LAYERS LOWER PLACE PROGRAM….
/// Everything is in namespaces of its own and goes away with them.
const SCRIPT: &str = r#"
set -e
echo ready
read -r nothing || true
layers=$1 lower=$2 place=$3
shift 3
mount -t tmpfs tmpfs "$place"
cd "$place"
mkdir upper work root
if [ "$layers" = overlay ]; then
  mount -t overlay -o "lowerdir=$lower,upperdir=upper,workdir=work" overlay root
else
  mount --bind root root
  cp -R --preserve=mode "$lower/." root
fi
cd root
mkdir -p old dev
touch dev/null
mount --bind /dev/null dev/null
ip link set lo up
pivot_root . old
exec "$@"
"#;

const LIBRARIES: [&str; 3] =
    ["/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libgcc_s.so.1"];

/// What a container's files are made from: a parent and a child, at paths where the host has others.
struct Image {
    folder: Folder,
    parent: PathBuf,
    child: PathBuf,
}

impl Image {
    fn new(bed: &Bed) -> Self {
        let folder = Folder::for_everybody().unwrap();
        folder.make_dir("lower", 0o755).unwrap();
        folder.make_dir("place", 0o755).unwrap();
        let image = Self { folder, parent: bed.programs.copy("parent"), child: bed.programs.copy("child") };
        for library in LIBRARIES {
            image.add(Path::new(library));
        }
        for program in [&image.parent, &image.child] {
            image.add(program);
            bed.programs.change(program.file_name().unwrap().to_str().unwrap());
            assert_ne!(sha256(program), sha256(&image.inside(program)));
        }
        image
    }

    fn add(&self, path: &Path) {
        let inside = self.inside(path);
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(path, &inside).unwrap();
        fs::metadata(&inside).unwrap();
    }

    fn inside(&self, path: &Path) -> PathBuf {
        self.folder.path().join("lower").join(path.strip_prefix("/").unwrap())
    }

    /// A container of this image that waits for its stdin to end before it makes its root and runs the parent, which starts
    /// so many children one after the other.
    fn start(&self, uid: u32, options: &[&str], layers: &str, children: u32) -> Program {
        let (parent, child) = (self.parent.to_str().unwrap(), self.child.to_str().unwrap());
        self.start_program(uid, options, layers, &[parent, "spawn", &children.to_string(), child])
    }

    fn start_program(&self, uid: u32, options: &[&str], layers: &str, words: &[&str]) -> Program {
        let mut command = Command::new("unshare");
        command.args(options).args(["--mount", "--net", "sh", "-c", SCRIPT, "container", layers]);
        command.arg(self.folder.path().join("lower")).arg(self.folder.path().join("place"));
        command.args(words).args(["udp", "127.0.0.1:9", "3", "10"]).uid(uid);
        let mut program = Program::start_with_stdin("container", command).unwrap();
        program.wait_for_line("that it is ready", PATIENCE, |line| (line == "ready").then_some(())).unwrap();
        program
    }
}

fn ends_well(mut program: Program) {
    program.close_stdin();
    let status = program.ended(PATIENCE).unwrap();
    assert!(status.success(), "{}", program.output());
}

fn id(digits: &str) -> String {
    digits.repeat(64 / digits.len())
}

/// The rows of a program, by its path.
fn of<'a>(rows: &'a [QueryRow], path: &Path) -> Vec<&'a QueryRow> {
    rows.iter().filter(|row| row.keys.get("path").is_some_and(|key| Path::new(key) == path)).collect()
}

/// Everything about the children of a container: right file, right parent, right place, and all of them.
async fn assert_named(bed: &Bed, image: &Image, container: &str, user: &str, children: u64) {
    let users = bed.query_program(&image.child, &["user"]).await;
    assert_eq!(users.iter().map(|row| row.keys["user"].as_str()).collect::<Vec<_>>(), [user]);
    let rows = bed.query(&["executable", "parent", "container"]).await;
    let rows = of(&rows, &image.child);
    let [row] = rows.as_slice() else { panic!("{rows:#?}") };
    assert_eq!(row.keys["sha256"], sha256(&image.inside(&image.child)), "not the host's file of that path");
    assert_eq!(row.keys["parent_path"], image.parent.to_str().unwrap());
    assert_eq!(row.keys["parent_sha256"], sha256(&image.inside(&image.parent)));
    assert_eq!(row.keys["container"], container);
    assert_eq!((row.tx_bytes, row.flows), (children * 30, children));
    let status = bed.proxy().await.status().await.unwrap();
    assert!(status.losses.values().all(|count| *count == 0), "{:?}", status.losses);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn short_programs_of_a_container_are_named_by_their_own_files_and_the_container() {
    for (layers, options) in [
        ("overlay", &["--pid", "--fork"][..]),
        ("overlay", &[]),
        ("tmpfs", &["--pid", "--fork"]),
        ("tmpfs", &[]),
    ] {
        let bed = Bed::start();
        let image = Image::new(&bed);
        let cgroup = Cgroup::new(&format!("system.slice/docker-{}.scope", id("c0ffee12")));
        let program = image.start(0, options, layers, 200);
        cgroup.take_in(program.pid());
        take_in_children(&cgroup, program.pid());
        ends_well(program);
        drop(cgroup);
        assert_named(&bed, &image, &format!("docker:{}", id("c0ffee12")), "0", 200).await;
        let units = bed.query(&["executable", "unit"]).await;
        let unit = &of(&units, &image.child)[0].keys["unit"];
        assert_eq!(*unit, format!("docker-{}.scope", id("c0ffee12")), "{layers} {options:?}");
    }
}

/// The shell, where unshare has forked it.
fn take_in_children(cgroup: &Cgroup, pid: u32) {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().for_each(|child| cgroup.take_in(child.parse().unwrap()));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_container_of_a_user_without_rights_is_named_under_that_user() {
    for layers in ["overlay", "tmpfs"] {
        let bed = Bed::start();
        let image = Image::new(&bed);
        let cgroup = Cgroup::new(&format!(
            "user.slice/user@65534.service/user.slice/libpod-{}.scope/container",
            id("ab")
        ));
        let program = image.start(65_534, &["--user", "--map-root-user"], layers, 100);
        cgroup.take_in(program.pid());
        ends_well(program);
        assert_named(&bed, &image, &format!("podman:{}", id("ab")), "65534", 100).await;
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn the_first_program_of_a_container_is_named_or_not_known_and_never_another() {
    const CONTAINERS: u64 = 60;
    for layers in ["overlay", "tmpfs"] {
        let bed = Bed::start();
        let image = Image::new(&bed);
        for _ in 0..CONTAINERS {
            ends_well(image.start_program(0, &[], layers, &[image.child.to_str().unwrap()]));
        }
        let rows = bed.query(&["executable", "command"]).await;
        let command = format!("{} udp 127.0.0.1:9 3 10", image.child.display());
        let ours: Vec<_> = rows.iter().filter(|row| row.keys.get("command") == Some(&command)).collect();
        assert_eq!(ours.iter().map(|row| row.tx_bytes).sum::<u64>(), CONTAINERS * 30, "{ours:#?}");
        let (named, unknown): (Vec<_>, Vec<_>) =
            ours.into_iter().partition(|row| row.keys.contains_key("path"));
        let hash = sha256(&image.inside(&image.child));
        assert!(
            named
                .iter()
                .all(|row| row.keys["sha256"] == hash && row.keys["path"] == image.child.to_str().unwrap())
        );
        assert!(unknown.iter().all(|row| row.keys.contains_key("unattributed")), "{unknown:#?}");
        let flows: u64 = named.iter().map(|row| row.flows).sum();
        println!("{layers}: {flows} of {CONTAINERS} first programs are named");
        // How many depends on how soon the daemon runs after the mount.
        assert!(flows > 0, "{layers}");
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn each_network_namespace_is_told_apart_by_its_number() {
    let bed = Bed::start();
    let program = bed.programs.copy("apart");
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let script = "ip link set lo up; stat -Lc %i /proc/self/ns/net; exec \"$@\"";
        let output = Command::new("unshare")
            .args(["--net", "sh", "-c", script, "sh"])
            .arg(&program)
            .args(["udp", "127.0.0.1:9", "1", "70"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        numbers.push(String::from_utf8(output.stdout).unwrap().lines().next().unwrap().to_owned());
    }
    let rows = bed.query(&["executable", "namespace"]).await;
    let mut seen: Vec<_> =
        of(&rows, &program).iter().map(|row| (row.keys["namespace"].clone(), row.tx_bytes)).collect();
    seen.sort();
    let mut expected: Vec<_> = numbers.into_iter().map(|number| (number, 70)).collect();
    expected.sort();
    // The number of a namespace that has ended may be given to the next.
    expected.dedup_by(|next, sum| {
        next.0 == sum.0 && {
            sum.1 += next.1;
            true
        }
    });
    assert_eq!(seen, expected);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_program_belongs_to_the_unit_that_it_is_in_and_the_one_that_it_is_moved_to() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let unit_of = async |path: &Path| {
        let rows = bed.query(&["executable", "unit", "container"]).await;
        // A connection that was opened in the bucket before has a row of its own, without bytes.
        let rows: Vec<_> = of(&rows, path).into_iter().filter(|row| row.tx_bytes > 0).collect();
        let [row] = rows.as_slice() else { panic!("{rows:#?}") };
        (row.keys.get("unit").cloned(), row.keys.get("container").cloned(), row.tx_bytes)
    };

    // As systemd starts a service: moved between fork and exec. The cgroup is gone before anybody asks.
    let program = bed.programs.copy("served");
    let service = Cgroup::new("system.slice/system-web.slice/web@a\\x2db.service");
    let mut command = Command::new("sh");
    command.args(["-c", "read -r nothing || true; exec \"$@\"", "sh"]).arg(&program);
    command.args(["tcp", &server.tcp_v4(), "500"]);
    let starting = Program::start_with_stdin("served", command).unwrap();
    service.take_in(starting.pid());
    ends_well(starting);
    drop(service);
    assert_eq!(unit_of(&program).await, (Some("web@a\\x2db.service".to_owned()), None, 500));

    // As a desktop does: moved when it runs, and what it forks afterwards is there, too.
    let program = bed.programs.copy("moved");
    let scope =
        Cgroup::new("user.slice/user-7.slice/user@7.service/app.slice/app-flatpak-org.example.App-12.scope");
    let mut command = Command::new(&program);
    command.args(["patient", &server.tcp_v4(), "900"]);
    let mut running = Program::start_with_stdin("moved", command).unwrap();
    running.wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(())).unwrap();
    scope.take_in(running.pid());
    ends_well(running);
    let unit = "user@7.service/app-flatpak-org.example.App-12.scope";
    let expected = (Some(unit.to_owned()), Some("flatpak:org.example.App".to_owned()), 900);
    assert_eq!(unit_of(&program).await, expected);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn where_only_the_old_hierarchies_have_cgroups_they_count() {
    let Some(cgroup) = Cgroup::of_version_1("cpu", &format!("docker/{}", id("9e"))) else {
        println!("skipped: no cgroup hierarchy of version 1 is mounted");
        return;
    };
    let bed = Bed::start();
    let program = bed.programs.copy("old");
    let mut command = Command::new("sh");
    command.args(["-c", "read -r nothing || true; exec \"$@\"", "sh"]).arg(&program);
    command.args(["udp", "127.0.0.1:9", "1", "5"]);
    let starting = Program::start_with_stdin("old", command).unwrap();
    cgroup.take_in(starting.pid());
    ends_well(starting);
    let rows = bed.query(&["executable", "container"]).await;
    let containers: Vec<_> =
        of(&rows, &program).iter().map(|row| row.keys.get("container").cloned()).collect();
    assert_eq!(containers, [Some(format!("docker:{}", id("9e")))]);
}
