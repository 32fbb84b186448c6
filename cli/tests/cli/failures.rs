use portolan_bus::{BUS_NAME, OBJECT_PATH};
use serde_json::Value;

use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{Ended, portolan, run},
    samples,
};

/// Every command that asks the daemon.
const COMMANDS: [&[&str]; 6] = [
    &["status"],
    &["query"],
    &["findings"],
    &["applications"],
    &["review", "approve", "/usr/bin/curl"],
    &["watch", "--once"],
];

/// Each command ends with the code, a sentence that says `advice`, and a JSON object of the kind.
async fn all_fail(address: &str, code: i32, kind: &str, advice: &str) {
    for command in COMMANDS {
        let ended = run(address, &[command, &["--json"]].concat()).await;
        assert_eq!(ended.code, Some(code), "{command:?}: {ended:?}");
        assert!(
            ended.stderr.starts_with("portolan: ") && ended.stderr.contains(advice),
            "{command:?}: {ended:?}"
        );
        assert_eq!(ended.stderr.lines().count(), 1, "{command:?}: {ended:?}");
        let error = &ended.json()["error"];
        assert_eq!(error["kind"], kind, "{command:?}");
        assert!(ended.stderr.contains(error["message"].as_str().unwrap()), "{command:?}: {ended:?}");
    }
}

#[tokio::test]
async fn without_a_bus() {
    all_fail("unix:path=/nonexistent/bus", 3, "bus-unavailable", "DBUS_SYSTEM_BUS_ADDRESS").await;
    let ended = run("nonsense", &["status"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn without_a_daemon() {
    let bus = Bus::start(Policy::Everybody).await;
    all_fail(&bus.address, 3, "daemon-unavailable", "systemctl start portoland").await;
}

#[tokio::test]
async fn without_the_right() {
    let bus = Bus::start(Policy::Everybody).await;
    let _peer = Peer::start(&bus.address, Answers { deny: true, ..Answers::default() }).await;
    all_fail(&bus.address, 4, "access-denied", "Ask to be added to the group portolan").await;
}

#[tokio::test]
async fn refused_by_the_policy_of_the_bus() {
    let bus = Bus::start(Policy::Nobody).await;
    let _peer = Peer::start(&bus.address, Answers::default()).await;
    all_fail(&bus.address, 4, "access-denied", "Ask to be added to the group portolan").await;
}

#[tokio::test]
async fn a_daemon_that_dies_before_it_answers() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers { hang: true, ..Answers::default() }).await;
    let child = portolan(&bus.address, &["status"]).spawn().unwrap();
    peer.called().await;
    peer.stop().await;
    let ended = Ended::from(child.wait_with_output().await.unwrap());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("left the bus before it answered"), "{ended:?}");
}

struct Stranger;

#[zbus::interface(name = "org.portolan.Daemon1")]
impl Stranger {
    async fn status(&self) -> String {
        "fine".to_owned()
    }
}

#[tokio::test]
async fn a_daemon_of_another_version() {
    let bus = Bus::start(Policy::Everybody).await;
    let builder = zbus::connection::Builder::address(bus.address.as_str()).unwrap();
    let builder = builder.serve_at(OBJECT_PATH, Stranger).unwrap().name(BUS_NAME).unwrap();
    let _connection = builder.build().await.unwrap();
    for command in ["status", "query"] {
        let ended = run(&bus.address, &[command, "--json"]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.json()["error"]["kind"], "incompatible");
        assert!(ended.stderr.contains("Install both from the same version"), "{ended:?}");
    }
}

#[tokio::test]
async fn arguments_that_mean_nothing() {
    let cases: [(&[&str], &str); 9] = [
        (&["query", "since:noon"], "noon"),
        (&["query", "colour:red"], "colour"),
        (&["query", "--series", "week"], "minute"),
        (&["query", "--by", "colour"], "remote_port, local_port"),
        (&["query", "--by", "color"], "or none"),
        (&["query", "--by", "none,user"], "--by none"),
        (&["review", "approve", "curl"], "deb:curl:/usr/bin/curl"),
        (&["review", "bless", "/usr/bin/curl"], "approve"),
        (&["review", "approve"], "APPLICATION"),
    ];
    for (arguments, said) in cases {
        let ended = run("unix:path=/nonexistent/bus", &[arguments, &["--json"]].concat()).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{arguments:?}: {ended:?}");
        assert_eq!(ended.json()["error"]["kind"], "usage", "{arguments:?}");
    }
    let ended = run("unix:path=/nonexistent/bus", &["--help"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("5 no such application"), "{ended:?}");
}

#[tokio::test]
async fn a_reader_that_has_left_is_no_failure() {
    let bus = Bus::start(Policy::Everybody).await;
    let row = samples::query_row(&[("path", "/usr/bin/curl")], 1, 2);
    let query = samples::result(vec![row; 5000]);
    let _peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    for arguments in [&["query"][..], &["query", "--json"], &["status"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = portolan(&bus.address, arguments).stdout(writer).spawn().unwrap();
        let ended = Ended::from(child.wait_with_output().await.unwrap());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
    // The answer arrives whole when the reader stays.
    let json: Value = run(&bus.address, &["query", "--json"]).await.json();
    assert_eq!(json["rows"].as_array().unwrap().len(), 5000);
}
