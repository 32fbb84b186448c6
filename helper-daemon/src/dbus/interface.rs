use std::{cmp::Reverse, sync::Arc};

use portolan_bus::{Application, Error, Finding, LiveTick, LookupResult, SelfTest, Status};
use portolan_core::UnixMillis;
use zbus::{Connection, interface, message::Header, object_server::SignalEmitter, proxy::CacheProperties};

use super::{
    Backend, Skipped, Viewer, arguments,
    fit::{ANSWER_MAX_BYTES, fit},
    gate::{Call, Gate, sender},
    subscribers::{Subscribers, Topic},
    texts::Texts,
    visibility,
};

/// The object on the bus. It holds no connection: each call brings its own.
pub(super) struct Daemon1<B> {
    backend: Arc<B>,
    subscribers: Arc<Subscribers>,
    gate: Gate,
}

impl<B: Backend> Daemon1<B> {
    pub(super) fn new(backend: Arc<B>, subscribers: Arc<Subscribers>, gate: Gate) -> Self {
        Self { backend, subscribers, gate }
    }

    /// Adds a subscriber. One that left the bus in the meantime is not kept: its leaving was seen before it was added.
    async fn subscribe(&self, connection: &Connection, call: &Call, topic: Topic) -> Result<bool, Error> {
        let added = self.subscribers.add(&call.name, call.viewer, topic)?;
        let is_there = async {
            let bus = zbus::fdo::DBusProxy::builder(connection)
                .cache_properties(CacheProperties::No)
                .build()
                .await
                .ok()?;
            bus.name_has_owner(call.name.inner().clone().into()).await.ok()
        };
        if is_there.await != Some(true) {
            self.subscribers.forget(&call.name);
        }
        Ok(added)
    }

    async fn visible_findings(&self, viewer: Viewer, include_answered: bool) -> Result<Vec<Finding>, Error> {
        let mut findings = self.backend.findings(viewer, include_answered).await?;
        let notifications = self.backend.notifications();
        findings.retain_mut(|finding| visibility::show(viewer, &notifications, finding));
        self.left_out(fit(&mut findings, ANSWER_MAX_BYTES), "findings");
        Ok(findings)
    }

    fn left_out(&self, count: usize, what: &str) {
        if count > 0 {
            tracing::warn!(count, what, "left out of an answer: one message cannot hold them all");
            self.backend.skipped(Skipped::Rows, u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}

/// Members are described at `portolan_bus::Daemon1Proxy`.
///
/// A struct is returned as a tuple of one: zbus spreads a bare struct over as many arguments as it has fields, which is
/// not what introspection says.
#[interface(name = "org.portolan.Daemon1")]
impl<B: Backend> Daemon1<B> {
    /// Needs view-all or view-own.
    #[zbus(out_args("status"))]
    async fn status(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Status,), Error> {
        let call = self.gate.reader(connection, &header).await?;
        let status = self.backend.status(call.viewer).await?;
        Ok((Status { access: call.viewer.access, ..status },))
    }

    /// Needs view-all or view-own.
    #[zbus(out_args("result"))]
    async fn lookup(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        addresses: Vec<String>,
    ) -> Result<(LookupResult,), Error> {
        let call = self.gate.reader(connection, &header).await?;
        let addresses = arguments::addresses(&addresses)?;
        let share = ANSWER_MAX_BYTES / addresses.len().max(1);
        let mut result = self.backend.lookup(call.viewer, addresses).await?;
        for info in &mut result.addresses {
            info.remove_zero_bytes();
            result.truncated |= fit(&mut info.names, share) > 0;
        }
        result.access = call.viewer.access;
        Ok((result,))
    }

    /// Needs view-all or view-own.
    #[zbus(out_args("findings"))]
    async fn findings(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        include_answered: bool,
    ) -> Result<Vec<Finding>, Error> {
        let call = self.gate.reader(connection, &header).await?;
        self.visible_findings(call.viewer, include_answered).await
    }

    /// Needs view-all or view-own.
    #[zbus(out_args("applications"))]
    async fn applications(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Application>, Error> {
        let call = self.gate.reader(connection, &header).await?;
        let mut applications = self.backend.applications(call.viewer).await?;
        self.left_out(fit(&mut applications, ANSWER_MAX_BYTES), "applications");
        Ok(applications)
    }

    /// Needs review.
    async fn review(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        application: &str,
        state: &str,
    ) -> Result<(), Error> {
        let read = || arguments::review(application, state);
        let (uid, _place, (application, state)) = self.gate.reviewer(connection, &header, read).await?;
        let shown = application.as_untrusted().for_terminal();
        self.backend.review(uid, application, state).await?;
        tracing::info!(by = uid.0, %state, application = shown, "reviewed");
        Ok(())
    }

    /// Needs review.
    async fn dismiss(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        finding: i64,
    ) -> Result<(), Error> {
        let (uid, _place, ()) = self.gate.reviewer(connection, &header, || Ok(())).await?;
        self.backend.dismiss(uid, finding).await?;
        tracing::info!(by = uid.0, finding, "dismissed");
        Ok(())
    }

    /// Needs review.
    async fn snooze(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        finding: i64,
        until_unix_ms: Option<i64>,
    ) -> Result<(), Error> {
        let (uid, _place, ()) = self.gate.reviewer(connection, &header, || Ok(())).await?;
        self.backend.snooze(finding, until_unix_ms.map(UnixMillis)).await?;
        tracing::info!(by = uid.0, finding, until_unix_ms, "snoozed");
        Ok(())
    }

    /// Needs review.
    async fn end_learning(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Error> {
        let (uid, _place, ()) = self.gate.reviewer(connection, &header, || Ok(())).await?;
        self.backend.end_learning().await?;
        tracing::info!(by = uid.0, "learning ended");
        Ok(())
    }

    /// Needs view-all.
    #[zbus(out_args("self_test"))]
    async fn run_self_test(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(SelfTest,), Error> {
        let _place = self.gate.overseer(connection, &header).await?;
        Ok((self.backend.run_self_test().await?,))
    }

    /// Needs view-all or view-own. A tick may come both as a signal and in the answer, never in neither.
    #[zbus(out_args("ticks"))]
    async fn subscribe_live(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<LiveTick>, Error> {
        let call = self.gate.reader(connection, &header).await?;
        self.subscribe(connection, &call, Topic::Live).await?;
        let ticks = self.backend.recent_ticks();
        let mut visible: Vec<_> = ticks.iter().map(|tick| visibility::tick(call.viewer, tick)).collect();
        // When not all fit, the newest stay.
        visible.sort_by_key(|tick| Reverse(tick.unix_ms));
        self.left_out(fit(&mut visible, ANSWER_MAX_BYTES), "ticks");
        visible.reverse();
        Ok(visible)
    }

    /// Needs no right: it takes away only what the caller itself asked for.
    async fn unsubscribe_live(&self, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.subscribers.remove(sender(&header)?, Topic::Live);
        Ok(())
    }

    /// Needs view-all or view-own. A finding may come both as a signal and in the answer, never in neither. An error
    /// means that nothing was subscribed to.
    #[zbus(out_args("findings"))]
    async fn subscribe_findings(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Finding>, Error> {
        let call = self.gate.reader(connection, &header).await?;
        let added = self.subscribe(connection, &call, Topic::Findings).await?;
        let findings = self.visible_findings(call.viewer, false).await;
        if added && findings.is_err() {
            self.subscribers.remove(&call.name, Topic::Findings);
        }
        findings
    }

    /// The counters were read.
    #[zbus(signal)]
    pub(super) async fn ticked(emitter: &SignalEmitter<'_>, tick: &LiveTick) -> zbus::Result<()>;

    /// A finding is new, or was answered.
    #[zbus(signal)]
    pub(super) async fn finding_changed(emitter: &SignalEmitter<'_>, finding: &Finding) -> zbus::Result<()>;
}
