//! Starts the parts, waits, and ends them in order.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use portolan_config::{Config, ConfigFiles, Loaded};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

use crate::{
    clock::Now,
    config::{self, Configuration},
    dbus::{self, BusState, Event},
    instance::{Instance, make_folder},
    monitor,
    options::Options,
    pipeline::{Atlas, DaemonBackend, End, Places, Recorder, RecorderError, THREADS, Writer},
    resources,
    text_log::TextLog,
};

/// How long the end waits for the last lines of the text log.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Runs the daemon until it is told to end, or cannot go on. Everything that was counted is written in both cases.
///
/// # Errors
/// A sentence for the person who started it.
pub fn run(options: &Options) -> anyhow::Result<()> {
    resources::share_one_heap();
    let (files, was_named) = options.config();
    let loaded = config::read_first(&files, was_named)?;
    raise_descriptor_limit();
    let _instance = Instance::lock(&options.runtime_dir)?;
    make_folder(&options.state_dir, "state directory", "--state-dir", 0o700)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .thread_keep_alive(std::time::Duration::from_secs(5))
        .build()
        .context("the daemon's event loop cannot be started")?;
    runtime.block_on(serve(options, files, loaded))
}

async fn serve(options: &Options, files: ConfigFiles, loaded: Loaded) -> anyhow::Result<()> {
    // Signals first: what comes during the start ends it cleanly, too.
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let mut hand_over = signal(SignalKind::user_defined1()).context("SIGUSR1 cannot be handled")?;
    let hang_up = signal(SignalKind::hangup()).context("SIGHUP cannot be handled")?;
    // Who writes to a file that is being hashed makes the kernel send it, and without a handler it would end the daemon.
    let _lease_broken = signal(SignalKind::io()).context("SIGIO cannot be handled")?;
    let started = Now::read().wall;
    let history_path = options.state_dir.join("history.sqlite");
    let events = Recorder::event_channel();
    let own_places = options.places.clone();
    let place_files =
        move |config: &Config| config.places.databases.clone().unwrap_or_else(|| vec![own_places.clone()]);
    let atlas = Atlas::new(place_files(&loaded.config), options.state_dir.clone());
    let log =
        Arc::new(TextLog::start(&loaded.config.log).context("no thread can be started for the text log")?);
    let writer = start_writer(&history_path, atlas.clone(), Arc::clone(&log), events.clone())?;
    let (ended, mut recorder_ended) = oneshot::channel();
    let places = Places { pin_dir: options.pin_dir.clone(), journal: options.journal() };
    let (handle, recording) = Recorder::spawn(&loaded.config, places, events, writer, ended)?;

    let configuration = Arc::new(Configuration::new(files, loaded, {
        let (handle, atlas, log) = (handle.clone(), atlas.clone(), Arc::clone(&log));
        move |config| {
            log.configure(&config.log);
            atlas.look_in(place_files(&config));
            handle.configure(config);
        }
    }));
    let following = Arc::clone(&configuration).follow(hang_up);
    tokio::pin!(following);

    let (bus, bus_state) = watch::channel(BusState::Starting);
    let (shut_down, shutdown) = watch::channel(false);
    let backend =
        DaemonBackend::new(handle.clone(), history_path, atlas, configuration, Arc::clone(&log), started);
    let backend = Arc::new(backend);
    let serving = dbus::serve(options.bus_address.as_deref(), backend, bus, shutdown);
    tokio::pin!(serving);
    let notifying = notify_when_ready(bus_state);
    tokio::pin!(notifying);
    let mut is_notified = false;
    let mut recorded: Option<Result<(), RecorderError>> = None;
    let (served, end) = loop {
        tokio::select! {
            served = &mut serving => break (served, End::HandOver),
            () = &mut following => {}
            () = &mut notifying, if !is_notified => is_notified = true,
            _ = terminate.recv() => break (Ok(()), End::Detach),
            _ = interrupt.recv() => break (Ok(()), End::Detach),
            _ = hand_over.recv() => break (Ok(()), End::HandOver),
            result = &mut recorder_ended, if recorded.is_none() => {
                recorded = Some(result.unwrap_or(Ok(())));
                break (Ok(()), End::HandOver);
            }
        }
    };
    notify(&[NotifyState::Stopping]);
    tracing::info!("ending: what was counted is being written");
    drop(shut_down);
    handle.stop(end);
    let result = match recorded {
        Some(result) => result,
        None => recorder_ended.await.unwrap_or(Ok(())),
    };
    if recording.join().is_err() {
        anyhow::bail!("recording ended with a panic, which is a fault of portoland; please report it");
    }
    log.end(LAST_LINES);
    served?;
    Ok(result?)
}

/// Removes everything that a daemon left in the kernel, which counts on after it was killed.
///
/// # Errors
/// A sentence: a daemon is running, or what is there cannot be removed.
pub fn detach_all(options: &Options) -> anyhow::Result<()> {
    let _instance = Instance::lock(&options.runtime_dir)?;
    let dir = options.pin_dir.display();
    if monitor::detach_all(&options.pin_dir).with_context(|| format!("cannot remove {dir}"))? {
        println!("Portolan's kernel programs are detached ({dir} is removed).");
    } else {
        println!("Nothing of Portolan was in the kernel ({dir} does not exist).");
    }
    Ok(())
}

/// Executables that wait to be hashed are held open, and a shell's soft limit is often 1024.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!("the limit of open files cannot be raised: {error}");
    }
}

fn start_writer(
    path: &Path,
    atlas: Atlas,
    log: Arc<TextLog>,
    events: tokio::sync::broadcast::Sender<Event>,
) -> anyhow::Result<Writer> {
    Writer::start(path, atlas, log, move |finding| {
        // Nobody listens while no client is there.
        drop(events.send(Event::Finding(Arc::new(finding))));
    })
    .context("there is no history to record into")
}

/// How long it takes until only what comes is to be done.
const START: Duration = Duration::from_secs(15);

/// Tells the service manager that the daemon is ready, once the first attempt to reach the bus is decided.
async fn notify_when_ready(mut bus: watch::Receiver<BusState>) {
    // The sender is gone when the service has ended, which the caller sees itself.
    if bus.wait_for(|state| *state != BusState::Starting).await.is_ok() {
        tracing::info!("recording");
        notify(&[NotifyState::Ready]);
        // By then everything that ran before this daemon is identified, and the self-test is over.
        tokio::time::sleep(START).await;
        resources::forget_code_of_start();
        resources::give_memory_back();
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("the service manager cannot be told about the state: {error}");
    }
}
