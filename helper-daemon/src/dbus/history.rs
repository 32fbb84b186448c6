use std::{sync::Arc, sync::atomic::AtomicBool};

use jiff::Zoned;
use portolan_bus::{Completion, DetailsResult, Error, QueryRequest, QueryResult, SeriesResult};
use portolan_history::language;
use zbus::{Connection, interface, message::Header};

use super::{
    Backend, Viewer, arguments,
    asking::Questions,
    fit::{ANSWER_MAX_BYTES, fit, fit_groups, fit_series, fit_texts},
    gate::{Gate, sender},
    visibility,
};

/// The interface that answers from the history, on the same object as `Daemon1`.
pub(super) struct History1<B> {
    backend: Arc<B>,
    gate: Gate,
    questions: Questions,
}

impl<B: Backend> History1<B> {
    pub(super) fn new(backend: Arc<B>, gate: Gate, questions: Questions) -> Self {
        Self { backend, gate, questions }
    }

    /// Lets a question in, has it answered unless it is cancelled, and says on whose behalf.
    async fn ask<T>(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        token: u32,
        answer: impl AsyncFnOnce(&B, Viewer, Arc<AtomicBool>) -> Result<T, Error>,
    ) -> Result<(Viewer, T), Error> {
        let asking = self.questions.ask(sender(header)?, token);
        asking
            .unless_cancelled(async {
                let call = self.gate.reader(connection, header).await?;
                let answer = answer(&self.backend, call.viewer, asking.is_cancelled()).await?;
                Ok((call.viewer, answer))
            })
            .await
    }
}

/// Members are described at `portolan_bus::History1Proxy`; structs are returned as those of `Daemon1`. Each needs view-all or view-own.
#[interface(name = "org.portolan.History1")]
impl<B: Backend> History1<B> {
    #[zbus(out_args("result"))]
    async fn query(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        request: QueryRequest,
    ) -> Result<(QueryResult,), Error> {
        let ask = async |backend: &B, viewer, cancelled| {
            backend.query(viewer, arguments::question(viewer, &request)?, cancelled).await
        };
        let (viewer, mut result) = self.ask(connection, &header, request.token, ask).await?;
        fit_groups(&mut result.groups, ANSWER_MAX_BYTES);
        result.access = viewer.access;
        Ok((result,))
    }

    #[zbus(out_args("result"))]
    async fn series(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        request: QueryRequest,
    ) -> Result<(SeriesResult,), Error> {
        let ask = async |backend: &B, viewer, cancelled| {
            let (question, step) = arguments::series(viewer, &request)?;
            backend.series(viewer, question, step, cancelled).await
        };
        let (viewer, mut result) = self.ask(connection, &header, request.token, ask).await?;
        fit_series(&mut result, ANSWER_MAX_BYTES);
        result.access = viewer.access;
        Ok((result,))
    }

    #[zbus(out_args("values"))]
    async fn values(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        field: &str,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        let ask = async |backend: &B, viewer, cancelled| {
            let (field, limit) = (arguments::field(field)?, arguments::values(prefix, limit)?);
            backend.values(viewer, field, prefix.to_owned(), limit, cancelled).await
        };
        let (_, mut values) = self.ask(connection, &header, 0, ask).await?;
        fit_texts(&mut values, ANSWER_MAX_BYTES);
        Ok(values)
    }

    #[zbus(out_args("completion"))]
    async fn complete(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        text: &str,
        cursor: u32,
    ) -> Result<(Completion,), Error> {
        let ask = async |backend: &B, viewer, cancelled| {
            let (at, wanted) = arguments::completion(text, cursor)?;
            let words = match wanted {
                arguments::Wanted::Words(words) => words,
                arguments::Wanted::Values { field, prefix } => {
                    let limit = arguments::values(&prefix, arguments::OFFERED)?;
                    let values = backend.values(viewer, field, prefix, limit, cancelled).await?;
                    values.iter().map(|value| language::quoted(value)).collect()
                }
            };
            Ok(Completion { start: at.start, end: at.end, words })
        };
        let (_, mut completion) = self.ask(connection, &header, 0, ask).await?;
        fit_texts(&mut completion.words, ANSWER_MAX_BYTES);
        Ok((completion,))
    }

    #[zbus(out_args("result"))]
    async fn details(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        kind: &str,
        key: &str,
    ) -> Result<(DetailsResult,), Error> {
        let ask = async |backend: &B, viewer, cancelled| {
            backend.details(viewer, arguments::subject(kind, key, &Zoned::now())?, cancelled).await
        };
        let (viewer, mut result) = self.ask(connection, &header, 0, ask).await?;
        let notifications = self.backend.notifications();
        result.findings.retain_mut(|finding| visibility::show(viewer, &notifications, finding));
        // All lists share what one message holds.
        let share = ANSWER_MAX_BYTES / (result.groups.len() + 2);
        result.groups.values_mut().for_each(|groups| fit_groups(groups, share));
        fit(&mut result.applications, share);
        fit(&mut result.findings, share);
        result.access = viewer.access;
        Ok((result,))
    }

    /// Needs no right: it takes away only what the caller itself asked for.
    #[zbus(out_args("cancelled"))]
    async fn cancel(&self, #[zbus(header)] header: Header<'_>, token: u32) -> Result<bool, Error> {
        Ok(self.questions.cancel(sender(&header)?, token))
    }
}
