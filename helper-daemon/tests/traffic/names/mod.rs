//! Which name a flow has, on a network of our own with real servers, resolvers and programs.

mod network;
mod silence;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use portolan_testbed::User;

use crate::bed::{Bed, query};
use network::{DNS, IN_HOSTS, Network, OTHER, PLAIN, SHARED, run_together};

const ONE: &str = "one.names.test";
const TWO: &str = "two.names.test";
/// Where systemd-resolved is asked by DNS.
const STUB: &str = "127.0.0.53";
const GREETINGS: &str = "greetings";

/// The names that each program's flows to these addresses had; no name is an empty one, and `~` is before what is inferred.
async fn names_of(bed: &Bed, programs: &[&Path]) -> Vec<Vec<String>> {
    let rows = query(&bed.proxy().await, &["executable", "domain", "remote"]).await;
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in &rows {
        let key = |name: &str| row.keys.get(name).map(String::as_str).unwrap_or_default();
        // What is asked of DNS servers has no name of its own.
        if [SHARED, IN_HOSTS, OTHER].contains(&key("remote")) {
            let mark = if row.keys.contains_key("inferred") { "~" } else { "" };
            names.entry(key("path")).or_default().push(format!("{mark}{}", key("domain")));
        }
    }
    let of = |path: &&Path| names.get(path.to_str().unwrap()).cloned().unwrap_or_default();
    programs.iter().map(of).collect()
}

/// A network, a daemon that has the same hosts, and what programs it takes.
struct Town {
    network: Network,
    bed: Bed,
}

impl Town {
    fn start() -> Self {
        let network = Network::start();
        let bed = Bed::start_with(&network.daemon());
        Self { network, bed }
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = self.network.command(program, None);
        command.args(words);
        command
    }

    async fn assert_names(&self, expected: &[(&PathBuf, &[&str])]) {
        let paths: Vec<&Path> = expected.iter().map(|(path, _)| path.as_path()).collect();
        let found = names_of(&self.bed, &paths).await;
        for ((path, names), found) in expected.iter().zip(found) {
            assert_eq!(found, *names, "{}", path.display());
        }
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF, a private bus, namespaces and name servers"]
async fn programs_that_reach_one_address_by_two_names_at_once_have_each_its_own() {
    let town = Town::start();
    let curls = ["curl-one", "curl-two", "curl-http"].map(|name| town.network.copy("curl", name));
    let urls = [format!("https://{ONE}/"), format!("https://{TWO}/"), format!("http://{TWO}/")];
    let curl = |(path, url): (&PathBuf, &String)| town.command(path, &["-skS", url.as_str()]);
    let reached = run_together(curls.iter().zip(&urls).map(curl).collect());
    assert_eq!(reached, [ONE, TWO, TWO].map(|name| format!("you reached {name}")));
    // Without a word about it on the wire: what each was told by DNS.
    let plain = ["plain-one", "plain-two"].map(|name| town.network.client("cc", name));
    let ask = |path, name| town.command(path, &["libc", name, PLAIN]);
    assert_eq!(run_together(vec![ask(&plain[0], ONE), ask(&plain[1], TWO)]), [GREETINGS; 2]);
    town.assert_names(&[
        (&curls[0], &[ONE]),
        (&curls[1], &[TWO]),
        (&curls[2], &[TWO]),
        (&plain[0], &[ONE]),
        (&plain[1], &[TWO]),
    ])
    .await;
}

#[tokio::test]
#[ignore = "needs root, eBPF, a private bus, namespaces and name servers"]
async fn every_way_to_ask_is_heard() {
    let town = Town::start();
    let libc = town.network.client("cc", "libc");
    let musl = town.network.client("musl-gcc", "musl");
    let datagram = town.network.client("musl-gcc", "datagram");
    let stream = town.network.client("musl-gcc", "stream");
    let local = town.network.client("cc", "local");
    let copy = town.network.client("cc", "copy");
    let python = town.network.copy("/usr/bin/python3", "python");
    let script = format!(
        "import socket; s = socket.create_connection(('python.names.test', {PLAIN})); s.send(b'x'); print(s.recv(64).decode())"
    );
    let stub = town.network.client("cc", "stub");
    let of_resolver = |program: &Path, resolver: &str, name: &str| {
        let mut command = town.network.command_with(program, None, resolver);
        command.args(["libc", name, PLAIN]);
        command
    };
    let reached = run_together(vec![
        town.command(&libc, &["libc", "libc.names.test", PLAIN]),
        town.command(&musl, &["libc", "musl.names.test", PLAIN]),
        town.command(&datagram, &["udp", "udp.names.test", DNS, PLAIN]),
        town.command(&stream, &["tcp", "tcp.names.test", DNS, PLAIN]),
        of_resolver(&local, "local.conf", "local.names.test"),
        of_resolver(&stub, "stub.conf", "stub.names.test"),
        town.command(&copy, &["copy", "copy.names.test", PLAIN]),
        town.command(&python, &["-I", "-c", &script]),
    ]);
    assert_eq!(reached, [GREETINGS; 8]);
    town.assert_names(&[
        (&libc, &["libc.names.test"]),
        (&musl, &["musl.names.test"]),
        (&datagram, &["udp.names.test"]),
        (&stream, &["tcp.names.test"]),
        (&local, &["local.names.test"]),
        (&stub, &["stub.names.test"]),
        (&copy, &["copy.names.test"]),
        (&python, &["python.names.test"]),
    ])
    .await;
}

#[tokio::test]
#[ignore = "needs root, eBPF, a private bus, namespaces and name servers"]
async fn a_quic_connection_has_the_name_that_it_said() {
    let town = Town::start();
    let quic = town.network.copy("gtlsclient", "quic");
    let words = ["--quiet", "--exit-on-all-streams-close", "--no-http-dump", "--timeout=20s"];
    let mut command = town.command(&quic, &words);
    command.args([ONE, "443", "https://quic.names.test/hosts"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    town.assert_names(&[(&quic, &[ONE])]).await;
    // By its Initial, and not by what DNS told it.
    let rows = query(&town.bed.proxy().await, &["executable", "domain", "service"]).await;
    let of_quic =
        rows.iter().find(|row| row.keys["path"] == quic.to_str().unwrap() && row.keys["service"] == "quic");
    let keys = &of_quic.unwrap().keys;
    assert_eq!((keys["name_source"].as_str(), keys["recognised"].as_str()), ("quic", "true"));
}

#[tokio::test]
#[ignore = "needs root, eBPF, a private bus, namespaces and name servers"]
async fn what_others_asked_is_told_by_the_system_s_resolver_and_the_hosts_alone() {
    let town = Town::start();
    let [asking, silent, later, at_other, hosts, executes] =
        ["asking", "silent", "later", "at-other", "in-hosts", "executes"]
            .map(|name| town.network.client("cc", name));
    let nobody = User::new("somebody", 54_321);
    let as_somebody = |path: &Path, words: &[&str]| {
        let mut command = town.network.command(path, Some(&nobody));
        command.args(words);
        command
    };
    // One user's program asks the server itself: nobody else has the name of it. Who it becomes is another process of its application.
    run_together(vec![as_somebody(&asking, &["ask", ONE, DNS])]);
    assert_eq!(run_together(vec![town.command(&silent, &["to", SHARED, PLAIN])]), [GREETINGS]);
    assert_eq!(run_together(vec![town.command(&executes, &["exec", TWO, PLAIN])]), [GREETINGS]);
    let inferred = |name: &str| format!("~{name}");
    town.assert_names(&[(&silent, &[""]), (&executes, &[&inferred(TWO)])]).await;
    // It asks the resolvers of this machine, which have asked for it: others have the name, too.
    run_together(vec![
        as_somebody(&asking, &["ask", ONE, "127.0.0.1"]),
        as_somebody(&asking, &["ask", "www.other.test", STUB]),
    ]);
    assert_eq!(run_together(vec![town.command(&at_other, &["to", OTHER, PLAIN])]), [GREETINGS]);
    assert_eq!(run_together(vec![town.command(&later, &["to", SHARED, PLAIN])]), [GREETINGS]);
    assert_eq!(run_together(vec![town.command(&hosts, &["libc", "db", PLAIN])]), [GREETINGS]);
    town.assert_names(&[
        (&later, &[&inferred(ONE)]),
        (&at_other, &["~www.other.test"]),
        (&hosts, &["~db.hosts.test"]),
    ])
    .await;
}
