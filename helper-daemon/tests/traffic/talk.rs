//! Real programs that move known bytes, and what is told of them.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
    thread::{self, JoinHandle},
};

use portolan_bus::{Daemon1Proxy, QueryRow};
use portolan_core::Evidence;

use crate::bed::{Bed, Server, sha256};

/// Runs a program to its end whose standard output is a connection to the server.
pub(crate) fn talk(server: &Server, command: &mut Command) {
    talk_with(server, command, "");
}

/// The same with a standard input.
pub(crate) fn talk_with(server: &Server, command: &mut Command, input: &str) {
    let stream = TcpStream::connect(server.tcp_v4()).unwrap();
    command.stdin(Stdio::piped()).stdout(OwnedFd::from(stream)).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    // It holds the other end of the connection.
    command.stdout(Stdio::null());
}

/// Who is to have moved how much.
#[derive(Default)]
pub(crate) struct Expected(Vec<[String; 6]>);

impl Expected {
    /// So many bytes of an application, moved by an executable that runs a script. The files are read now.
    pub(crate) fn add(&mut self, application: &str, executable: &Path, script: Option<&Path>, bytes: u64) {
        let script = script.map(|script| [script.to_str().unwrap().to_owned(), sha256(script)]);
        let [script, script_sha256] = script.unwrap_or_default();
        let (path, sha256) = (executable.to_str().unwrap().to_owned(), sha256(executable));
        self.0.push([application.to_owned(), path, sha256, script, script_sha256, bytes.to_string()]);
    }

    /// Says everything that is not as expected. On a busy machine a program may end before the daemon can look: what it was, or what
    /// its script held, is unknown then, of few, and never another.
    pub(crate) async fn check(self, bed: &Bed) {
        let rows = bed.query(&["application", "executable", "script"]).await;
        let found = |row: &QueryRow| {
            let key = |name: &str| row.keys.get(name).cloned().unwrap_or_default();
            let tx = row.tx_bytes.to_string();
            [key("application"), key("path"), key("sha256"), key("script_path"), key("script_sha256"), tx]
        };
        let found: Vec<[String; 6]> = rows.iter().map(found).collect();
        let number = |text: &String| text.parse::<u64>().unwrap();
        let (mut missing, mut unknown) = (Vec::new(), 0);
        for expected in &self.0 {
            let [application, path, sha256, script, script_sha256, bytes] = expected;
            let is_it = |row: &&[String; 6]| {
                row[..4] == [application.clone(), path.clone(), sha256.clone(), script.clone()]
                    && (row[4] == *script_sha256 || row[4].is_empty())
            };
            let named: u64 = found.iter().filter(is_it).map(|row| number(&row[5])).sum();
            unknown += u64::from(!found.contains(expected));
            match number(bytes).checked_sub(named) {
                Some(0) => {}
                Some(left) => missing.push((expected, left)),
                None => panic!("more than there were: {expected:#?}\nfound: {found:#?}"),
            }
        }
        let unattributed = bed.proxy().await.status().await.unwrap().attribution.unattributed;
        let left: u64 = missing.iter().map(|(_, left)| left).sum();
        let is_explained = left <= unattributed.values().sum();
        let are_few = unknown * 3 <= u64::try_from(self.0.len()).unwrap() + 2;
        assert!(is_explained && are_few, "missing: {missing:#?} of {unattributed:?}\nfound: {found:#?}");
    }
}

/// What the finding about a new application rests on.
pub(crate) async fn evidence_about(proxy: &Daemon1Proxy<'_>, application: &str) -> Evidence {
    let findings = proxy.findings(true).await.unwrap();
    let about = |finding: &&portolan_bus::Finding| {
        // That of a change on disk is about no process.
        finding.application.as_deref() == Some(application) && finding.kind == "new-application"
    };
    let finding = findings.iter().find(about).unwrap_or_else(|| panic!("{application}: {findings:#?}"));
    serde_json::from_str(finding.evidence.as_deref().unwrap()).unwrap()
}

/// A web server that answers one request with so many bytes.
pub(crate) struct Web {
    pub(crate) address: String,
    /// Bytes of the request.
    pub(crate) served: JoinHandle<u64>,
}

impl Web {
    pub(crate) fn serve(bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"\r\n\r\n") {
                let length = stream.read(&mut buffer).unwrap();
                assert_ne!(length, 0, "the request has no end");
                request.extend_from_slice(&buffer[..length]);
            }
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n");
            stream.write_all(&[head.as_bytes(), &vec![b'x'; bytes]].concat()).unwrap();
            u64::try_from(request.len()).unwrap()
        });
        Self { address, served }
    }
}
