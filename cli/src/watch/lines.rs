//! The live view for a file, a pipe or a script.

use std::io;

use portolan_bus::{LiveRow, LiveTick};
use portolan_core::{UnixMillis, Untrusted};
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::{feed::Event, row};
use crate::{
    failure::Failure,
    output,
    show::{
        amount::{Precision::Rounded, bytes},
        clock::Clock,
        users::Users,
        wrap::wrap,
    },
    signals::EndSignals,
};

/// Writes readings as they come, each flushed; ends after `count` of them.
pub(crate) async fn run(
    mut events: mpsc::Receiver<Event>,
    count: Option<u64>,
    json: bool,
) -> Result<(), Failure> {
    let mut signals = EndSignals::new()?;
    let terminal_width = output::terminal_width();
    let mut writer = Writer { json, users: Users::default(), terminal_width, written: 0, last_unix_ms: None };
    while count.is_none_or(|count| writer.written < count) {
        // A reader that does not read must not keep a signal from ending this.
        tokio::select! {
            () = signals.received() => return Ok(()),
            done = writer.next(&mut events) => done.map_err(|failure| match writer.written {
                0 => failure,
                _ => failure.after_the_answer(),
            })?,
        }
    }
    Ok(())
}

struct Writer {
    json: bool,
    users: Users,
    /// `None` for a file or a pipe.
    terminal_width: Option<usize>,
    /// Readings written.
    written: u64,
    /// The newest reading written.
    last_unix_ms: Option<i64>,
}

impl Writer {
    async fn next(&mut self, events: &mut mpsc::Receiver<Event>) -> Result<(), Failure> {
        match events.recv().await {
            Some(Event::Tick(tick)) => self.write(&tick).await,
            // What was missed while the daemon was gone; nothing from before this command started.
            Some(Event::Connected(backlog)) => {
                let Some(last) = self.last_unix_ms else { return Ok(()) };
                for tick in backlog.iter().filter(|tick| tick.unix_ms > last) {
                    self.write(tick).await?;
                }
                Ok(())
            }
            Some(Event::Waiting(why)) => {
                output::complain(&format!("daemon gone, waiting: {why}"));
                Ok(())
            }
            Some(Event::Dropped(readings)) => {
                output::complain(&format!(
                    "{readings} readings were left out: standard output is read too slowly"
                ));
                Ok(())
            }
            Some(Event::Status(_)) => Ok(()),
            Some(Event::Failed(failure)) => Err(failure),
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    async fn write(&mut self, tick: &LiveTick) -> Result<(), Failure> {
        self.written += 1;
        self.last_unix_ms = Some(tick.unix_ms);
        let text = if self.json { output::json_line(tick)? } else { self.lines(tick) };
        let mut stdout = tokio::io::stdout();
        stdout.write_all(text.as_bytes()).await?;
        Ok(stdout.flush().await?)
    }

    /// A line for each program that moved bytes.
    fn lines(&mut self, tick: &LiveTick) -> String {
        let clock = Clock::read();
        let when = clock.full(UnixMillis(tick.unix_ms));
        let active = tick.rows.iter().filter(|row| row.tx_bytes > 0 || row.rx_bytes > 0);
        active
            .map(|row| wrap(&format!("{when}  {}", self.line(row)), self.terminal_width, 6) + "\n")
            .collect()
    }

    fn line(&mut self, row: &LiveRow) -> String {
        let harmless = |text: &str| Untrusted::from(text).for_terminal();
        let mut line = format!(
            "in {:>9}  out {:>9}  user {}  {}",
            bytes(row.rx_bytes, Rounded),
            bytes(row.tx_bytes, Rounded),
            self.users.name(row.uid),
            harmless(&row.path)
        );
        if let Some(parent) = &row.parent_path {
            line.push_str(&format!("  started by {}", harmless(parent)));
        }
        for place in [&row.unit, &row.container].into_iter().flatten() {
            line.push_str(&format!("  in {}", harmless(place)));
        }
        if let Some(remote) = row::remote(row) {
            line.push_str(&format!("  to {}", harmless(&remote)));
        }
        line
    }
}
