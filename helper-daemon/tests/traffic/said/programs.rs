//! What real programs say.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use portolan_bpf::Said;

use super::listen;
use crate::unusual::connected;

/// A program that is ended with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process said to this port, put together.
fn stream(heard: &[Said], pid: u32, port: u16) -> Vec<u8> {
    let mut stream = Vec::new();
    for said in heard {
        if said.flow.owner.pid.0 == pid && said.flow.remote.is_some_and(|remote| remote.port == port) {
            assert_eq!(usize::try_from(said.offset).unwrap(), stream.len());
            stream.extend_from_slice(&said.bytes);
        }
    }
    stream
}

fn certificate(dir: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a.test"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
#[ignore = "needs root, eBPF and name servers"]
fn curl_says_the_name_of_its_server_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path());
    listen(move |ear| {
        let server = Command::new("openssl")
            .args(["s_server", "-accept", "8443", "-www", "-cert", "certificate.pem", "-key", "key.pem"])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Ended(server);
        let began = Instant::now();
        while TcpStream::connect("127.0.0.1:8443").is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "openssl does not listen");
            thread::yield_now();
        }
        let mut curl = Command::new("curl")
            .args(["--silent", "--insecure", "--connect-to", "::127.0.0.1:8443"])
            .args(["--noproxy", "*", "https://names.a.test/", "--output"])
            .arg(dir.path().join("page"))
            .spawn()
            .unwrap();
        assert!(curl.wait().unwrap().success());
        assert!(fs::metadata(dir.path().join("page")).unwrap().len() > 0);
        let heard = ear.heard();
        let said = stream(&heard, curl.id(), 8443);
        assert_eq!(said[..2], [0x16, 3]);
        assert!(said.windows(12).any(|window| window == b"names.a.test"));
        let answers: Vec<&Said> =
            heard.iter().filter(|said| said.flow.owner.pid.0 == server.0.id()).collect();
        assert!(answers.iter().all(|said| said.bytes.len() <= 16 && said.bytes.starts_with(&[0x16, 3])));
        assert_eq!(answers.len(), 1);
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn who_was_given_a_connection_says_it_and_not_who_opened_it() {
    listen(|ear| {
        let (mut client, _server) = connected();
        let port = client.peer_addr().unwrap().port();
        let given = OwnedFd::from(client.try_clone().unwrap());
        let mut printf = Command::new("printf").arg("GET / HTTP/1.1\r\n").stdout(given).spawn().unwrap();
        assert!(printf.wait().unwrap().success());
        client.write_all(b"Host: a.test\r\n").unwrap();
        let heard = ear.heard();
        let of = |pid: u32| heard.iter().find(|said| said.flow.owner.pid.0 == pid).unwrap();
        let (first, second) = (of(printf.id()), of(std::process::id()));
        assert_eq!((first.offset, first.bytes.as_slice()), (0, &b"GET / HTTP/1.1\r\n"[..]));
        assert_eq!((second.offset, second.bytes.as_slice()), (16, &b"Host: a.test\r\n"[..]));
        assert!([first, second].iter().all(|said| said.flow.remote.unwrap().port == port));
    });
}

/// Answers one request, and gives what was asked.
fn serve(listener: &TcpListener, end: &[u8]) -> Vec<u8> {
    let mut server = listener.accept().unwrap().0;
    let (mut asked, mut buffer) = (Vec::new(), [0; 1000]);
    while !asked.ends_with(end) {
        let count = server.read(&mut buffer).unwrap();
        assert_ne!(count, 0);
        asked.extend_from_slice(&buffer[..count]);
    }
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    asked
}

#[test]
#[ignore = "needs root, eBPF and name servers"]
fn curl_and_python_say_the_name_of_their_server_over_http() {
    listen(|ear| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let curl = Command::new("curl")
            .args(["--silent", "--noproxy", "*", "--header", "Host: names.a.test"])
            .arg(format!("http://127.0.0.1:{port}/"))
            .spawn()
            .unwrap();
        let mut curl = Ended(curl);
        let asked = serve(&listener, b"\r\n\r\n");
        assert!(curl.0.wait().unwrap().success());
        assert_eq!(stream(&ear.heard(), curl.0.id(), port), asked);

        let script = format!(
            "import socket\ns = socket.create_connection(('127.0.0.1', {port}))\n\
             for part in b'GET / ', b'HTTP/1.1\\r\\nHost: a', b'.test\\r\\n', b'\\r\\n': s.send(part)\ns.recv(1000)"
        );
        let python = Command::new("/usr/bin/python3").args(["-c", &script]).spawn().unwrap();
        let mut python = Ended(python);
        let asked = serve(&listener, b"\r\n\r\n");
        assert!(python.0.wait().unwrap().success());
        let heard = ear.heard();
        assert_eq!(stream(&heard, python.0.id(), port), asked);
        let pieces = heard.iter().filter(|said| said.flow.owner.pid.0 == python.0.id()).count();
        assert_eq!(pieces, 4);
    });
}
