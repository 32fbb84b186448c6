//! The bus comes and goes; the daemon stays.

use std::time::{Duration, Instant};

use portolan_bus::BUS_NAME;
use portoland::dbus::{BusState, ServeError};
use zbus::fdo::DBusProxy;

use crate::{
    backend::Memory,
    bus::Bus,
    polkit::Polkit,
    setup::{Service, Stage, client, soon},
};

fn problem(state: BusState) -> String {
    match state {
        BusState::Away { problem } => problem,
        state => panic!("{state:?}"),
    }
}

#[tokio::test]
async fn a_bus_that_comes_late_is_found() {
    let mut bus = Bus::prepare();
    let mut service = Service::start(bus.address(), Memory::new());
    let away = service.until(|state| *state != BusState::Starting).await;
    let said = problem(away);
    assert!(said.contains("cannot be reached") && said.contains("Recording goes on"), "{said}");
    bus.run();
    service.until(|state| *state == BusState::Serving).await;
    service.stop().await.unwrap();
}

#[tokio::test]
async fn a_bus_that_goes_away_and_comes_back_is_served_again() {
    let Stage { mut bus, polkit, mut service } = Stage::set().await;
    drop(polkit);
    bus.stop();
    let away = service.until(|state| *state != BusState::Serving).await;
    assert!(problem(away).contains("the bus went away"));
    bus.run();
    service.until(|state| *state == BusState::Serving).await;
    let _polkit = Polkit::serve(bus.connect().await).await;
    assert!(soon(client(&bus.connect().await).await.status()).await.is_ok());
    service.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_daemon_is_told_that_there_is_one() {
    let stage = Stage::set().await;
    let second = Service::start(stage.bus.address(), Memory::new());
    let error = second.end().await.unwrap_err();
    assert!(matches!(error, ServeError::NameTaken));
    assert!(error.to_string().contains("Another portoland is running"));
    assert!(stage.client().await.status().await.is_ok(), "the first one goes on");
}

#[tokio::test]
async fn once_it_has_served_a_taken_name_does_not_end_it() {
    let Stage { mut bus, mut service, .. } = Stage::set().await;
    bus.stop();
    service.until(|state| *state != BusState::Serving).await;
    bus.run_hidden("");
    let squatter = bus.connect().await;
    squatter.request_name(BUS_NAME).await.unwrap();
    bus.reveal();
    service.until(|state| problem(state.clone()).contains("another process has the name")).await;
    squatter.close().await.unwrap();
    service.until(|state| *state == BusState::Serving).await;
    service.stop().await.unwrap();
}

#[tokio::test]
async fn a_bus_that_refuses_the_name_is_said_and_tried_again() {
    let mut bus = Bus::prepare();
    bus.run_hidden(&format!("<deny own='{BUS_NAME}'/>"));
    bus.reveal();
    let mut service = Service::start(bus.address(), Memory::new());
    let said = problem(service.until(|state| *state != BusState::Starting).await);
    assert!(said.contains("does not let this process have the name"), "{said}");
    bus.stop();
    bus.run();
    service.until(|state| *state == BusState::Serving).await;
    service.stop().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_none_is_an_error() {
    let error = Service::start("nonsense".into(), Memory::new()).end().await.unwrap_err();
    assert!(error.to_string().contains("“nonsense” is not a D-Bus address"), "{error}");
}

#[tokio::test]
async fn it_ends_when_told_with_or_without_a_bus_and_gives_the_name_back() {
    let mut lonely = Service::start(Bus::prepare().address(), Memory::new());
    lonely.until(|state| *state != BusState::Starting).await;
    lonely.stop().await.unwrap();

    let Stage { bus, polkit: _polkit, service } = Stage::set().await;
    let observer = bus.connect().await;
    let began = Instant::now();
    service.stop().await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(1500), "it waited for something that never ends");
    let names = DBusProxy::new(&observer).await.unwrap();
    assert!(!names.name_has_owner(BUS_NAME.try_into().unwrap()).await.unwrap());
}

#[tokio::test]
async fn a_call_under_way_is_answered_before_the_end() {
    let Stage { bus, polkit: _polkit, service } = Stage::set().await;
    let memory = service.backend.clone();
    memory.status_permits.forget_permits(1000);
    let caller = client(&bus.connect().await).await;
    let waiting = tokio::spawn(async move { caller.status().await });
    soon(memory.status_arrivals.acquire()).await.unwrap().forget();
    let ending = tokio::spawn(service.stop());
    // The name is given back before the calls under way are waited for.
    let names = bus.connect().await;
    let names = DBusProxy::new(&names).await.unwrap();
    soon(async { while names.name_has_owner(BUS_NAME.try_into().unwrap()).await.unwrap() {} }).await;
    memory.status_permits.add_permits(1);
    assert!(soon(waiting).await.unwrap().is_ok());
    soon(ending).await.unwrap().unwrap();
}
