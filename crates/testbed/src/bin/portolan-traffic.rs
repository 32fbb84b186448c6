//! Moves a known number of bytes, for tests. What it moved itself is printed as `tx=N rx=N` when it ends.
//!
//! ```text
//! portolan-traffic serve                      prints `tcp=PORT udp=PORT`, swallows everything, echoes nothing, until stdin ends
//! portolan-traffic tcp ADDRESS BYTES          connects, sends, waits until the server closes
//! portolan-traffic tcp-own ADDRESS            the same, as many bytes as its own executable is long, less the part above 8 KiB
//! portolan-traffic tcp-down ADDRESS BYTES     connects, asks for so many bytes, receives them
//! portolan-traffic udp ADDRESS COUNT SIZE     sends datagrams from an unconnected socket
//! portolan-traffic udp-connected ADDRESS COUNT SIZE
//! portolan-traffic peers COUNT SIZE           sends a datagram to each of so many addresses of loopback, from one socket
//! portolan-traffic patient ADDRESS BYTES      connects, prints `connected`, sends when stdin ends
//! portolan-traffic steady ADDRESS             sends over TCP, over a new connection now and then, until stdin ends
//! portolan-traffic steady-down ADDRESS        the same, and receives
//! portolan-traffic steady-udp ADDRESS         sends datagrams until stdin ends
//! portolan-traffic fork ADDRESS BYTES         the same as tcp, half by itself and half by a child that inherits the socket
//! portolan-traffic spawn COUNT PROGRAM ARG…   starts the program so many times, one after the other; what each prints
//!                                             comes through
//! ```
#![forbid(unsafe_code)]

use std::{
    env,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, OwnedFd},
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(Some((tx, rx))) => println!("tx={tx} rx={rx}"),
        Ok(None) => {}
        Err(error) => {
            eprintln!("portolan-traffic {}: {error}", arguments.join(" "));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Bytes sent and received; `None` when there is nothing to print.
type Moved = Option<(u64, u64)>;

fn run(words: &[&str]) -> io::Result<Moved> {
    match words {
        ["serve"] => serve(),
        ["tcp", address, bytes] => send(TcpStream::connect(address)?, number(bytes)?),
        ["tcp-own", address] => {
            let length = std::fs::metadata("/proc/self/exe")?.len();
            send(TcpStream::connect(address)?, 1 + length % 8192)
        }
        ["tcp-down", address, bytes] => receive(TcpStream::connect(address)?, number(bytes)?),
        ["udp", address, count, size] => {
            let socket = UdpSocket::bind(any(address))?;
            datagrams(number(count)?, number(size)?, |data| socket.send_to(data, address))
        }
        ["udp-connected", address, count, size] => {
            let socket = UdpSocket::bind(any(address))?;
            socket.connect(address)?;
            datagrams(number(count)?, number(size)?, |data| socket.send(data))
        }
        ["peers", count, size] => peers(number(count)?, number(size)?),
        ["patient", address, bytes] => {
            let stream = TcpStream::connect(address)?;
            println!("connected");
            io::stdin().read_to_end(&mut Vec::new())?;
            send(stream, number(bytes)?)
        }
        ["steady", address] => steadily(|turn| send(TcpStream::connect(address)?, 1 + turn * 7919 % 50_000)),
        ["steady-down", address] => {
            steadily(|turn| receive(TcpStream::connect(address)?, 1 + turn * 7919 % 50_000))
        }
        ["steady-udp", address] => {
            let socket = UdpSocket::bind(any(address))?;
            steadily(|turn| datagrams(10, 1 + turn % 1000, |data| socket.send_to(data, address)))
        }
        ["fork", address, bytes] => share(TcpStream::connect(address)?, number(bytes)?),
        ["inherited", bytes] => {
            let stream = TcpStream::from(io::stdin().as_fd().try_clone_to_owned()?);
            write(&stream, number(bytes)?)?;
            Ok(Some((number(bytes)?, 0)))
        }
        ["spawn", count, program, rest @ ..] => spawn(number(count)?, program, rest),
        _ => Err(io::Error::other("unknown words; the source says which there are")),
    }
}

fn number(word: &str) -> io::Result<u64> {
    word.parse().map_err(|error| io::Error::other(format!("“{word}” is not a number: {error}")))
}

/// The unspecified address of the family that an address is of.
fn any(address: &str) -> &'static str {
    if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" }
}

fn write(mut stream: &TcpStream, bytes: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(7).take(bytes), &mut stream).map(|_| ())
}

fn send(stream: TcpStream, bytes: u64) -> io::Result<Moved> {
    write(&stream, bytes)?;
    stream.shutdown(Shutdown::Write)?;
    let received = io::copy(&mut &stream, &mut io::sink())?;
    Ok(Some((bytes, received)))
}

fn receive(stream: TcpStream, bytes: u64) -> io::Result<Moved> {
    (&stream).write_all(format!("{bytes}\n").as_bytes())?;
    let received = io::copy(&mut (&stream).take(bytes), &mut io::sink())?;
    Ok(Some((u64::try_from(bytes.to_string().len()).unwrap_or_default() + 1, received)))
}

fn datagrams(count: u64, size: u64, send: impl Fn(&[u8]) -> io::Result<usize>) -> io::Result<Moved> {
    let data = vec![9; usize::try_from(size).map_err(io::Error::other)?];
    for _ in 0..count {
        send(&data)?;
    }
    Ok(Some((count * size, 0)))
}

/// Does one thing after the other, with a pause in between, until stdin ends.
fn steadily(work: impl Fn(u64) -> io::Result<Moved>) -> io::Result<Moved> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    thread::spawn(move || {
        // An error ends it as well as the end.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        flag.store(true, Ordering::Relaxed);
    });
    let mut sum = (0, 0);
    for turn in 0.. {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        if let Some((tx, rx)) = work(turn)? {
            sum = (sum.0 + tx, sum.1 + rx);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(Some(sum))
}

/// Nobody listens there, and a socket that is not connected is not told.
fn peers(count: u64, size: u64) -> io::Result<Moved> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let data = vec![9; usize::try_from(size).map_err(io::Error::other)?];
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 0));
    for peer in 0..u32::try_from(count).map_err(io::Error::other)? {
        socket.send_to(&data, (Ipv4Addr::from(first + peer), 9))?;
    }
    Ok(Some((count * size, 0)))
}

/// Sends half, and lets a program that is started with the socket send the other half.
fn share(stream: TcpStream, bytes: u64) -> io::Result<Moved> {
    write(&stream, bytes / 2)?;
    let rest = bytes - bytes / 2;
    let socket = Stdio::from(OwnedFd::from(stream.try_clone()?));
    let status =
        Command::new(env::current_exe()?).args(["inherited", &rest.to_string()]).stdin(socket).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the child failed: {status}")));
    }
    stream.shutdown(Shutdown::Write)?;
    let received = io::copy(&mut &stream, &mut io::sink())?;
    Ok(Some((bytes / 2, received)))
}

fn spawn(count: u64, program: &str, arguments: &[&str]) -> io::Result<Moved> {
    for _ in 0..count {
        let status = Command::new(program).args(arguments).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("{program} failed: {status}")));
        }
    }
    Ok(None)
}

/// Takes what comes over IPv4 and IPv6. A connection that starts with a number and a line break is sent so many bytes.
fn serve() -> io::Result<Moved> {
    let tcp = TcpListener::bind("[::]:0")?;
    let udp = UdpSocket::bind("[::]:0")?;
    println!("tcp={} udp={}", tcp.local_addr()?.port(), udp.local_addr()?.port());
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while udp.recv_from(&mut buffer).is_ok() {}
    });
    thread::spawn(move || {
        for stream in tcp.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(None)
}

fn answer(stream: TcpStream) -> io::Result<()> {
    let mut first = [0; 1];
    if (&stream).read(&mut first)? == 1 && first[0].is_ascii_digit() {
        let mut digits = vec![first[0]];
        while (&stream).read(&mut first)? == 1 && first[0] != b'\n' {
            digits.push(first[0]);
        }
        let wanted =
            String::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or_default();
        return write(&stream, wanted);
    }
    io::copy(&mut &stream, &mut io::sink()).map(|_| ())
}
