//! Signals reach those who asked, as much of them as those may see, and nobody else.

use futures_util::StreamExt;
use portolan_bus::{BUS_NAME, Daemon1Proxy, Finding, FindingState, LiveTick, Severity, action};
use portolan_config::Notifications;
use portolan_core::{
    FindingKind,
    Severity::{Loud, Normal},
};
use zbus::{MatchRule, MessageStream, message::Type};

use portoland::dbus::Skipped;

use crate::{
    sample::{self, OTHER_UID, own_uid},
    setup::{Stage, client, soon},
};

/// Everything of ours that reaches a connection, whether it asked for it or not.
async fn overhear(connection: &zbus::Connection) -> MessageStream {
    let rule = MatchRule::builder().msg_type(Type::Signal).interface(BUS_NAME).unwrap().build();
    MessageStream::for_match_rule(rule, connection, Some(64)).await.unwrap()
}

/// What has reached the connection when the daemon has answered a call: all signals that it sent before.
async fn overheard(stream: &mut MessageStream, proxy: &Daemon1Proxy<'_>) -> usize {
    soon(proxy.unsubscribe_live()).await.unwrap();
    let mut count = 0;
    while let Some(Some(Ok(_))) = futures_util::FutureExt::now_or_never(stream.next()) {
        count += 1;
    }
    count
}

async fn next_finding(stream: &mut portolan_bus::FindingChangedStream) -> Finding {
    soon(stream.next()).await.unwrap().args().unwrap().finding
}

async fn next_tick(stream: &mut portolan_bus::TickedStream) -> LiveTick {
    soon(stream.next()).await.unwrap().args().unwrap().tick
}

#[tokio::test]
async fn signals_go_to_subscribers_and_to_nobody_else() {
    let stage = Stage::set().await;
    let subscriber = stage.client().await;
    let mut ticks = subscriber.receive_ticked().await.unwrap();
    let mut findings = subscriber.receive_finding_changed().await.unwrap();
    let connection = stage.bus.connect().await;
    let (bystander, mut stream) = (client(&connection).await, overhear(&connection).await);
    subscriber.subscribe_live().await.unwrap();
    subscriber.subscribe_findings().await.unwrap();

    for number in 3..5 {
        stage.memory().tick(sample::tick(number * 1000, &[0, OTHER_UID]));
        stage.memory().find(sample::finding(number * 10, Some(OTHER_UID)));
        assert_eq!(next_tick(&mut ticks).await, sample::tick(number * 1000, &[0, OTHER_UID]));
        assert_eq!(next_finding(&mut findings).await, sample::finding(number * 10, Some(OTHER_UID)));
    }
    assert_eq!(overheard(&mut stream, &bystander).await, 0);

    bystander.subscribe_live().await.unwrap();
    stage.memory().tick(sample::tick(9000, &[]));
    let heard = soon(stream.next()).await.unwrap().unwrap();
    assert_eq!(
        heard.header().destination().map(ToString::to_string).as_deref(),
        connection.unique_name().map(|name| name.as_str())
    );
}

#[tokio::test]
async fn with_view_own_signals_are_of_the_own_user() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[action::VIEW_OWN]);
    let subscriber = stage.client().await;
    let mut ticks = subscriber.receive_ticked().await.unwrap();
    let mut findings = subscriber.receive_finding_changed().await.unwrap();
    subscriber.subscribe_live().await.unwrap();
    subscriber.subscribe_findings().await.unwrap();

    stage.memory().tick(sample::tick(3000, &[OTHER_UID]));
    stage.memory().tick(sample::tick(4000, &[OTHER_UID, own_uid()]));
    stage.memory().find(sample::finding(30, Some(OTHER_UID)));
    stage.memory().find(sample::finding(31, None));
    stage.memory().find(sample::finding(32, Some(own_uid())));
    stage.memory().find(sample::daemon_finding(33));
    assert_eq!(next_tick(&mut ticks).await, sample::tick(3000, &[]), "it says that the daemon is alive");
    assert_eq!(next_tick(&mut ticks).await, sample::tick(4000, &[own_uid()]));
    assert_eq!(next_finding(&mut findings).await.id, 32);
    assert_eq!(next_finding(&mut findings).await.id, 33);
}

#[tokio::test]
async fn what_the_configuration_does_not_tell_is_quiet_from_then_on() {
    let stage = Stage::set().await;
    let subscriber = stage.client().await;
    let mut findings = subscriber.receive_finding_changed().await.unwrap();
    subscriber.subscribe_findings().await.unwrap();
    let mut id = 30;
    let normal = |id| Finding { severity: Severity::Normal, ..sample::finding(id, None) };
    for (least, quiet_kinds, told) in [
        (Some(Normal), vec![], [Severity::Normal, Severity::Loud]),
        (Some(Loud), vec![], [Severity::Quiet, Severity::Loud]),
        (None, vec![], [Severity::Quiet; 2]),
        (Some(Normal), vec![normal(0).kind.parse().unwrap()], [Severity::Quiet; 2]),
        (Some(Normal), vec![FindingKind::LostEvents], [Severity::Normal, Severity::Loud]),
    ] {
        *stage.memory().notifications.lock().unwrap() = Notifications { least, quiet_kinds };
        for (found, told) in [Severity::Normal, Severity::Loud].into_iter().zip(told) {
            id += 1;
            stage.memory().find(Finding { severity: found, ..normal(id) });
            let expected = Finding { severity: told, ..normal(id) };
            assert_eq!(next_finding(&mut findings).await, expected);
            assert_eq!(subscriber.findings(false).await.unwrap()[0], expected, "it is listed, and the same");
        }
    }
}

#[tokio::test]
async fn who_unsubscribes_gets_no_more_ticks() {
    let stage = Stage::set().await;
    let connection = stage.bus.connect().await;
    let (leaver, mut stream) = (client(&connection).await, overhear(&connection).await);
    let stayer = stage.client().await;
    let mut ticks = stayer.receive_ticked().await.unwrap();
    stayer.subscribe_live().await.unwrap();
    leaver.subscribe_live().await.unwrap();
    stage.memory().tick(sample::tick(3000, &[]));
    soon(stream.next()).await.unwrap().unwrap();

    leaver.unsubscribe_live().await.unwrap();
    for unix_ms in [4000, 5000] {
        stage.memory().tick(sample::tick(unix_ms, &[]));
        while next_tick(&mut ticks).await.unix_ms != unix_ms {}
    }
    assert_eq!(overheard(&mut stream, &leaver).await, 0);
}

#[tokio::test]
async fn findings_that_were_lost_in_a_rush_are_sent_again() {
    let stage = Stage::set().await;
    let subscriber = stage.client().await;
    let mut findings = subscriber.receive_finding_changed().await.unwrap();
    subscriber.subscribe_findings().await.unwrap();

    // Nothing else runs until the next await, so the channel of 8 loses what came first.
    stage.memory().find(sample::finding(30, None));
    stage.memory().findings.lock().unwrap()[1].state = FindingState::Ignored;
    (0..20).for_each(|number| stage.memory().tick(sample::tick(number, &[])));
    let mut again = Vec::new();
    while again.len() < 6 {
        let finding = next_finding(&mut findings).await;
        again.push((finding.id, finding.state));
    }
    let expected: Vec<_> =
        stage.memory().findings.lock().unwrap().iter().rev().map(|f| (f.id, f.state)).collect();
    assert_eq!(again, expected, "all of them, also the answered ones, the oldest first");
    let skipped = stage.memory().skipped.lock().unwrap();
    assert_eq!(*skipped, [(Skipped::Events, 13)], "21 events, and the channel holds 8");
}

#[tokio::test]
async fn who_loses_the_right_gets_nothing_until_it_is_back() {
    let stage = Stage::set().await;
    let subscriber = stage.client().await;
    let mut findings = subscriber.receive_finding_changed().await.unwrap();
    subscriber.subscribe_findings().await.unwrap();

    stage.polkit.allow(&[]);
    // The second time polkit is asked, the answers of the first time are in force.
    for _ in 0..2 {
        let asked = stage.polkit.questions().len();
        stage.polkit.announce_change().await;
        soon(async {
            while stage.polkit.questions().len() < asked + 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    stage.memory().find(sample::finding(50, Some(own_uid())));
    // A call of somebody who may is answered after the finding was not sent.
    stage.polkit.allow(&[action::VIEW_OWN]);
    stage.polkit.announce_change().await;
    let again: Vec<_> = [
        next_finding(&mut findings).await.id,
        next_finding(&mut findings).await.id,
        next_finding(&mut findings).await.id,
        next_finding(&mut findings).await.id,
    ]
    .into();
    assert_eq!(again, [0, 2, 4, 50], "once, in order, and only what may be seen now");
}
