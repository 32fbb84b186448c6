//! Loading and attaching.
//!
//! What is attached to a hook jumps to the program in the hook's table (bpf/c/hooks.h). Tables and links are pinned where
//! that is possible: they go on without a daemon, and the next one puts its own programs into the tables.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{MapData, ProgramArray, RingBuf},
    programs::{
        CgroupAttachMode, Iter, Program, ProgramError, ProgramFd,
        links::{FdLink, PinnedLink},
    },
};

use super::{
    MonitorError, cgroup,
    hooks::Hook,
    missed::Missed,
    pins::Pins,
    places::{self, PLACES, Place},
};
use crate::sentence;

/// The programs, attached. Dropping them detaches what is not pinned.
pub(super) struct Attached {
    _object: Ebpf,
    _tables: Vec<ProgramArray<MapData>>,
    missed: Missed,
}

/// The loaded object, with the kernel's types as long as there is something to load.
pub(super) struct Programs {
    object: Ebpf,
    types: Btf,
    tables: Vec<ProgramArray<MapData>>,
    missed: Missed,
}

/// Tables that outlive a daemon. The others hold nothing between two calls.
const KEPT_TABLES: [&str; 13] = [
    "cells",
    "closed_0",
    "closed_1",
    "closings_0",
    "closings_1",
    "closings_used",
    "overflow_0",
    "overflow_1",
    "active",
    "instance",
    "events",
    "losses",
    "truth",
];

impl Attached {
    /// See [`Missed::calls`].
    pub(super) fn missed_calls(&self) -> u64 {
        self.missed.calls()
    }
}

impl Programs {
    /// Loads the object; with `pins`, tables that are there are taken over.
    pub(super) fn load(pins: Option<&Pins>) -> Result<Self, MonitorError> {
        let types = Btf::from_sys_fs().map_err(MonitorError::NoTypeInformation)?;
        let kept: Vec<String> = kept_tables().collect();
        let [variables, variables_from] = portolan_bpf::variable_tables();
        let mut loader = EbpfLoader::new();
        loader
            .btf(Some(&types))
            .allow_unsupported_maps()
            .override_global("variables", &variables[..], true)
            .override_global("variables_from", &variables_from[..], true);
        if let Some(pins) = pins {
            for name in &kept {
                loader.map_pin_path(name, pins.map(name));
            }
        }
        let object =
            loader.load(portolan_bpf::OBJECT).map_err(|error| MonitorError::Load(Box::new(error)))?;
        Ok(Self { object, types, tables: Vec::new(), missed: Missed::default() })
    }

    /// Puts every program into its hook. One that the kernel does not have is inactive, and says why.
    pub(super) fn attach(&mut self, pins: Option<&Pins>) -> Result<Vec<Hook>, MonitorError> {
        let cgroup = cgroup::open_root();
        let mut hooks = Vec::new();
        for place in &PLACES {
            let result = self.put(place, &cgroup, pins);
            if let (Err(reason), true) = (&result, place.is_essential) {
                return Err(MonitorError::Essential { hook: place.hook, reason: reason.clone() });
            }
            hooks.push(Hook::from_result(place.hook, place.purpose, result));
        }
        let hooks = places::stand_in(hooks, |place| self.put(place, &cgroup, pins));
        if let Some(pins) = pins
            && let Err(error) =
                pins.keep_links(|link| Place::all().any(|place| at(place) == link || of(place) == link))
        {
            tracing::warn!("programs of an earlier version stay attached: {error}");
        }
        Ok(hooks)
    }

    fn put(
        &mut self,
        place: &Place,
        cgroup: &Result<File, String>,
        pins: Option<&Pins>,
    ) -> Result<(), String> {
        let result = self.fill(place).and_then(|()| {
            // Where another version had to make do with stand-ins, they would count beside this one.
            places::stand_ins(place).for_each(|other| unlink(other, pins));
            self.hang(place, cgroup, pins)
        });
        if result.is_err() {
            // What another version has left here would count beside what stands in.
            unlink(place, pins);
        }
        result
    }

    /// Loads the hook's program and makes it the one that runs.
    fn fill(&mut self, place: &Place) -> Result<(), String> {
        let (program, table) = (format!("on_{}", place.name), format!("{}_now", place.name));
        self.load_program(&program, place.hook)?;
        let map = self.object.take_map(&table).ok_or_else(|| broken(&table))?;
        let mut table = ProgramArray::try_from(map).map_err(|error| explain(&error))?;
        let program = self.object.program(&program).ok_or_else(|| broken(&program))?;
        let descriptor = program.fd().map_err(|error| explain(&error))?;
        table.set(0, descriptor, 0).map_err(|error| explain(&error))?;
        // Without a pin, a table is emptied when its last descriptor is closed.
        self.tables.push(table);
        Ok(())
    }

    /// Attaches the program that jumps, unless an earlier daemon has left it there.
    fn hang(
        &mut self,
        place: &Place,
        cgroup: &Result<File, String>,
        pins: Option<&Pins>,
    ) -> Result<(), String> {
        let name = at(place);
        let pin = pins.map(|pins| pins.link(&name));
        let program_pin = pins.map(|pins| pins.link(&of(place)));
        if pin.as_ref().is_some_and(|pin| PinnedLink::from_pin(pin).is_ok()) {
            self.missed.watch_pinned(program_pin.as_deref());
            return Ok(());
        }
        self.load_program(&name, place.hook)?;
        if place.counts_calls() {
            let program = self.object.program_mut(&name).ok_or_else(|| broken(&name))?;
            self.missed.watch(program, program_pin.as_deref());
        }
        self.link(&name, cgroup, pin)
    }

    fn load_program(&mut self, name: &str, hook: &str) -> Result<(), String> {
        let Self { object, types, .. } = self;
        let program = object.program_mut(name).ok_or_else(|| broken(name))?;
        let loaded = match program {
            Program::BtfTracePoint(program) => program.load(hook.trim_start_matches("tp_btf/"), types),
            Program::FEntry(program) => program.load(hook.trim_start_matches("fentry/"), types),
            Program::FExit(program) => program.load(hook.trim_start_matches("fexit/"), types),
            Program::CgroupSock(program) => program.load(),
            Program::CgroupSockAddr(program) => program.load(),
            _ => Err(ProgramError::UnexpectedProgramType),
        };
        loaded.map_err(|error| explain(&error))
    }

    /// Attaches a program, for as long as its pin is there, or this object.
    fn link(
        &mut self,
        name: &str,
        cgroup: &Result<File, String>,
        pin: Option<PathBuf>,
    ) -> Result<(), String> {
        let program = self.object.program_mut(name).ok_or_else(|| broken(name))?;
        let is_kept = pin.is_some();
        let link = match (program, cgroup) {
            (Program::BtfTracePoint(program), _) => {
                kept(is_kept, program.attach(), |id| program.take_link(id))
            }
            (Program::FEntry(program), _) => kept(is_kept, program.attach(), |id| program.take_link(id)),
            (Program::FExit(program), _) => kept(is_kept, program.attach(), |id| program.take_link(id)),
            (_, Err(reason)) => return Err(reason.clone()),
            (Program::CgroupSock(program), Ok(cgroup)) => {
                kept(is_kept, program.attach(cgroup, CgroupAttachMode::Single), |id| program.take_link(id))
            }
            (Program::CgroupSockAddr(program), Ok(cgroup)) => {
                kept(is_kept, program.attach(cgroup, CgroupAttachMode::Single), |id| program.take_link(id))
            }
            _ => Err(explain(&ProgramError::UnexpectedProgramType)),
        }?;
        match (link, pin) {
            (Some(link), Some(pin)) => link.pin(pin).map(drop).map_err(|error| explain(&error)),
            _ => Ok(()),
        }
    }

    /// Loads an iterator, without a link: see `iterators`.
    pub(super) fn load_iterator(&mut self, program: &'static str, over: &str) -> Result<&ProgramFd, String> {
        let Self { object, types, .. } = self;
        let program: &mut Iter = object
            .program_mut(program)
            .ok_or_else(|| broken(program))?
            .try_into()
            .map_err(|error: ProgramError| explain(&error))?;
        program.load(over, types).map_err(|error| explain(&error))?;
        program.fd().map_err(|error| explain(&error))
    }

    /// Lets go of what only loading needs: the kernel's types take 20 MB.
    pub(super) fn into_attached(self) -> Attached {
        let Self { object, types, tables, missed } = self;
        drop(types);
        crate::resources::give_memory_back();
        Attached { _object: object, _tables: tables, missed }
    }

    pub(super) fn ring(&mut self, name: &'static str) -> Result<RingBuf<MapData>, MonitorError> {
        let map = self.take_map(name)?;
        RingBuf::try_from(map).map_err(|source| MonitorError::Map { name, source: Box::new(source) })
    }

    pub(super) fn take_map(&mut self, name: &'static str) -> Result<aya::maps::Map, MonitorError> {
        self.object.take_map(name).ok_or(MonitorError::Missing(name))
    }
}

/// The names of all tables that outlive a daemon.
pub(super) fn kept_tables() -> impl Iterator<Item = String> {
    let of_programs = Place::all().map(|place| format!("{}_now", place.name));
    KEPT_TABLES.into_iter().map(str::to_owned).chain(of_programs)
}

/// Takes the link of an attached program out of the object when it is to be pinned; otherwise it stays there.
fn kept<Id, Link: TryInto<FdLink, Error: std::error::Error + 'static>>(
    is_kept: bool,
    attached: Result<Id, ProgramError>,
    take: impl FnOnce(Id) -> Result<Link, ProgramError>,
) -> Result<Option<FdLink>, String> {
    let id = attached.map_err(|error| explain(&error))?;
    if !is_kept {
        return Ok(None);
    }
    let link = take(id).map_err(|error| explain(&error))?;
    link.try_into().map(Some).map_err(|error| explain(&error))
}

/// Detaches what an earlier daemon left in a hook.
fn unlink(place: &Place, pins: Option<&Pins>) {
    for pin in pins.into_iter().flat_map(|pins| [pins.link(&at(place)), pins.link(&of(place))]) {
        if let Err(error) = fs::remove_file(&pin)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!("{} stays attached: {error}", pin.display());
        }
    }
}

fn at(place: &Place) -> String {
    format!("at_{}", place.name)
}

/// The name of the pin of the program itself, whose missed calls are counted.
fn of(place: &Place) -> String {
    format!("of_{}", place.name)
}

fn broken(part: &str) -> String {
    format!("this build of portoland is broken: its kernel object has no “{part}”")
}

/// What the kernel said, on one line: aya hides it in the source. Of a verifier log, which is for developers, the line that
/// says why.
fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let sentence = sentence::of(error);
    let Some((before, log)) = sentence.split_once("Verifier output: ") else {
        return sentence.lines().next().unwrap_or_default().to_owned();
    };
    let why = log.lines().rfind(|line| !line.trim().is_empty() && !line.starts_with("processed "));
    format!("{before}{}", why.unwrap_or_default())
}
