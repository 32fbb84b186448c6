//! What of command lines is kept.

use std::{fs, os::unix::process::CommandExt, path::Path, process::Command};

use portolan_testbed::DaemonOptions;

use crate::bed::Bed;

/// Moves some bytes under a command line with secrets in it, and gives all that were kept.
async fn recorded(bed: &Bed) -> Vec<String> {
    let server = bed.programs.server();
    let program = bed.programs.copy("client");
    let mut command = Command::new(&program);
    command.arg0("client --token=hunter2 https://me:hunter2@host/").args(["tcp", &server.tcp_v4(), "10"]);
    assert!(command.output().unwrap().status.success());
    let rows = bed.query(&["executable", "command"]).await;
    let of_it =
        rows.iter().filter(|row| row.keys.get("path").is_some_and(|path| path == program.to_str().unwrap()));
    of_it.filter_map(|row| row.keys.get("command").cloned()).collect()
}

/// How often a word is in the files of a daemon.
fn occurrences(bed: &Bed, word: &[u8]) -> usize {
    let history = bed.daemon.history_path();
    let dirs = [history.parent().unwrap().to_owned(), bed.daemon.runtime_dir()];
    let files = dirs.iter().flat_map(|dir| fs::read_dir(dir).unwrap()).map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| count(&path, word)).sum()
}

fn count(path: &Path, word: &[u8]) -> usize {
    fs::read(path).unwrap().windows(word.len()).filter(|window| *window == word).count()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_secret_of_a_command_line_reaches_neither_a_file_nor_the_bus() {
    let bed = Bed::start();
    let lines = recorded(&bed).await;
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("client --token=*** https://me:***@host/ tcp 127.0.0.1:"), "{lines:?}");
    assert_eq!(occurrences(&bed, b"hunter2"), 0);
    assert!(occurrences(&bed, b"client --token=***") > 0, "the files are those that it would be in");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_command_line_is_kept_nowhere_when_it_is_not_wanted() {
    let config = "[recording]\ncommand_lines = false\n".to_owned();
    let bed = Bed::start_with(&DaemonOptions { config, ..DaemonOptions::default() });
    assert_eq!(recorded(&bed).await, Vec::<String>::new());
    assert_eq!(occurrences(&bed, b"--token="), 0);
}
