//! The same with the real polkitd, the bus policy that is shipped, and other users.

use std::sync::{Arc, mpsc};

use futures_util::StreamExt;
use portolan_bus::{Access, Daemon1Proxy, Error, Finding, LiveTick, QueryRequest, action};
use portolan_core::{Dimension, Uid};
use portolan_testbed::{Polkit, PrivateBus, User, alice, bob, carol, root};
use tokio::runtime::{Builder, Runtime};

use crate::{
    backend::Memory,
    history::tells,
    past::{Past, record},
    sample,
    setup::{Service, client, history, soon},
};

struct Stage {
    bus: PrivateBus,
    runtime: Runtime,
    service: Service,
}

impl Stage {
    /// Alice may see her own, bob nothing, carol everything and review it.
    fn set() -> Self {
        Self::of(Memory::new())
    }

    fn of(memory: Arc<Memory>) -> Self {
        let polkit = Polkit::default()
            .grant(&alice(), &[action::VIEW_OWN])
            .grant(&bob(), &[])
            .grant(&carol(), &[action::VIEW_ALL, action::REVIEW]);
        let bus = PrivateBus::start(&polkit).unwrap();
        *memory.findings.lock().unwrap() = vec![
            sample::daemon_finding(4),
            sample::finding(2, Some(0)),
            sample::finding(1, Some(carol().uid)),
            sample::finding(0, Some(alice().uid)),
        ];
        *memory.ticks.lock().unwrap() = vec![Arc::new(tick(1000))];
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let service = runtime.block_on(async {
            let service = Service::start(bus.address().to_owned(), memory);
            service.serving().await
        });
        Self { bus, runtime, service }
    }

    /// What this user's client does, on a thread of its own with a connection of its own.
    fn act<T: Send>(&self, user: &User, work: impl AsyncFnOnce(Daemon1Proxy<'static>) -> T + Send) -> T {
        let address = self.bus.address();
        user.act(|| {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let bus = zbus::connection::Builder::address(address).unwrap();
                let connection = soon(bus.build()).await.unwrap();
                work(client(&connection).await).await
            })
        })
        .unwrap()
    }

    fn end(self) {
        self.runtime.block_on(self.service.stop()).unwrap();
    }
}

fn tick(unix_ms: i64) -> LiveTick {
    sample::tick(unix_ms, &[0, alice().uid, carol().uid])
}

fn ids(findings: Result<Vec<Finding>, Error>) -> Vec<i64> {
    findings.unwrap().into_iter().map(|finding| finding.id).collect()
}

fn is_denied<T: std::fmt::Debug>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::AccessDenied(text)) if text.contains("org.portolan."))
}

#[test]
#[ignore = "needs root and a private bus"]
fn another_user_without_rights_is_denied_by_polkit() {
    let stage = Stage::set();
    stage.act(&bob(), async |daemon| {
        let denied = soon(daemon.inner().call_method("Status", &())).await;
        let Err(zbus::Error::MethodError(name, Some(text), _)) = denied else { panic!("{denied:?}") };
        assert_eq!(name.as_str(), "org.portolan.Error.AccessDenied");
        assert!(text.contains("user 61002"), "the uid is the bus': {text}");
        let asker = history(daemon.inner().connection()).await;
        assert!(is_denied(&soon(asker.query(&Default::default())).await));
        assert!(is_denied(&soon(asker.series(&Default::default())).await));
        assert!(is_denied(&soon(asker.values("app", "", 0)).await));
        assert!(is_denied(&soon(asker.complete("app:", 4)).await));
        assert!(is_denied(&soon(asker.details("flow", "")).await));
        assert!(is_denied(&soon(daemon.lookup(&["192.0.2.1"])).await));
        assert!(is_denied(&soon(daemon.findings(true)).await));
        assert!(is_denied(&soon(daemon.applications()).await));
        assert!(is_denied(&soon(daemon.subscribe_live()).await));
        assert!(is_denied(&soon(daemon.subscribe_findings()).await));
        assert!(is_denied(&soon(daemon.review("/usr/bin/curl", "approved")).await));
    });
    assert!(stage.service.backend.reviews.lock().unwrap().is_empty());
    stage.end();
}

#[test]
#[ignore = "needs root and a private bus"]
fn with_view_own_a_user_sees_own_rows_and_reviews_nothing() {
    let stage = Stage::set();
    let own_tick = |unix_ms| sample::tick(unix_ms, &[alice().uid]);
    let (ready, when_ready) = mpsc::channel();
    std::thread::scope(|scope| {
        let stage = &stage;
        let client = scope.spawn(move || {
            stage.act(&alice(), async |daemon| {
                let mut ticks = daemon.receive_ticked().await.unwrap();
                assert_eq!(soon(daemon.status()).await.unwrap().access, Access::Own);
                assert_eq!(ids(soon(daemon.findings(true)).await), [4, 0]);
                assert_eq!(soon(daemon.subscribe_live()).await.unwrap(), [own_tick(1000)]);
                ready.send(()).unwrap();
                let signal = soon(ticks.next()).await.unwrap();
                assert_eq!(signal.args().unwrap().tick, own_tick(2000));
                assert!(is_denied(&soon(daemon.review("/usr/bin/curl", "approved")).await));
            });
        });
        // An error means that the client panicked; joining it says how.
        if when_ready.recv().is_ok() {
            stage.service.backend.tick(tick(2000));
        }
        client.join().unwrap();
    });
    assert!(stage.service.backend.reviews.lock().unwrap().is_empty());
    stage.end();
}

#[test]
#[ignore = "needs root and a private bus"]
fn with_view_own_a_user_is_told_of_their_own_past() {
    let past = Past::new(&[record(alice().uid, "mine", 1000), record(carol().uid, "secret", 54_321)]);
    let stage = Stage::of(Memory::remembering(past));
    for (user, sees_all) in [(alice(), false), (carol(), true)] {
        stage.act(&user, async |daemon| {
            let asker = history(daemon.inner().connection()).await;
            for dimension in Dimension::ALL.iter().filter(|one| **one != Dimension::Time) {
                let request =
                    QueryRequest { by: vec![dimension.as_str().to_owned()], ..QueryRequest::default() };
                let sums = soon(asker.query(&request)).await.unwrap();
                assert_eq!(tells(&sums), sees_all, "{dimension}: {sums:?}");
                assert_eq!(sums.total.flows, if sees_all { 2 } else { 1 });
                let series = soon(asker.series(&request)).await.unwrap();
                assert_eq!(tells(&series), sees_all, "{dimension}: {series:?}");
                let values = soon(asker.values(dimension.as_str(), "", 0)).await.unwrap();
                assert!(sees_all || !tells(&values), "{dimension}: {values:?}");
            }
            let told = [
                format!("{:?}", soon(asker.values("domain", "", 0)).await.unwrap()),
                format!("{:?}", soon(asker.complete("domain:", 7)).await.unwrap()),
                format!("{:?}", soon(asker.details("flow", "")).await.unwrap()),
            ];
            assert!(told.iter().all(|told| told.contains("mine")), "{told:?}");
            assert!(told.iter().all(|told| told.contains("secret") == sees_all), "{told:?}");
        });
    }
    stage.end();
}

#[test]
#[ignore = "needs root and a private bus"]
fn root_and_those_with_view_all_see_everything_and_review() {
    let stage = Stage::set();
    for user in [root(), carol()] {
        stage.act(&user, async |daemon| {
            assert_eq!(soon(daemon.status()).await.unwrap().access, Access::All);
            assert_eq!(ids(soon(daemon.findings(true)).await), [4, 2, 1, 0]);
            assert_eq!(soon(daemon.subscribe_live()).await.unwrap(), [tick(1000)]);
            soon(daemon.review("/usr/bin/curl", "approved")).await.unwrap();
        });
    }
    let reviewers: Vec<_> =
        stage.service.backend.reviews.lock().unwrap().iter().map(|(by, ..)| *by).collect();
    assert_eq!(reviewers, [Uid(0), Uid(carol().uid)]);
    stage.end();
}

#[test]
#[ignore = "needs root and a private bus"]
fn only_root_may_have_the_name() {
    let stage = Stage::set();
    let address = stage.bus.address().to_owned();
    stage.runtime.block_on(stage.service.stop()).unwrap();
    let answer = alice().act(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connection =
                zbus::connection::Builder::address(address.as_str()).unwrap().build().await.unwrap();
            connection.request_name(portolan_bus::BUS_NAME).await
        })
    });
    let answer = answer.unwrap();
    assert!(answer.is_err() && !matches!(answer, Err(zbus::Error::NameTaken)), "{answer:?}");
}
