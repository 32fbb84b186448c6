//! The live table on a real pseudo terminal.

use std::{fs::File, io::Read, process::Stdio, time::Duration};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    pty::OpenptFlags,
    termios::Winsize,
};
use tokio::{process::Child, sync::mpsc};

use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{portolan, terminate},
    samples::{self, HOSTILE, live_row, tick},
};

const TAKEN: &str = "\x1b[?1049h";

pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: mpsc::UnboundedReceiver<Vec<u8>>,
    /// Everything the program wrote.
    seen: String,
    /// What a person sees of it.
    emulator: vt100::Parser,
}

impl Terminal {
    pub(crate) fn start(address: &str, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = portolan(address, arguments);
        let child =
            command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color").spawn().unwrap();
        drop(command);
        let keyboard = File::from(master);
        let mut output = keyboard.try_clone().unwrap();
        let (sender, screen) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO when the last end of the program is closed.
            while let Ok(count) = output.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let emulator = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        Self { child, keyboard, screen, seen: String::new(), emulator }
    }

    /// Waits until the screen shows the text.
    pub(crate) async fn shows(&mut self, text: &str) {
        self.until(&format!("shows “{text}”"), |terminal| {
            terminal.emulator.screen().contents().contains(text)
        })
        .await;
    }

    /// Waits until the program has given the terminal back.
    async fn is_given_back(&mut self) {
        self.until("gives the terminal back", |terminal| {
            let screen = terminal.emulator.screen();
            terminal.seen.contains(TAKEN) && !screen.alternate_screen() && !screen.hide_cursor()
        })
        .await;
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            match tokio::time::timeout_at(deadline, self.screen.recv()).await {
                Ok(Some(bytes)) => {
                    self.emulator.process(&bytes);
                    self.seen.push_str(&String::from_utf8_lossy(&bytes));
                }
                end => panic!("never {what} ({end:?}):\n{}", self.emulator.screen().contents()),
            }
        }
    }

    /// Everything that a program wrote that ends by itself, in lines.
    pub(crate) async fn until_its_end(mut self) -> String {
        let mut all = Vec::new();
        let reading = async {
            while let Some(bytes) = self.screen.recv().await {
                all.extend(bytes);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap();
        String::from_utf8(all).unwrap().replace("\r\n", "\n")
    }

    pub(crate) fn press(&mut self, keys: &str) {
        let mut left = keys.as_bytes();
        while !left.is_empty() {
            match rustix::io::write(&self.keyboard, left) {
                Ok(count) => left = &left[count..],
                Err(Errno::INTR) => {}
                Err(error) => panic!("cannot press keys: {error}"),
            }
        }
    }

    pub(crate) async fn code(&mut self) -> Option<i32> {
        self.child.wait().await.unwrap().code()
    }
}

async fn start(columns: u16, rows: u16) -> (Bus, Peer, Terminal) {
    let bus = Bus::start(Policy::Everybody).await;
    let applications = vec![samples::application("/usr/bin/curl", "unreviewed")];
    let peer = Peer::start(&bus.address, Answers { applications, ..Answers::default() }).await;
    let mut terminal = Terminal::start(&bus.address, &["watch"], columns, rows);
    peer.subscribed().await;
    terminal.shows("PROGRAM").await;
    (bus, peer, terminal)
}

#[tokio::test]
async fn shows_programs_and_takes_an_answer() {
    let (_bus, peer, mut terminal) = start(80, 24).await;
    peer.tick(tick(1_767_225_600_000, vec![live_row("/usr/bin/curl", 1500, 2_000_000)])).await;
    terminal.shows("curl").await;
    terminal.press("a");
    terminal.shows("choose a program").await;
    terminal.press("\x1b[B");
    terminal.shows("/usr/bin/curl").await;
    terminal.press("a");
    terminal.shows("path:/usr/bin/curl: approved").await;
    assert_eq!(peer.answers().reviews, [("path:/usr/bin/curl".to_owned(), "approved".to_owned(), true)]);
    terminal.press("q");
    terminal.is_given_back().await;
    assert_eq!(terminal.code().await, Some(0));
}

#[tokio::test]
async fn a_hostile_name_stays_text() {
    for (columns, name) in [(160, HOSTILE.to_owned()), (60, samples::long_hostile())] {
        let (_bus, peer, mut terminal) = start(columns, 50).await;
        peer.tick(tick(1_767_225_600_000, vec![live_row(&name, 1, 2)])).await;
        // The chosen program is shown in full, as far as it fits.
        terminal.shows("example.org").await;
        terminal.press("\x1b[B");
        terminal.shows("/tmp/a\\u{1b}[2J\\u{1b").await;
        assert!(!terminal.seen.contains("\x1b]0;") && !terminal.seen.contains('\u{202e}'));
        terminal.press("\x03");
        terminal.is_given_back().await;
        assert_eq!(terminal.code().await, Some(0));
    }
}

#[tokio::test]
async fn says_that_the_daemon_is_gone_and_goes_on_when_it_is_back() {
    let (bus, peer, mut terminal) = start(80, 24).await;
    peer.stop().await;
    terminal.shows("daemon gone, waiting").await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    peer.subscribed().await;
    peer.tick(tick(1_767_225_600_000, vec![live_row("/usr/bin/wget", 1, 2)])).await;
    terminal.shows("wget").await;
    terminate(&terminal.child);
    terminal.is_given_back().await;
    assert_eq!(terminal.code().await, Some(0));
}

#[tokio::test]
async fn without_a_daemon_the_terminal_is_not_taken() {
    let bus = Bus::start(Policy::Everybody).await;
    let mut terminal = Terminal::start(&bus.address, &["watch"], 80, 24);
    terminal.shows("cannot reach portoland").await;
    assert_eq!(terminal.code().await, Some(3));
    assert!(!terminal.seen.contains(TAKEN));
}
