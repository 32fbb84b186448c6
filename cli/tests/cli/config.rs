//! `portolan config check`, which needs no daemon; `show`, `set` and `reset` against one that answers what it is told.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use portolan_bus::{BUS_NAME, Configuration, Error, OBJECT_PATH, Setting};
use zbus::{Connection, connection::Builder};

use crate::{
    bus::{Bus, Policy},
    program::{is_harmless, run},
};

/// What it was asked to set.
struct Interface(Asked);

/// Key and value; none to take it out.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

fn setting(value: &str, source: &str) -> Setting {
    Setting {
        key: "recording.tick".into(),
        value: value.into(),
        is_default: false,
        sources: vec![source.into()],
    }
}

#[zbus::interface(name = "org.portolan.Config1")]
impl Interface {
    async fn show(&self) -> Result<(Configuration,), Error> {
        let hostile = setting("\"\u{1b}[31m\"", "/etc/portolan/\u{1b}[31m.toml:3");
        Ok((Configuration { settings: vec![hostile], problems: vec!["it is \u{202e}wrong".into()] },))
    }

    async fn set(&self, key: &str, value: &str) -> Result<(Setting,), Error> {
        if key != "recording.tick" {
            return Err(Error::AccessDenied("no".into()));
        }
        self.0.lock().unwrap().push((key.into(), Some(value.into())));
        Ok((setting("\"2 s\"", "/etc/portolan/portolan.d/60.toml:1"),))
    }

    async fn reset(&self, key: &str) -> Result<(Setting,), Error> {
        self.0.lock().unwrap().push((key.into(), None));
        Ok((Setting { sources: Vec::new(), ..setting("\"1 s\"", "") },))
    }
}

async fn serve(bus: &Bus) -> (Connection, Asked) {
    let asked = Asked::default();
    let builder = Builder::address(bus.address.as_str()).unwrap();
    let builder = builder.serve_at(OBJECT_PATH, Interface(Arc::clone(&asked))).unwrap();
    (builder.name(BUS_NAME).unwrap().build().await.unwrap(), asked)
}

#[tokio::test]
async fn a_file_is_judged_without_a_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("draft.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, "[recording]\ntyck = \"1 s\"\ntick = \"\\u001b[31m\"\n").unwrap();
    let ended = run("unix:path=/nonexistent", &["config", "check", path]).await;
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(
        ended.stdout.contains(":2:1: \"tyck\" is no key of [recording]; did you mean \"tick\"?"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("2 problems") && is_harmless(&ended.stdout), "{ended:?}");
    let json = run("unix:path=/nonexistent", &["config", "check", path, "--json"]).await.json();
    assert_eq!((&json["problems"][1]["line"], &json["problems"][1]["column"]), (&3.into(), &8.into()));
    fs::write(&file, "[recording]\ntick = \"2 s\"\n").unwrap();
    let ended = run("unix:path=/nonexistent", &["config", "check", path]).await;
    assert_eq!((ended.code, ended.stdout), (Some(0), format!("{path} is valid.\n")));
    let ended = run("unix:path=/nonexistent", &["config", "check", "/nonexistent"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
}

#[tokio::test]
async fn what_is_in_force_is_shown_and_changed_and_nothing_hostile_reaches_the_terminal() {
    let bus = Bus::start(Policy::Everybody).await;
    let (_connection, asked) = serve(&bus).await;
    let shown = run(&bus.address, &["config", "show"]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(is_harmless(&shown.stdout) && shown.stdout.contains("\n[recording]\ntick = "), "{shown:?}");
    assert_eq!(run(&bus.address, &["config", "show", "learning"]).await.code, Some(5));
    let set = run(&bus.address, &["config", "set", "recording.tick", "2s"]).await;
    assert_eq!(set.stdout, "recording.tick = \"2 s\"  # /etc/portolan/portolan.d/60.toml:1\n", "{set:?}");
    assert!(set.stderr.contains("a file that comes later says otherwise"), "{set:?}");
    assert_eq!(run(&bus.address, &["config", "set", "recording.ports", "-1"]).await.code, Some(4));
    let reset = run(&bus.address, &["config", "reset", "recording.tick"]).await;
    assert_eq!(reset.stdout, "recording.tick = \"1 s\"  # default\n", "{reset:?}");
    let tick = || "recording.tick".to_owned();
    assert_eq!(*asked.lock().unwrap(), [(tick(), Some("2s".to_owned())), (tick(), None)]);
}
