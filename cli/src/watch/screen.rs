//! The live view in a terminal: owns the screen, and leaves it as it was.

use std::{io, time::Duration};

use crossterm::event::EventStream;
use futures_util::StreamExt;
use portolan_core::{ReviewState, Untrusted};
use ratatui::DefaultTerminal;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{self, MissedTickBehavior},
};

use super::{
    feed::Event,
    keys::{Action, action},
    model::Model,
    view,
};
use crate::{
    bus, commands,
    failure::{Failure, Kind},
    show::{clock::Clock, users::Users},
    signals::EndSignals,
};

/// The clock on the screen.
const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// Shows the table until a key or a signal ends it, or the daemon refuses.
pub(crate) async fn run(events: mpsc::Receiver<Event>) -> Result<(), Failure> {
    let mut signals = EndSignals::new()?;
    // The first answer comes before the screen is taken: a daemon that is not there is said on an ordinary line.
    let mut events = events;
    let Some(first) = first_event(&mut events, &mut signals).await? else { return Ok(()) };

    let terminal = ratatui::try_init().map_err(|error| {
        let _ = ratatui::try_restore();
        Failure::new(Kind::Failed, format!("cannot take the terminal: {error}. Use --plain for lines"))
    })?;
    let _restored = Restored;
    let mut screen = Screen {
        terminal,
        model: Model::default(),
        users: Users::default(),
        reviews: JoinSet::new(),
        page: 1,
    };
    screen.learn(first)?;
    screen.run(events, signals).await
}

async fn first_event(
    events: &mut mpsc::Receiver<Event>,
    signals: &mut EndSignals,
) -> Result<Option<Event>, Failure> {
    tokio::select! {
        () = signals.received() => Ok(None),
        event = events.recv() => match event {
            Some(Event::Failed(failure)) => Err(failure),
            event => Ok(event),
        },
    }
}

/// Gives the terminal back, however the screen ends. After a panic, ratatui's hook has done it already.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        // A second time would move the cursor back over the panic's message.
        if !std::thread::panicking() {
            let _ = ratatui::try_restore();
        }
    }
}

/// An application, the answer for it, and how telling the daemon went.
type Reviewed = (String, ReviewState, Result<(), Failure>);

struct Screen {
    terminal: DefaultTerminal,
    model: Model,
    users: Users,
    /// Answers under way.
    reviews: JoinSet<Reviewed>,
    page: u16,
}

impl Screen {
    async fn run(
        &mut self,
        mut events: mpsc::Receiver<Event>,
        mut signals: EndSignals,
    ) -> Result<(), Failure> {
        let mut keys = EventStream::new();
        let mut redraw = time::interval(REDRAW_EVERY);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.draw()?;
            tokio::select! {
                () = signals.received() => return Ok(()),
                event = events.recv() => self.learn(event.ok_or_else(ended)?)?,
                key = keys.next() => match key {
                    Some(Ok(event)) => match action(&event, self.page) {
                        Some(Action::Quit) => return Ok(()),
                        Some(action) => self.act(action),
                        None => {}
                    },
                    // The terminal is gone.
                    Some(Err(_)) | None => return Ok(()),
                },
                Some(review) = self.reviews.join_next() => {
                    if let Ok(review) = review {
                        self.reviewed(review);
                    }
                }
                _ = redraw.tick() => {}
            }
        }
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let (model, users, page) = (&self.model, &mut self.users, &mut self.page);
        let clock = Clock::read();
        self.terminal.draw(|frame| *page = view::draw(frame, model, &clock, users))?;
        Ok(())
    }

    fn learn(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Connected(backlog) => self.model.connected(&backlog),
            Event::Tick(tick) => self.model.ticked(&tick),
            Event::Status(status) => self.model.status = Some(*status),
            Event::Waiting(why) => self.model.waiting(why),
            Event::Dropped(readings) => self.model.dropped += readings,
            Event::Failed(failure) => return Err(failure),
        }
        Ok(())
    }

    fn act(&mut self, action: Action) {
        self.model.message = None;
        match action {
            Action::Sort => self.model.sort = self.model.sort.next(),
            Action::Select(rows) => self.model.select(rows),
            Action::Review(state) => self.review(state),
            Action::Quit | Action::Redraw => {}
        }
    }

    fn review(&mut self, state: ReviewState) {
        let message = match self.model.selected().map(|(key, _)| key.application.clone()) {
            None => "choose a program with the arrows first".to_owned(),
            Some(None) => "only programs can be reviewed".to_owned(),
            Some(Some(application)) => {
                let shown = Untrusted::from(application.as_str()).for_terminal();
                self.reviews.spawn(async move {
                    let result = tell(&application, state).await;
                    (application, state, result)
                });
                format!("telling portoland: {shown} …")
            }
        };
        self.model.message = Some(message);
    }

    fn reviewed(&mut self, (application, state, result): Reviewed) {
        let shown = Untrusted::from(application.as_str()).for_terminal();
        self.model.message = Some(match result {
            Ok(()) => {
                self.model.reviewed(&application, state.as_str());
                format!("{shown}: {state}")
            }
            Err(failure) => format!("{shown}: {}", failure.message()),
        });
    }
}

/// Tells the daemon on a connection of its own: a person may take minutes to type a password.
async fn tell(application: &str, state: ReviewState) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    commands::review::review(&daemon, application, state, true).await
}

fn ended() -> Failure {
    io::Error::from(io::ErrorKind::UnexpectedEof).into()
}
