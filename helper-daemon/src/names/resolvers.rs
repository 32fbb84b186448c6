use std::{collections::HashMap, path::Path};

use foldhash::fast::RandomState;
use portolan_core::{ApplicationKey, ProcessKey, Uid, Untrusted};

/// Programs that resolve names for others who ask them by other ways than DNS.
const OWN: [&str; 6] = ["systemd-resolved", "nscd", "nsncd", "unscd", "sssd_be", "sssd_nss"];
/// Resolvers that are remembered: a machine has a few, one with containers a few for each of those.
const RESOLVERS: usize = 1_024;
/// Network namespaces in which one of them may answer.
const NAMESPACES: usize = 64;

/// Who asks for others, and for whom.
///
/// Only processes of the system's own users are believed, whoever holds port 53: where `net.ipv4.ip_unprivileged_port_start` is
/// lowered, and in a network namespace of their own, every user can.
#[derive(Debug, Default)]
pub(super) struct Resolvers(HashMap<ProcessKey, AnswersIn, RandomState>);

#[derive(Debug)]
enum AnswersIn {
    /// The network namespaces in which it holds port 53.
    These(Vec<u32>),
    /// Where it asks itself.
    All,
}

impl Resolvers {
    /// A process holds port 53 in a network namespace.
    pub(super) fn holds_port(&mut self, process: ProcessKey, uid: Uid, network_namespace: u32) {
        if !is_of_the_system(uid) || (!self.0.contains_key(&process) && self.0.len() >= RESOLVERS) {
            return;
        }
        match self.0.entry(process).or_insert_with(|| AnswersIn::These(Vec::new())) {
            AnswersIn::These(these) if !these.contains(&network_namespace) => {
                if these.len() < NAMESPACES {
                    these.push(network_namespace);
                }
            }
            AnswersIn::These(_) | AnswersIn::All => {}
        }
    }

    /// A process runs this program.
    pub(super) fn runs(
        &mut self,
        process: ProcessKey,
        uid: Uid,
        application: &ApplicationKey,
        path: &Untrusted,
    ) {
        let name = Path::new(path.as_raw()).file_name().and_then(|name| name.to_str());
        let is_one = name.is_some_and(|name| OWN.contains(&name)) && is_of_a_package(application);
        if is_one && is_of_the_system(uid) && self.0.len() < RESOLVERS {
            self.0.insert(process, AnswersIn::All);
        }
    }

    pub(super) fn has(&self, process: &ProcessKey) -> bool {
        self.0.contains_key(process)
    }

    /// Those that answer in a network namespace.
    pub(super) fn of(&self, network_namespace: u32) -> impl Iterator<Item = ProcessKey> {
        let answers = move |answers: &AnswersIn| match answers {
            AnswersIn::These(these) => these.contains(&network_namespace),
            AnswersIn::All => true,
        };
        self.0.iter().filter(move |(_, of)| answers(of)).map(|(process, _)| *process)
    }

    pub(super) fn sweep(&mut self, is_there: impl Fn(&ProcessKey) -> bool) {
        self.0.retain(|process, _| is_there(process));
    }
}

/// Whether a package of the machine's has the program: what is somewhere else may be called as it likes.
fn is_of_a_package(application: &ApplicationKey) -> bool {
    let kind = application.as_untrusted().as_raw().split(':').next();
    matches!(kind, Some("deb" | "rpm" | "pacman"))
}

/// Whether no person is this user: the system's (`SYS_UID_MAX`, login.defs), those that systemd gives to services for the time
/// that they run (`DynamicUser=`), and `nobody` (systemd's UIDS-GIDS.md).
fn is_of_the_system(Uid(uid): Uid) -> bool {
    matches!(uid, 0..=999 | 61_184..=65_519 | 65_534)
}
