use std::{
    collections::HashMap,
    fs::{self, Permissions},
    io::Write as _,
    ops::RangeInclusive,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use portolan_testbed::{Folder, Program, built};

use crate::{
    Bed, Expected, Place, Scenario, Verdict, Witness, World, cannot_run,
    expected::{moved, sha256},
    judge::{details, until_agreed, witness_fault},
    scenario::CannotRun,
};

/// How long a program may take to become ready, or to move its bytes.
const PATIENCE: Duration = Duration::from_secs(240);
/// How a generator ends when the kernel refuses what it is to do.
const UNSUPPORTED: i32 = 77;

/// One run of one scenario: its programs, and what they moved.
pub struct Trial<'a> {
    /// The daemon that is judged.
    pub bed: &'a mut Bed,
    /// The namespaces.
    pub world: &'a World,
    random: fastrand::Rng,
    folder: Folder,
    hashes: HashMap<PathBuf, String>,
    places: HashMap<PathBuf, Place>,
    expected: Vec<Expected>,
    is_local: bool,
}

/// A running peer.
#[derive(Debug)]
pub struct Peer {
    program: Program,
    ports: HashMap<String, u16>,
}

impl Peer {
    /// The port of one of its services, as it was named when the peer was started, without the number.
    #[must_use]
    pub fn port(&self, service: &str) -> u16 {
        self.ports.get(service).copied().unwrap_or_default()
    }
}

/// How a trial ended.
#[derive(Debug)]
pub enum Tried {
    /// Everything was moved; this is what Portolan and the witness say of it.
    Judged {
        /// One for each executable.
        verdicts: Vec<Verdict>,
        /// What nftables counted meanwhile.
        witness: Witness,
        /// What does not fit between that and the bytes that were moved.
        witness_fault: Option<String>,
        /// What Portolan knows of those that it disagrees about, row by row.
        details: Vec<String>,
        /// How long it took until the answers were those above, from the end of the traffic on.
        answered_after: Duration,
    },
    /// The kernel refuses; the text is what it said.
    CannotRun(String),
    /// The scenario itself failed.
    Failed(String),
}

/// Runs a scenario once, asks Portolan and compares.
pub fn attempt(scenario: &Scenario, bed: &mut Bed, world: &World, seed: u64) -> Tried {
    match judged(scenario, bed, world, seed) {
        Ok(tried) => tried,
        Err(error) => match error.downcast_ref::<CannotRun>() {
            Some(reason) => Tried::CannotRun(reason.to_string()),
            None => Tried::Failed(format!("{error:#}")),
        },
    }
}

fn judged(scenario: &Scenario, bed: &mut Bed, world: &World, seed: u64) -> anyhow::Result<Tried> {
    let began = SystemTime::now();
    let before = Witness::read(world)?;
    let mut trial = Trial {
        bed,
        world,
        // Two scenarios with the same seed move other sizes.
        random: fastrand::Rng::with_seed(seed.wrapping_mul(256).wrapping_add(u64::from(scenario.number))),
        folder: Folder::for_everybody()?,
        hashes: HashMap::new(),
        places: HashMap::new(),
        expected: Vec::new(),
        is_local: false,
    };
    (scenario.run)(&mut trial)?;
    if trial.expected.is_empty() {
        bail!("the scenario moved nothing and expects nothing");
    }
    let (verdicts, answered_after) = until_agreed(&trial.expected, trial.bed, began)?;
    let witness = Witness::read(world)?.since(before);
    let witness_fault = witness_fault(&trial.sent(), &witness);
    let details = details(&verdicts, trial.bed, began)?;
    Ok(Tried::Judged { verdicts, witness, witness_fault, details, answered_after })
}

/// What programs sent, by where they ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) by_host: u64,
    pub(crate) by_peer: u64,
    /// Whether none of it leaves the namespace it was sent in.
    pub(crate) is_local: bool,
}

impl Trial<'_> {
    /// A number out of a range, by the seed.
    pub fn random(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.random.u64(range)
    }

    /// This trial's own folder; everybody may read it, and it goes away afterwards.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Copies the generator to a path of its own, with a SHA-256 of its own: what follows the end of an ELF file changes
    /// nothing but that.
    ///
    /// # Errors
    /// It was not built, or the disk refuses.
    pub fn copy(&mut self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        if self.hashes.contains_key(&path) {
            bail!("the scenario makes two copies with the name {name}");
        }
        let cannot = || format!("cannot make {}", path.display());
        fs::copy(built("portolan-generator")?, &path).with_context(cannot)?;
        let mut file = fs::File::options().append(true).open(&path).with_context(cannot)?;
        file.write_all(&self.random.u64(..).to_le_bytes()).with_context(cannot)?;
        drop(file);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).with_context(cannot)?;
        self.hashes.insert(path.clone(), sha256(&path)?);
        // Who has asked for the file's ctime gets another one with the next change: a program that ends within a tick of
        // being written can be told from a changed one.
        fs::metadata(&path).with_context(cannot)?;
        Ok(path)
    }

    /// Starts a program with an open stdin.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&mut self, place: Place, path: &Path, words: &[&str]) -> anyhow::Result<Program> {
        self.places.insert(path.to_owned(), place);
        let mut command = Command::new(path);
        command.args(words);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(self.world.enter(place, || Program::start_with_stdin(&name, command))??)
    }

    /// Closes a program's stdin, waits for its end and takes over what it says it moved.
    ///
    /// # Errors
    /// It failed, or did not end in time; [`cannot_run`] when it says that the kernel refuses.
    pub fn finish(&mut self, mut program: Program) -> anyhow::Result<()> {
        program.close_stdin();
        let status = program.ended(PATIENCE)?;
        let output = program.output();
        if status.code() == Some(UNSUPPORTED) {
            let reason = output.lines().find_map(|line| line.strip_prefix("unsupported "));
            return Err(cannot_run(reason.unwrap_or("the generator does not say why")));
        }
        if !status.success() {
            bail!("{} failed ({status}): {}", program.name(), output.trim());
        }
        for (path, (tx, rx)) in moved(&output)? {
            let expected = self.expected(&path)?;
            expected.tx += tx;
            expected.rx += rx;
        }
        Ok(())
    }

    /// Starts a copy of the generator as peer, with these services (`tcp=0` for any port), and waits until it is ready.
    ///
    /// # Errors
    /// It does not become ready; [`cannot_run`] when the kernel refuses one of the services.
    pub fn peer(&mut self, services: &[&str]) -> anyhow::Result<Peer> {
        self.peer_at(Place::Peer, "peer", services)
    }

    /// The same at another place and under another name.
    ///
    /// # Errors
    /// It does not become ready; [`cannot_run`] when the kernel refuses one of the services.
    pub fn peer_at(&mut self, place: Place, name: &str, services: &[&str]) -> anyhow::Result<Peer> {
        let path = self.copy(name)?;
        let mut program = self.start(place, &path, &[&["peer"], services].concat())?;
        let ready = program.wait_for_line("the peer's ports", PATIENCE, |line| {
            line.strip_prefix("ready").map(str::to_owned)
        });
        let Ok(ready) = ready else {
            // What it printed says why, and may be that the kernel refuses.
            self.finish(program)?;
            bail!("the peer ended before it was ready");
        };
        let ports = ready.split_whitespace().filter_map(|word| {
            let (service, port) = word.split_once('=')?;
            Some((service.to_owned(), port.parse().ok()?))
        });
        Ok(Peer { ports: ports.collect(), program })
    }

    /// Ends a peer, once it has read what is left, and takes over what it moved.
    ///
    /// # Errors
    /// It failed, or did not end in time.
    pub fn end(&mut self, peer: Peer) -> anyhow::Result<()> {
        self.finish(peer.program)
    }

    /// Runs a copy of the generator in its namespace to its end.
    ///
    /// # Errors
    /// It failed, or did not end in time; [`cannot_run`] when the kernel refuses.
    pub fn generate(&mut self, words: &[&str]) -> anyhow::Result<()> {
        self.generate_as("generator", words).map(drop)
    }

    /// The same under another name; the path of the copy.
    ///
    /// # Errors
    /// It failed, or did not end in time; [`cannot_run`] when the kernel refuses.
    pub fn generate_as(&mut self, name: &str, words: &[&str]) -> anyhow::Result<PathBuf> {
        let path = self.copy(name)?;
        let program = self.start(Place::Host, &path, words)?;
        self.finish(program)?;
        Ok(path)
    }

    /// Adds an expectation that no `moved` line makes.
    pub fn expect(&mut self, expected: Expected) {
        self.expected.push(expected);
    }

    /// What is expected of the executable at `path`, to be changed; of one that is new, nothing moved, no judged flows, the
    /// hash of its copy and this process as parent.
    ///
    /// # Errors
    /// It is no copy of this trial, and cannot be hashed.
    pub fn expected(&mut self, path: &Path) -> anyhow::Result<&mut Expected> {
        let known = self.expected.iter().position(|expected| expected.path == path);
        let index = match known {
            Some(index) => index,
            None => {
                let hash = self.hashes.get(path).cloned();
                self.expected.push(Expected {
                    sha256: hash.map_or_else(|| sha256(path), Ok)?,
                    parent: Some(self.bed.own_path.clone()),
                    ..Expected::of(path)
                });
                self.expected.len() - 1
            }
        };
        self.expected.get_mut(index).context("an expectation was lost")
    }

    /// Says that both ends are in the generator's namespace, so that the witness there is to see what is sent.
    pub fn stay_local(&mut self) {
        self.is_local = true;
    }

    /// Says that what this program sent need not have reached the wire, because a reset may have thrown it away.
    pub fn out_of_sight(&mut self, path: &Path) {
        self.places.insert(path.to_owned(), Place::Machine);
    }

    /// Expects so many flows of everybody up to now who is not yet judged by them.
    pub fn expect_flows(&mut self, flows: u64) {
        for expected in &mut self.expected {
            expected.flows.get_or_insert(flows);
        }
    }

    fn sent(&self) -> Sent {
        let mut sent = Sent::default();
        for expected in &self.expected {
            match self.places.get(&expected.path) {
                Some(Place::Machine) => {}
                Some(Place::Peer) => sent.by_peer += expected.tx,
                // Who was started by a program of the host's is there as well.
                Some(Place::Host) | None => sent.by_host += expected.tx,
            }
        }
        sent.is_local = self.is_local;
        sent
    }
}
