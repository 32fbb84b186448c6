//! A Flatpak application, made and installed here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use portolan_core::{PackageManager, Provenance};
use portolan_testbed::{Folder, Program};

use crate::{
    bed::{Bed, PATIENCE, run, sha256},
    cgroup::Cgroup,
    talk::evidence_about,
};

const LIBRARIES: [&str; 2] = ["libc.so.6", "libgcc_s.so.1"];
const FOLDER: &str = "/usr/lib/x86_64-linux-gnu";

/// An application and its runtime, installed for the whole machine until this is dropped.
struct Flatpak {
    id: String,
    runtime: String,
    folder: Folder,
}

impl Flatpak {
    fn install(program: &Path) -> Self {
        let number = process::id();
        let (id, runtime) = (format!("org.portolan.Talk{number}"), format!("org.portolan.Platform{number}"));
        let flatpak = Self { id, runtime, folder: Folder::for_everybody().unwrap() };
        let Self { id, runtime, .. } = &flatpak;
        let place = format!("{runtime}/x86_64/1");
        flatpak
            .write("runtime/metadata", format!("[Runtime]\nname={runtime}\nruntime={place}\nsdk={place}\n"));
        let needs = format!("runtime={place}\nsdk={place}\ncommand=talker\n[Context]\nshared=network;");
        flatpak.write("app/metadata", format!("[Application]\nname={id}\n{needs}\n"));
        for folder in ["runtime/files", "app/export"] {
            fs::create_dir_all(flatpak.path(folder)).unwrap();
        }
        for library in LIBRARIES {
            flatpak.copy(
                &Path::new(FOLDER).join(library),
                &format!("runtime/usr/lib/x86_64-linux-gnu/{library}"),
            );
        }
        flatpak.copy(Path::new("/lib64/ld-linux-x86-64.so.2"), "runtime/usr/lib64/ld-linux-x86-64.so.2");
        flatpak.copy(Path::new("/bin/dash"), "runtime/usr/bin/sh");
        flatpak.copy(program, "app/files/bin/talker");
        let [repository, runtime, app] = ["repository", "runtime", "app"].map(|name| flatpak.path(name));
        let (repository, app) = (repository.to_str().unwrap(), app.to_str().unwrap());
        let export = ["build-export", "--disable-sandbox"];
        call(&[&export[..], &["--runtime", repository, runtime.to_str().unwrap(), "1"]].concat());
        call(&[&export[..], &[repository, app]].concat());
        call(&["remote-add", "--system", "--no-gpg-verify", id, repository]);
        call(&["install", "--system", "--assumeyes", "--noninteractive", id, id]);
        flatpak
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: String) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn copy(&self, from: &Path, name: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::copy(from, self.path(name)).unwrap();
    }

    /// Runs a program to its end in a cgroup called as that of this application is.
    fn in_cgroup(&self, words: &[&str]) {
        let scope = format!("user.slice/user@1000.service/app.slice/app-flatpak-{}-4711.scope", self.id);
        let cgroup = Cgroup::new(&scope);
        let mut command = Command::new("sh");
        command.args(["-c", "read -r nothing || true; exec \"$@\"", "sh"]).args(words);
        let mut starting = Program::start_with_stdin("in a Flatpak's cgroup", command).unwrap();
        cgroup.take_in(starting.pid());
        starting.close_stdin();
        assert!(starting.ended(PATIENCE).unwrap().success(), "{}", starting.output());
    }
}

impl Drop for Flatpak {
    fn drop(&mut self) {
        let Self { id, runtime, .. } = self;
        for words in [
            ["uninstall", "--assumeyes", "--noninteractive", id, runtime].as_slice(),
            &["remote-delete", "--force", id],
        ] {
            let output = Command::new("flatpak").args(words).arg("--system").output();
            if !output.is_ok_and(|output| output.status.success()) {
                println!("flatpak {words:?} failed");
            }
        }
    }
}

fn call(words: &[&str]) {
    run(Path::new("/usr/bin/flatpak"), words);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_flatpak_is_named_by_its_own_files_and_nothing_else_of_that_name_is() {
    let bed = Bed::start();
    let proxy = bed.proxy().await;
    proxy.end_learning().await.unwrap();
    let server = bed.programs.server();
    let program = bed.programs.copy("talker");
    let flatpak = Flatpak::install(&program);
    let address = server.tcp_v4();
    flatpak.in_cgroup(&["flatpak", "run", &flatpak.id, "tcp", &address, "91"]);
    // A program of this machine in a cgroup of that name.
    flatpak.in_cgroup(&[program.to_str().unwrap(), "tcp", &address, "92"]);
    // Another program where the application's would be.
    let other = bed.programs.change("talker");
    fs::create_dir_all(flatpak.path("fake/bin")).unwrap();
    flatpak.copy(&other, "fake/bin/talker");
    let fake = flatpak.path("fake");
    let box_of_bubblewrap =
        ["bwrap", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib64", "/lib64", "--symlink"];
    let inside = ["usr/lib", "/lib", "--ro-bind", fake.to_str().unwrap(), "/app", "/app/bin/talker"];
    flatpak.in_cgroup(&[&box_of_bubblewrap[..], &inside, &["tcp", &address, "93"]].concat());

    let rows = bed.query(&["application", "executable", "container"]).await;
    let container = format!("flatpak:{}", flatpak.id);
    let mut found: Vec<_> = rows
        .iter()
        .filter(|row| row.keys.get("container") == Some(&container))
        .map(|row| (row.tx_bytes, row.keys["application"].clone(), row.keys["sha256"].clone()))
        .collect();
    found.sort();
    let (own, others) = (sha256(&flatpak.path("app/files/bin/talker")), sha256(&other));
    let expected = [
        (91, container.clone(), own.clone()),
        (92, format!("path:{}", program.display()), own),
        (93, "elsewhere:/app/bin/talker".to_owned(), others),
    ];
    assert_eq!(found, expected);
    let Some(Provenance::Unchecked(package)) = evidence_about(&proxy, &container).await.provenance else {
        panic!("{rows:#?}")
    };
    assert_eq!((package.manager, &package.name), (PackageManager::Flatpak, &flatpak.id));
}
