//! Programs in Java, as docs/identity.md names them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    bed::{Bed, settle},
    talk::{Expected, talk},
};

const TALKER: &str = "public class Talker {
    public static void main(String[] words) { System.out.print(\"x\".repeat(Integer.parseInt(words[0]))); }
}
";

fn succeed(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// The key of what Java runs; the machine's Java is one application in all its versions.
fn key(java: &Path, what: &str) -> String {
    let folder = java.to_str().unwrap();
    let version = folder.split_once("java-").and_then(|(_, rest)| rest.split_once(['-', '/'])).unwrap().0;
    format!("script:{}:{what}", folder.replace(&format!("java-{version}"), "java-*"))
}

#[tokio::test]
#[ignore = "needs root, eBPF, a private bus and java"]
async fn what_java_runs_is_named_with_it() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let java: PathBuf = fs::canonicalize("/usr/bin/java").unwrap();
    let (source, jar) = (bed.programs.path("Talker.java"), bed.programs.path("talker-1.2.jar"));
    let folder = source.parent().unwrap().to_owned();
    fs::write(&source, TALKER).unwrap();
    succeed(Command::new("javac").arg("-d").arg(&folder).arg(&source));
    succeed(Command::new("jar").arg("cfe").arg(&jar).args(["Talker", "-C"]).arg(&folder).arg("Talker.class"));
    settle(&jar);
    let (folder_name, source_name) = (folder.display(), source.display());
    let mut expected = Expected::default();
    let mut run = |bytes: u64, words: &[&str], what: String, file: Option<&Path>| {
        talk(&server, Command::new("java").args(words).arg(bytes.to_string()).current_dir(&folder));
        expected.add(&key(&java, &what), &java, file, bytes);
    };
    run(51, &["-Xmx64m", "-jar", "talker-1.2.jar"], jar.display().to_string(), Some(&jar));
    let on_path = format!("-cp={folder_name} -m Talker");
    run(52, &["-cp", folder.to_str().unwrap(), "Talker"], on_path, None);
    run(53, &["Talker"], "-m Talker".to_owned(), None);
    run(54, &["Talker.java"], source_name.to_string(), Some(&source));
    let agent = format!("-Xbootclasspath/a:{folder_name}");
    run(
        55,
        &[&agent, "-jar", "talker-1.2.jar"],
        format!("-Xbootclasspath=/a:{folder_name} {}", jar.display()),
        Some(&jar),
    );
    expected.check(&bed).await;
}
