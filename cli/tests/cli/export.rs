//! `portolan history export`: what is under the name of a file is whole.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Mutex,
};

use parquet::file::reader::{FileReader, SerializedFileReader};
use portolan_bus::{BUS_NAME, OBJECT_PATH};
use portolan_history::line::FlowLine;
use tempfile::TempDir;
use zbus::{connection::Builder, zvariant::OwnedFd};

use crate::{
    bus::{Bus, Policy},
    history_file::history,
    program::{mortal, portolan, run, terminate},
};

const FORMATS: [&str; 3] = ["csv", "json", "parquet"];

/// A daemon whose one export is what the test writes.
struct Archive(Mutex<Option<OwnedFd>>);

#[zbus::interface(name = "org.portolan.Archive1")]
impl Archive {
    async fn export(&self, _query: &str) -> OwnedFd {
        self.0.lock().unwrap().take().unwrap()
    }
}

async fn daemon(bus: &Bus) -> (zbus::Connection, File) {
    let (reading, writing) = std::io::pipe().unwrap();
    let archive = Archive(Mutex::new(Some(std::os::fd::OwnedFd::from(reading).into())));
    let builder = Builder::address(bus.address.as_str()).unwrap();
    let builder = builder.serve_at(OBJECT_PATH, archive).unwrap().name(BUS_NAME).unwrap();
    (builder.build().await.unwrap(), File::from(std::os::fd::OwnedFd::from(writing)))
}

/// More than a pipe holds: when all is written, some of it was read.
async fn write_rows(mut pipe: File) -> File {
    let write = move || {
        let line = serde_json::to_string(&FlowLine::default()).unwrap() + "\n";
        (0..1000).for_each(|_| pipe.write_all(line.as_bytes()).unwrap());
        pipe
    };
    tokio::task::spawn_blocking(write).await.unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn who_ends_an_export_finds_nothing_of_it() {
    let bus = Bus::start(Policy::Everybody).await;
    for format in FORMATS {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("rows");
        let arguments = ["history", "export", "--format", format, "-o", path.to_str().unwrap()];

        let (connection, pipe) = daemon(&bus).await;
        let child = portolan(&bus.address, &arguments).spawn().unwrap();
        let pipe = write_rows(pipe).await;
        assert!(!path.exists() && names(dir.path()).len() == 1, "{format}");
        terminate(&child);
        let ended = child.wait_with_output().await.unwrap();
        assert_eq!((ended.status.code(), names(dir.path())), (Some(1), Vec::new()), "{format}: {ended:?}");
        drop(pipe);
        connection.close().await.unwrap();

        let (connection, pipe) = daemon(&bus).await;
        let child = portolan(&bus.address, &arguments).spawn().unwrap();
        drop(write_rows(pipe).await);
        let ended = child.wait_with_output().await.unwrap();
        assert_eq!((ended.status.code(), names(dir.path())), (Some(1), Vec::new()), "{format}: {ended:?}");
        let sentence = String::from_utf8(ended.stderr).unwrap();
        assert!(sentence.contains("000 rows: the daemon stopped writing"), "{sentence}");
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_export_leaves_its_name_free() {
    let bus = Bus::start(Policy::Everybody).await;
    for format in FORMATS {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("rows");
        let (connection, pipe) = daemon(&bus).await;
        let arguments = ["history", "export", "--format", format, "-o", path.to_str().unwrap()];
        let mut child = portolan(&bus.address, &arguments).spawn().unwrap();
        let pipe = write_rows(pipe).await;
        child.kill().await.unwrap();
        assert!(!path.exists(), "{format}");
        drop(pipe);
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_export_is_its_owners_and_replaces_nothing() {
    let dir = TempDir::new().unwrap();
    let history = history(dir.path());
    for format in FORMATS {
        let path = dir.path().join(format);
        let file = path.to_str().unwrap();
        let arguments = ["history", "export", "--format", format, "--history", &history, "-o", file];
        let ended = run("unix:path=/nonexistent/bus", &arguments).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let whole = fs::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let ended = run("unix:path=/nonexistent/bus", &[&arguments[..], &["port:1"]].concat()).await;
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("is there already"), "{ended:?}");
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
    let mut left = names(dir.path());
    left.retain(|name| name.ends_with(".part"));
    assert_eq!(left, Vec::<String>::new());
    let table = SerializedFileReader::new(File::open(dir.path().join("parquet")).unwrap()).unwrap();
    assert_eq!(table.metadata().file_metadata().num_rows(), 2);
}

#[tokio::test]
async fn a_table_goes_through_a_pipe_and_to_no_terminal() {
    let dir = TempDir::new().unwrap();
    let history = history(dir.path());
    let arguments = ["history", "export", "--format", "parquet", "--history", &history];
    let ended = portolan("unix:path=/nonexistent/bus", &arguments).output().await.unwrap();
    assert!(ended.status.success() && ended.stdout.starts_with(b"PAR1") && ended.stdout.ends_with(b"PAR1"));
    let words = format!("{} {}", env!("CARGO_BIN_EXE_portolan"), arguments.join(" "));
    // script (package bsdutils) runs a command in a terminal.
    let ended = mortal("script").args(["-qec", &words, "/dev/null"]).output().await.unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(!ended.stdout.windows(4).any(|bytes| bytes == b"PAR1"));
}
