//! What a finding rests on, for a person.

use portolan_core::{
    ChangeEvidence, ChangeKind, Evidence, ForeignCode, ForeignCodeKind, Member, Package, PackageManager,
    ProcessEvidence, Provenance, Sha256Digest, Untrusted,
};

use crate::show::{clock::Clock, users::Users, wrap::wrap};

/// Lines, indented like those of the finding.
pub(super) fn lines(
    evidence: &Evidence,
    clock: &Clock,
    users: &mut Users,
    terminal_width: Option<usize>,
) -> Vec<String> {
    let mut page = Page { lines: Vec::new(), terminal_width };
    if let Some(provenance) = &evidence.provenance {
        page.say(from(provenance));
    }
    let code = evidence.code.as_ref().map(|code| format!(": {}", from(code))).unwrap_or_default();
    match &evidence.script {
        Some(script) => {
            page.say(format!("runs the script {}{code}", script.path.for_terminal()));
            page.hash(script.sha256);
        }
        None if !code.is_empty() => page.say(format!("what it runs{code}")),
        None => {}
    }
    if let Some(process) = &evidence.process {
        page.process("process", process, clock, users);
    }
    if !evidence.parents.is_empty() {
        page.say(format!("started by {}", names(&evidence.parents)));
        for parent in &evidence.parents {
            page.process("  parent", parent, clock, users);
        }
    }
    if let Some(parent) = &evidence.parent_now {
        page.say("what started it has ended; its parent is now".to_owned());
        page.process("  parent", parent, clock, users);
    }
    if let Some(change) = &evidence.change {
        page.change(change, clock, users);
    }
    if !evidence.shared_with.is_empty() {
        let names: Vec<String> =
            evidence.shared_with.iter().map(|key| key.display_name().for_terminal()).collect();
        page.say(format!("the file is also that of {}", names.join(", ")));
    }
    for code in &evidence.foreign_code {
        page.foreign(code, clock);
    }
    if let [_, others @ ..] = evidence.unidentified.as_slice()
        && !others.is_empty()
    {
        page.say("others that cannot be identified:".to_owned());
        others.iter().for_each(|other| page.say(format!("  {}", path(other))));
    }
    for member in &evidence.members {
        page.member(member, users);
    }
    page.lines
}

struct Page {
    lines: Vec<String>,
    terminal_width: Option<usize>,
}

impl Page {
    fn say(&mut self, line: String) {
        self.lines.push(wrap(&format!("    {line}"), self.terminal_width, 8));
    }

    /// In one piece, to be copied.
    fn hash(&mut self, sha256: Option<Sha256Digest>) {
        self.lines.extend(sha256.map(|sha256| format!("      SHA-256 {sha256}")));
    }

    fn process(&mut self, what: &str, process: &ProcessEvidence, clock: &Clock, users: &mut Users) {
        let (pid, started, user) = (process.pid.0, clock.full(process.started), users.name(process.uid.0));
        self.say(format!("{what} {pid} {}, as user {user}, since {started}", path(&process.path)));
        if let Some(line) = &process.command_line {
            self.say(format!("  arguments: {}", line.for_terminal()));
        }
        if let Some(folder) = &process.working_directory {
            self.say(format!("  in the folder {}", folder.for_terminal()));
        }
        self.hash(process.sha256);
    }

    fn change(&mut self, change: &ChangeEvidence, clock: &Clock, users: &mut Users) {
        let what = match change.kind {
            ChangeKind::Written => "written to",
            ChangeKind::Replaced => "replaced by another file",
            ChangeKind::Removed => "removed",
            ChangeKind::Attributes => "given another mode or owner",
        };
        let by = match change.by.as_slice() {
            [] => "it is not known by whom".to_owned(),
            by => format!("by {}", names(by)),
        };
        self.say(format!("the file was {what} {}, {by}", clock.full(change.at)));
        for process in &change.by {
            self.process("  process", process, clock, users);
        }
        if let Some(provenance) = &change.provenance {
            self.say(format!("what it holds now: {}", from(provenance)));
        }
        self.hash(change.sha256);
    }

    fn foreign(&mut self, code: &ForeignCode, clock: &Clock) {
        let how = match code.kind {
            ForeignCodeKind::Preload => "loaded by LD_PRELOAD",
            ForeignCodeKind::Audit => "loaded by LD_AUDIT",
            ForeignCodeKind::LibraryPath => "loaded by LD_LIBRARY_PATH",
            ForeignCodeKind::Library => "mapped library",
            ForeignCodeKind::Anonymous => "executable memory without a file",
        };
        let file =
            if code.path.as_raw().is_empty() { String::new() } else { format!(" {}", path(&code.path)) };
        let provenance = code.provenance.as_ref().map(|provenance| format!(", {}", from(provenance)));
        let since = clock.full(code.since);
        self.say(format!("{how}{file}{}, since {since}", provenance.unwrap_or_default()));
        self.hash(code.sha256);
    }

    fn member(&mut self, member: &Member, users: &mut Users) {
        let digits = |sha256: Sha256Digest| sha256.to_string().chars().take(12).collect::<String>();
        let hashes = match (member.before, member.after) {
            (Some(before), Some(after)) => format!(", {}… before, now {}…", digits(before), digits(after)),
            _ => String::new(),
        };
        let provenance = member.provenance.as_ref().map(|provenance| format!(", {}", from(provenance)));
        let user = users.name(member.uid.0);
        self.say(format!("{}, as user {user}{}{hashes}", path(&member.path), provenance.unwrap_or_default()));
    }
}

/// `Debian package curl 7.88.1-10, verified`.
fn from(provenance: &Provenance) -> String {
    match provenance {
        Provenance::Verified(package) => format!("{}, verified", name(package)),
        Provenance::Modified(package) => {
            format!("{}, MODIFIED: its content is not what the package ships", name(package))
        }
        Provenance::Unchecked(package) => {
            format!("{}, which says nothing of its content", name(package))
        }
        Provenance::Unowned => "no package owns it".to_owned(),
        Provenance::Unknown(reason) => {
            let reason = Untrusted::from(reason.as_str()).for_terminal();
            format!("not known where it comes from: {}", reason.trim_end_matches('.'))
        }
    }
}

fn name(package: &Package) -> String {
    let kind = match package.manager {
        PackageManager::Deb => "Debian package",
        PackageManager::Rpm => "RPM package",
        PackageManager::Pacman => "pacman package",
        PackageManager::Flatpak => "Flatpak",
        PackageManager::Snap => "snap",
    };
    let harmless = |text: &str| Untrusted::from(text).for_terminal();
    format!("{kind} {} {}", harmless(&package.name), harmless(&package.version))
}

/// `bash ← konsole ← systemd`.
fn names(processes: &[ProcessEvidence]) -> String {
    let name = |process: &ProcessEvidence| {
        let file = process.path.as_raw().rsplit('/').next().unwrap_or_default();
        if file.is_empty() { path(&process.path) } else { Untrusted::from(file).for_terminal() }
    };
    let mut names: Vec<String> = processes.iter().map(name).collect();
    // Who only forked is said once.
    names.dedup();
    names.join(" ← ")
}

fn path(path: &Untrusted) -> String {
    if path.as_raw().is_empty() { "(its file is not known)".to_owned() } else { path.for_terminal() }
}
