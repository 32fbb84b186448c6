//! Two machines on a wire, made of namespaces: one with servers, whose names many addresses share, and one with programs.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use portolan_testbed::{
    DaemonOptions, Folder, NGINX, Program, RESOLVED, User, built, find_program, packaged, source_path,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::bed::PATIENCE;

/// Of the servers. The names of `SHARED` are all its.
pub(crate) const DNS: &str = "10.53.0.2";
pub(crate) const SHARED: &str = "10.53.0.3";
/// Stands in the /etc/hosts of the programs, and in no DNS.
pub(crate) const IN_HOSTS: &str = "10.53.0.4";
/// Of `other.test`.
pub(crate) const OTHER: &str = "10.53.0.5";
/// Whoever connects here is greeted, whatever it says.
pub(crate) const PLAIN: &str = "7777";

const CONFIG: &str = "daemon off;\nworker_processes 1;\npid DIR/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\n\
    access_log off;\nssl_certificate DIR/cert.pem;\nssl_certificate_key DIR/key.pem;\n\
    client_body_temp_path DIR/tmp;\nproxy_temp_path DIR/tmp;\nfastcgi_temp_path DIR/tmp;\nuwsgi_temp_path DIR/tmp;\n\
    scgi_temp_path DIR/tmp;\nserver { listen 80; listen 443 ssl; return 200 \"you reached $host\\n\"; }\n}\n";

/// A network namespace, held by a shell.
struct Machine(Program);

impl Machine {
    fn start() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "ip link set lo up && echo ready && read -r nothing"]);
        let mut program = Program::start_with_stdin("a network namespace", command).unwrap();
        program.wait_for_line("that it is ready", PATIENCE, |line| (line == "ready").then_some(())).unwrap();
        Self(program)
    }

    fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.0.pid())
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.namespace())).arg(program.as_ref());
        command
    }

    fn ip(&self, words: &str) {
        let output = self.command("ip").args(words.split(' ')).output().unwrap();
        assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs `work` on a thread inside.
    fn enter<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let namespace = fs::File::open(self.namespace()).unwrap();
        let inside = move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        thread::spawn(inside).join().unwrap()
    }
}

/// The wire, its servers, and the programs' side of it.
pub(crate) struct Network {
    client: Machine,
    _servers: Vec<Program>,
    _server: Machine,
    pub(crate) folder: Folder,
}

impl Network {
    pub(crate) fn start() -> Self {
        let (client, server) = (Machine::start(), Machine::start());
        client.ip(&format!("link add wire0 type veth peer name wire1 netns {}", server.0.pid()));
        for (machine, device, addresses) in
            [(&client, "wire0", &["10.53.0.1"][..]), (&server, "wire1", &[DNS, SHARED, IN_HOSTS, OTHER])]
        {
            machine.ip(&format!("link set {device} up"));
            addresses
                .iter()
                .for_each(|address| machine.ip(&format!("address add {address}/24 dev {device}")));
        }
        let folder = Folder::for_everybody().unwrap();
        folder.write("hosts", &format!("127.0.0.1 localhost\n{IN_HOSTS} db.hosts.test db\n")).unwrap();
        folder.write("resolv.conf", &format!("nameserver {DNS}\n")).unwrap();
        folder.write("local.conf", "nameserver 127.0.0.1\n").unwrap();
        folder.write("stub.conf", "nameserver 127.0.0.53\n").unwrap();
        server.enter(greet_everybody);
        let servers = vec![
            dnsmasq(
                &server,
                DNS,
                &[
                    &format!("--address=/names.test/{SHARED}"),
                    &format!("--address=/other.test/{OTHER}"),
                    "--no-resolv",
                ],
            ),
            dnsmasq(&client, "127.0.0.1", &["--no-resolv", &format!("--server={DNS}"), "--cache-size=0"]),
            resolved(&client, &folder),
            nginx(&server, &folder),
            quic(&server, &folder),
        ];
        Self { client, _servers: servers, _server: server, folder }
    }

    /// A program of the client's side, with its own resolv.conf and hosts, as this user.
    pub(crate) fn command(&self, program: &Path, user: Option<&User>) -> Command {
        self.command_with(program, user, "resolv.conf")
    }

    /// The same with another resolv.conf: `local.conf`, whose resolver is dnsmasq on the same machine, or `stub.conf`, of systemd-resolved.
    pub(crate) fn command_with(&self, program: &Path, user: Option<&User>, resolv: &str) -> Command {
        let mut command = self.client.command("unshare");
        command.args(["--mount", "sh", "-ec", IN_MOUNTS, "sh"]);
        command.arg(self.folder.path().join(resolv)).arg(self.folder.path().join("hosts"));
        if let Some(User { uid, gid, .. }) = user {
            command.arg("setpriv").args(["--clear-groups", "--reuid", &uid.to_string()]);
            command.args(["--regid", &gid.to_string()]);
        }
        command.arg(program);
        command
    }

    /// A daemon that has the same /etc/hosts as the programs.
    pub(crate) fn daemon(&self) -> DaemonOptions {
        let (hosts, daemon) = (self.folder.path().join("hosts"), built("portoland").unwrap());
        let script = format!(
            "#!/bin/sh\nexec unshare --mount sh -ec 'mount --bind {} /etc/hosts\nexec {} \"$@\"' sh \"$@\"\n",
            hosts.display(),
            daemon.display()
        );
        let program = executable(self.folder.write("daemon", &script).unwrap());
        DaemonOptions { program: Some(program), ..DaemonOptions::default() }
    }

    /// A program of this machine under a name of its own.
    pub(crate) fn copy(&self, program: &str, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::copy(find_program(program).unwrap(), &path).unwrap();
        executable(path)
    }

    /// `client.c` by this compiler, under this name.
    pub(crate) fn client(&self, compiler: &str, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let source = source_path("helper-daemon/tests/traffic/names/client.c");
        let arguments: &[&str] = if compiler == "musl-gcc" { &["-static"] } else { &[] };
        let output =
            Command::new(compiler).args(arguments).arg("-o").arg(&path).arg(source).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        executable(path)
    }
}

const IN_MOUNTS: &str =
    "mount --bind \"$1\" /etc/resolv.conf; mount --bind \"$2\" /etc/hosts; shift 2; exec \"$@\"";

const IN_OWN_RUN: &str = "mount -t tmpfs tmpfs /run; mkdir /run/systemd; mkdir -p /etc/systemd; cd \"$1\"; \
    mount --bind passwd /etc/passwd; mount --bind group /etc/group; mount --bind systemd /etc/systemd; exec \"$2\"";

fn executable(path: PathBuf) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    fs::metadata(&path).unwrap();
    path
}

fn dnsmasq(machine: &Machine, address: &str, words: &[&str]) -> Program {
    let mut command = machine.command(find_program("dnsmasq").unwrap());
    command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-", "--bind-interfaces"]);
    command.args(["--no-hosts", "--pid-file=", "--user=daemon", &format!("--listen-address={address}")]);
    command.args(words);
    let mut program = Program::start("dnsmasq", command).unwrap();
    let is_started = |line: &str| line.contains("started").then_some(());
    program.wait_for_line("that it has started", PATIENCE, is_started).unwrap();
    program
}

/// systemd-resolved with its stub, without systemd and D-Bus: it needs a user and a /run of its own.
fn resolved(machine: &Machine, folder: &Folder) -> Program {
    let with = |file: &str, line: &str| format!("{}{line}\n", fs::read_to_string(file).unwrap());
    let passwd = with("/etc/passwd", "systemd-resolve:x:990:990::/:/usr/sbin/nologin");
    folder.write("passwd", &passwd).unwrap();
    folder.write("group", &with("/etc/group", "systemd-resolve:x:990:")).unwrap();
    folder.make_dir("systemd", 0o755).unwrap();
    let config = format!("[Resolve]\nDNS={DNS}\nLLMNR=no\nMulticastDNS=no\nDNSSEC=no\nCache=no\n");
    folder.write("systemd/resolved.conf", &config).unwrap();
    let path = packaged(RESOLVED).expect("systemd-resolved is not there; `cargo xtask test` gets it");
    let mut command = machine.command("unshare");
    command.args(["--mount", "sh", "-ec", IN_OWN_RUN, "sh"]).arg(folder.path()).arg(path);
    let program = Program::start("systemd-resolved", command).unwrap();
    wait_for_socket(machine, "udp", "3500007F:0035 ".to_owned());
    program
}

fn nginx(machine: &Machine, folder: &Folder) -> Program {
    let dir = folder.path().to_str().unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=names.test", "-keyout"]);
    openssl.arg(format!("{dir}/key.pem")).arg("-out").arg(format!("{dir}/cert.pem"));
    assert!(openssl.output().unwrap().status.success());
    let config = folder.write("nginx.conf", &CONFIG.replace("DIR", dir)).unwrap();
    let path = packaged(NGINX).expect("nginx is not there; `cargo xtask test` gets it");
    let mut command = machine.command(path);
    command.arg("-p").arg(dir).arg("-c").arg(config);
    let program = Program::start("nginx", command).unwrap();
    wait_for_port(machine, 443);
    program
}

fn quic(machine: &Machine, folder: &Folder) -> Program {
    let mut command = machine.command(find_program("gtlsserver").unwrap());
    command.args(["--quiet", "-d"]).arg(folder.path()).args([SHARED, "443"]);
    command.arg(folder.path().join("key.pem")).arg(folder.path().join("cert.pem"));
    Program::start("gtlsserver", command).unwrap()
}

fn wait_for_port(machine: &Machine, port: u16) {
    wait_for_socket(machine, "tcp", format!(":{port:04X} 00000000:0000 0A"));
}

/// Waits for a line of the kernel's list of sockets.
fn wait_for_socket(machine: &Machine, list: &str, line: String) {
    let list = format!("/proc/thread-self/net/{list}");
    machine.enter(move || {
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(&list).unwrap().contains(&line) {
            assert!(Instant::now() < deadline, "{list} has no {line}");
            thread::sleep(Duration::from_millis(10));
        }
    });
}

/// Listens on every address for as long as this process lives, and answers each connection once.
fn greet_everybody() {
    let listener = TcpListener::bind(format!("0.0.0.0:{PLAIN}")).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if matches!(stream.read(&mut [0; 64]), Ok(1..)) {
                drop(stream.write_all(b"greetings"));
            }
        }
    });
}

/// Runs programs at the same time to their end, and gives what each printed.
pub(crate) fn run_together(commands: Vec<Command>) -> Vec<String> {
    let children: Vec<_> = commands
        .into_iter()
        .map(|mut command| {
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            (format!("{command:?}"), command.spawn().unwrap())
        })
        .collect();
    let outputs = children.into_iter().map(|(command, child)| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        BufReader::new(&output.stdout[..]).lines().next().map_or_else(String::new, Result::unwrap)
    });
    outputs.collect()
}
