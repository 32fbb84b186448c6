//! No packet leaves the machine because of Portolan, as it is configured by default.

use std::{
    fs,
    net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket},
    process::Command,
    thread,
    time::Duration,
};

use portolan_testbed::{DaemonOptions, Folder, Program, built};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::bed::{Bed, PATIENCE};

/// A network namespace whose only way out leads nowhere, and counts.
const WAY_OUT: &str = "ip link set lo up && ip link add out0 type veth peer name out1 && \
    for end in out0 out1; do echo 1 > /proc/sys/net/ipv6/conf/$end/disable_ipv6; ip link set $end arp off up; done && \
    ip address add 192.0.2.1/24 dev out0 && ip route add default via 192.0.2.254 && echo ready && read -r nothing";

fn packets_out(holder: &Program) -> u64 {
    let devices = fs::read_to_string(format!("/proc/{}/net/dev", holder.pid())).unwrap();
    let line = devices.lines().find_map(|line| line.trim().strip_prefix("out0:")).unwrap();
    line.split_whitespace().nth(9).unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "needs root, eBPF, a private bus and namespaces"]
async fn no_packet_leaves_the_machine_because_of_the_daemon() {
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", WAY_OUT]);
    let mut holder = Program::start_with_stdin("a way out", command).unwrap();
    holder.wait_for_line("that it is ready", PATIENCE, |line| (line == "ready").then_some(())).unwrap();
    let namespace = format!("/proc/{}/ns/net", holder.pid());
    let folder = Folder::for_everybody().unwrap();
    let daemon = built("portoland").unwrap();
    let script = format!("#!/bin/sh\nexec nsenter --net={namespace} {} \"$@\"\n", daemon.display());
    let program = folder.write("daemon", &script).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let bed = Bed::start_with(&DaemonOptions { program: Some(program), ..DaemonOptions::default() });
    let of_daemon = fs::read_link(format!("/proc/{}/ns/net", bed.daemon.pid())).unwrap();
    assert_eq!(of_daemon, fs::read_link(&namespace).unwrap(), "the daemon is inside");
    // Others talk, inside and outside, on loopback, to names and to addresses; and everything is asked of the daemon.
    let talk = || {
        // Of /etc/hosts. Any other would be asked of a server, by this test.
        assert!("localhost:1".to_socket_addrs().unwrap().all(|address| address.ip().is_loopback()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        drop(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        datagrams.send_to(b"x", datagrams.local_addr().unwrap()).unwrap();
    };
    let enter = |work: fn()| {
        let namespace = fs::File::open(&namespace).unwrap();
        let inside = move || {
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(LinkNameSpaceType::Network))
                .unwrap();
            work();
        };
        thread::spawn(inside).join().unwrap();
    };
    let proxy = bed.proxy().await;
    let mut ticks = 0;
    while ticks < 5 {
        talk();
        enter(talk);
        assert!(!bed.query(&["executable", "remote"]).await.is_empty());
        proxy.status().await.unwrap();
        proxy.applications().await.unwrap();
        proxy.findings(true).await.unwrap();
        let known = proxy.lookup(&["8.8.8.8", "2001:4860:4860::8888"]).await.unwrap();
        assert_eq!(known.addresses[0].country.as_deref(), Some("US"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        ticks += 1;
    }
    assert_eq!(packets_out(&holder), 0, "in five ticks");
    // A packet would have been seen.
    enter(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.send_to(b"x", "198.51.100.1:53").unwrap();
    });
    assert_eq!(packets_out(&holder), 1);
}
