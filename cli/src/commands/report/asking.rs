use std::path::PathBuf;

use portolan_bus::{
    Access, Application, Daemon1Proxy, Finding, History1Proxy, QueryRequest, QueryResult, SeriesResult,
    Status,
};
use portolan_core::Dimension;
use portolan_history::{Limits, Question, Reader, Step};

use crate::{
    args, bus,
    commands::{history_file, question},
    failure::Failure,
    show::clock::Clock,
};

/// Who is asked: the daemon, or a file.
pub(super) struct Source {
    asked: Asked,
    clock: Clock,
}

enum Asked {
    Daemon {
        daemon: Daemon1Proxy<'static>,
        history: History1Proxy<'static>,
    },
    /// All questions together are within the limits.
    File(PathBuf, Limits),
}

impl Source {
    pub(super) async fn open(options: &args::Report, clock: Clock) -> Result<Self, Failure> {
        let asked = match &options.history {
            Some(path) => Asked::File(path.clone(), history_file::limits(options.timeout)),
            None => {
                let connection = bus::connect().await?;
                Asked::Daemon {
                    daemon: bus::daemon(&connection).await?,
                    history: bus::history(&connection).await?,
                }
            }
        };
        Ok(Self { asked, clock })
    }

    /// Sums by group; `top` 0 for all.
    pub(super) async fn answer(&self, text: &str, by: Dimension, top: u32) -> Result<QueryResult, Failure> {
        match &self.asked {
            Asked::Daemon { history, .. } => {
                let request = self.request(text, Some(by), top);
                history.query(&request).await.map_err(|error| question::refused(text, error))
            }
            Asked::File(path, limits) => {
                let question = self.question(text, Some(by), top)?;
                let answer = history_file::ask(path, |reader| reader.answer(&question, limits))?;
                Ok(QueryResult::found(answer, Vec::new(), Access::All))
            }
        }
    }

    /// Lines over time.
    pub(super) async fn series(
        &self,
        text: &str,
        by: Option<Dimension>,
        top: u32,
        step: Step,
    ) -> Result<SeriesResult, Failure> {
        match &self.asked {
            Asked::Daemon { history, .. } => {
                let word = if step == Step::Hour { "hour" } else { "" };
                let request = QueryRequest { step: word.to_owned(), ..self.request(text, by, top) };
                history.series(&request).await.map_err(|error| question::refused(text, error))
            }
            Asked::File(path, limits) => {
                let question = self.question(text, by, top)?;
                let ask = |reader: &Reader| reader.series(&question, step, limits);
                Ok(SeriesResult::found(history_file::ask(path, ask)?, Vec::new(), Access::All))
            }
        }
    }

    pub(super) async fn applications(&self) -> Result<Vec<Application>, Failure> {
        match &self.asked {
            Asked::Daemon { daemon, .. } => daemon.applications().await.map_err(bus::failed_call),
            Asked::File(path, _) => {
                let rows = history_file::ask(path, |reader| reader.applications(None))?;
                Ok(rows.into_iter().map(Application::found).collect())
            }
        }
    }

    /// All findings, answered or not.
    pub(super) async fn findings(&self) -> Result<Vec<Finding>, Failure> {
        match &self.asked {
            Asked::Daemon { daemon, .. } => daemon.findings(true).await.map_err(bus::failed_call),
            Asked::File(path, _) => {
                let rows = history_file::ask(path, |reader| reader.findings(true, None))?;
                Ok(rows.into_iter().map(Finding::found).collect())
            }
        }
    }

    /// The daemon's; a file has none.
    pub(super) async fn status(&self) -> Result<Option<Status>, Failure> {
        match &self.asked {
            Asked::Daemon { daemon, .. } => daemon.status().await.map(Some).map_err(bus::failed_call),
            Asked::File(..) => Ok(None),
        }
    }

    fn request(&self, text: &str, by: Option<Dimension>, top: u32) -> QueryRequest {
        QueryRequest {
            query: text.to_owned(),
            by: by.iter().map(|dimension| dimension.as_str().to_owned()).collect(),
            top,
            step: String::new(),
            zone: self.clock.zone.iana_name().unwrap_or_default().to_owned(),
            token: 0,
        }
    }

    fn question(&self, text: &str, by: Option<Dimension>, top: u32) -> Result<Question, Failure> {
        let now = self.clock.now.to_zoned(self.clock.zone.clone());
        let (_, query) = question::read(text, &now)?;
        let top = if top == 0 { usize::MAX } else { usize::try_from(top).unwrap_or(usize::MAX) };
        Ok(Question { query, by: by.into_iter().collect(), top, viewer: None, step: Step::default() })
    }
}
