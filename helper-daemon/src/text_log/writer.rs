//! The log's thread.

use std::{
    io,
    sync::{Arc, atomic::Ordering, mpsc},
};

use portolan_bus::{Finding, FindingState, Severity};
use portolan_config::{Log, LogFormat};
use portolan_core::{Endpoint, Evidence, UnixMillis, harmless_json};
use portolan_history::line::{FlowLine, Format, Lines};
use serde_json::json;

use super::{
    Offer, Shared,
    file::{self, LogFile},
    lock,
};

/// Columns before those of a flow, which is of the kind `flow`; the others are a finding's.
const BEFORE: [&str; 5] = ["kind", "finding", "severity", "state", "detail"];
/// Bytes that are written in one piece.
const PIECE: usize = 64 * 1024;

pub(super) struct Writer {
    settings: Log,
    lines: Lines,
    file: Option<LogFile>,
    pub(super) shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn new(settings: Log, shared: Arc<Shared>) -> Self {
        Self { lines: lines(&settings), settings, file: None, shared }
    }

    pub(super) fn run(mut self, queue: &mpsc::Receiver<Offer>) {
        for offer in queue {
            let next = lock(&self.shared.next).take();
            if let Some(settings) = next {
                self.lines = lines(&settings);
                self.settings = settings;
                self.file = None;
                // So that what is wrong with it is known at once.
                let opened = self.open();
                self.note(&opened);
            }
            match offer {
                Offer::Look => {}
                // Who waited has gone on.
                Offer::End(done) => drop(done.send(())),
                offer => {
                    self.take(&offer);
                    self.shared.waiting.fetch_sub(offer.lines(), Ordering::Relaxed);
                }
            }
        }
    }

    /// Writes an offer; what cannot be written is counted.
    pub(super) fn take(&mut self, offer: &Offer) {
        if self.settings.file.is_none() {
            return;
        }
        let mut written = 0;
        let result = self.write(offer, &mut written);
        if result.is_err() {
            self.shared.drop_lines(offer.lines().saturating_sub(written));
            self.file = None;
        }
        self.note(&result);
    }

    fn note(&self, result: &io::Result<()>) {
        let path = self.settings.file.as_deref().unwrap_or(std::path::Path::new("")).display();
        let problem =
            result.as_ref().err().map(|error| format!("the text log {path} cannot be written: {error}"));
        let mut noted = lock(&self.shared.problem);
        if let (None, Some(problem)) = (&*noted, &problem) {
            tracing::warn!("{problem}. Its lines are dropped");
        }
        *noted = problem;
    }

    fn write(&mut self, offer: &Offer, written: &mut usize) -> io::Result<()> {
        match offer {
            Offer::Flows(records) => {
                let (mut text, mut lines) = (Vec::new(), 0);
                for record in records {
                    self.lines.write_after(&["flow"], &mut text, &FlowLine::from(record))?;
                    lines += 1;
                    if text.len() >= PIECE {
                        self.append(&text)?;
                        *written += std::mem::take(&mut lines);
                        text.clear();
                    }
                }
                self.append(&text)?;
                *written += lines;
                Ok(())
            }
            Offer::Finding(finding) => {
                let mut text = Vec::new();
                match self.settings.format {
                    LogFormat::Json => {
                        let evidence = finding.evidence.as_deref().map(Evidence::from_json);
                        let mut finding = json!({ "finding": finding });
                        finding["finding"]["evidence"] = json!(evidence);
                        text.extend((harmless_json(&finding.to_string()) + "\n").into_bytes());
                    }
                    LogFormat::Csv => {
                        let number = finding.id.to_string();
                        let before = [
                            &*finding.kind,
                            &number,
                            severity(finding.severity),
                            state(finding.state),
                            finding.detail.as_deref().unwrap_or_default(),
                        ];
                        self.lines.write_after(&before, &mut text, &line(finding))?;
                    }
                }
                self.append(&text)
            }
            Offer::Look | Offer::End(_) => Ok(()),
        }
    }

    /// Writes lines in one piece; a file that they do not fit into is put aside before.
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.open()?;
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let is_full = |file: &LogFile| {
            file.size() > 0 && file.size().saturating_add(length) > self.settings.rotate_bytes
        };
        if self.file.as_ref().is_some_and(is_full) {
            self.rotate()?;
        }
        self.file.as_mut().map_or(Ok(()), |file| file.append(text))
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file = None;
        if let Some(path) = &self.settings.file {
            file::rotate(path, self.settings.keep)?;
        }
        self.open()
    }

    /// Opens the file, again when another stands in its place or none. One of another format is put aside.
    fn open(&mut self) -> io::Result<()> {
        let Some(path) = &self.settings.file else { return Ok(()) };
        if self.file.as_ref().is_some_and(|file| file.is_at(path)) {
            return Ok(());
        }
        let mut file = LogFile::open(path)?;
        if file.size() == 0 {
            let mut headings = Vec::new();
            self.lines.write_headings(&mut headings)?;
            file.append(&headings)?;
        } else if (file.begins_with()? == Some(b'{')) != (self.settings.format == LogFormat::Json) {
            return self.rotate();
        }
        self.file = Some(file);
        Ok(())
    }
}

fn lines(settings: &Log) -> Lines {
    let format = match settings.format {
        LogFormat::Json => Format::Json,
        LogFormat::Csv => Format::Csv,
    };
    Lines::after(format, &BEFORE)
}

/// What a finding has of a flow's columns: when it was told last, of what, as whom, and with whom.
fn line(finding: &Finding) -> FlowLine {
    let remote = finding.remote.as_ref().and_then(|remote| remote.parse::<std::net::SocketAddr>().ok());
    let remote = remote.map(|remote| Endpoint { address: remote.ip(), port: remote.port() });
    FlowLine {
        start: FlowLine::instant(UnixMillis(finding.unix_ms)),
        start_unix_ms: finding.unix_ms,
        first_unix_ms: finding.unix_ms,
        last_unix_ms: finding.updated_unix_ms,
        application: finding.application.clone(),
        executable: finding.path.clone(),
        sha256: finding.sha256.clone(),
        uid: finding.uid,
        remote_address: remote.map(|remote| remote.address),
        remote_port: remote.map(|remote| remote.port).filter(|port| *port != 0),
        domain: finding.remote_name.clone(),
        domain_inferred: finding.remote_name.as_ref().map(|_| finding.remote_name_inferred),
        ..FlowLine::default()
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Quiet => "quiet",
        Severity::Normal => "normal",
        Severity::Loud => "loud",
    }
}

fn state(state: FindingState) -> &'static str {
    match state {
        FindingState::Open => "open",
        FindingState::Approved => "approved",
        FindingState::Ignored => "ignored",
    }
}
