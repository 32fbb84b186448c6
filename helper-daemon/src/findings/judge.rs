use std::collections::{BTreeSet, HashMap, HashSet};

use portolan_core::{
    ApplicationKey, Endpoint, Executable, FindingKind, Lineage, ReviewState, Sha256Digest, Uid, UnixMillis,
    Untrusted,
};

use super::Verdict;

/// An application as the history remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownApplication {
    /// What was reviewed.
    pub application: ApplicationKey,
    /// How.
    pub review: ReviewState,
    /// All contents that were ever seen of it, the oldest first.
    pub executables: Vec<Executable>,
}

/// Decides what is worth telling. Knows every application and every content that ever talked.
///
/// Rules, in this order:
/// 1. A content (path and SHA-256) that the application had before is never told.
/// 2. An ignored application is remembered, never told.
/// 3. An application that was never seen is a [`FindingKind::NewApplication`].
/// 4. Any other new content is a [`FindingKind::ChangedExecutable`], whether the application was approved or not.
///
/// Everything observed is remembered at once, so that each is told once.
#[derive(Debug, Default)]
pub struct Judge {
    applications: HashMap<ApplicationKey, Known>,
    /// Findings about the daemon that nobody has answered.
    open: BTreeSet<FindingKind>,
}

#[derive(Debug)]
struct Known {
    review: ReviewState,
    /// Contents by path. A path has few contents and an application few paths.
    paths: HashMap<Untrusted, Contents>,
}

#[derive(Debug)]
struct Contents {
    seen: HashSet<Sha256Digest>,
    newest: Sha256Digest,
}

impl Judge {
    /// A judge that knows what the history knows.
    ///
    /// An application may come more than once; its executables add up and the last review counts.
    #[must_use]
    pub fn new(known: impl IntoIterator<Item = KnownApplication>) -> Self {
        let mut judge = Self::default();
        for KnownApplication { application, review, executables } in known {
            let entry = judge.applications.entry(application).or_insert_with(|| Known::new(review));
            entry.review = review;
            for executable in &executables {
                entry.remember(executable);
            }
        }
        judge
    }

    /// A program talked. Says what is to be told about it, once for each content.
    ///
    /// `remote` is where it talked to first; `None` when the program did not say.
    pub fn observe(
        &mut self,
        lineage: &Lineage,
        application: &ApplicationKey,
        uid: Uid,
        remote: Option<Endpoint>,
        now: UnixMillis,
    ) -> Option<Verdict> {
        let executable = &lineage.executable;
        let (kind, previous_sha256) = match self.applications.get_mut(application) {
            Some(known) => {
                let previous = known.newest(&executable.path);
                if !known.remember(executable) || known.review == ReviewState::Ignored {
                    return None;
                }
                (FindingKind::ChangedExecutable, previous)
            }
            None => {
                let mut known = Known::new(ReviewState::Unreviewed);
                known.remember(executable);
                self.applications.insert(application.clone(), known);
                (FindingKind::NewApplication, None)
            }
        };
        Some(Verdict {
            kind,
            at: now,
            application: Some(application.clone()),
            executable: Some(executable.clone()),
            previous_sha256,
            parent_path: lineage.parent.as_ref().map(|parent| parent.executable.path.clone()),
            uid: Some(uid),
            remote,
            detail: None,
        })
    }

    /// How an application is reviewed; `None` when it was never seen.
    #[must_use]
    pub fn review_of(&self, application: &ApplicationKey) -> Option<ReviewState> {
        self.applications.get(application).map(|known| known.review)
    }

    /// A person reviewed an application. `false` when it was never seen; nothing is remembered then.
    #[must_use]
    pub fn reviewed(&mut self, application: &ApplicationKey, review: ReviewState) -> bool {
        match self.applications.get_mut(application) {
            Some(known) => {
                known.review = review;
                true
            }
            None => false,
        }
    }

    /// How many applications nobody has looked at.
    #[must_use]
    pub fn unreviewed(&self) -> usize {
        self.applications.values().filter(|known| known.review == ReviewState::Unreviewed).count()
    }

    /// So many events of one kind (`what`, a noun in the plural) were lost since the last call.
    ///
    /// Told once until [`Judge::answered`]; how many there were in all is the status' business. 0 is nothing.
    pub fn lost_events(&mut self, delta: u64, what: &str, now: UnixMillis) -> Option<Verdict> {
        if delta == 0 || !self.open.insert(FindingKind::LostEvents) {
            return None;
        }
        let detail = format!(
            "{delta} {what} were lost: some traffic may lack its owner. The status shows all losses by kind."
        );
        Some(Verdict::about_the_daemon(FindingKind::LostEvents, now, detail))
    }

    /// What a daemon before this one counted lacks its owners; `detail` is the sentence. Told once until [`Judge::answered`].
    pub fn not_taken_over(&mut self, detail: &str, now: UnixMillis) -> Option<Verdict> {
        self.open
            .insert(FindingKind::LostEvents)
            .then(|| Verdict::about_the_daemon(FindingKind::LostEvents, now, detail.to_owned()))
    }

    /// The self-test failed; `detail` is its sentence. Told once until [`Judge::answered`].
    pub fn self_test_failed(&mut self, detail: &str, now: UnixMillis) -> Option<Verdict> {
        self.open
            .insert(FindingKind::SelfTestFailed)
            .then(|| Verdict::about_the_daemon(FindingKind::SelfTestFailed, now, detail.to_owned()))
    }

    /// What all owners add up to is not what was counted; `detail` is the sentence. Told once until [`Judge::answered`].
    pub fn unbalanced(&mut self, detail: &str, now: UnixMillis) -> Option<Verdict> {
        self.open
            .insert(FindingKind::UnbalancedLedger)
            .then(|| Verdict::about_the_daemon(FindingKind::UnbalancedLedger, now, detail.to_owned()))
    }

    /// A finding about the daemon is open in the history already: it is not told again before [`Judge::answered`].
    pub fn is_open(&mut self, kind: FindingKind) {
        self.open.insert(kind);
    }

    /// A finding about the daemon was answered, or its cause is gone: the next one is told again.
    pub fn answered(&mut self, kind: FindingKind) {
        self.open.remove(&kind);
    }
}

impl Known {
    fn new(review: ReviewState) -> Self {
        Self { review, paths: HashMap::new() }
    }

    fn newest(&self, path: &Untrusted) -> Option<Sha256Digest> {
        self.paths.get(path).map(|contents| contents.newest)
    }

    /// Whether the content is new. A content that comes back does not become the newest.
    fn remember(&mut self, executable: &Executable) -> bool {
        match self.paths.get_mut(&executable.path) {
            Some(contents) => {
                let is_new = contents.seen.insert(executable.sha256);
                if is_new {
                    contents.newest = executable.sha256;
                }
                is_new
            }
            None => {
                let contents =
                    Contents { seen: HashSet::from([executable.sha256]), newest: executable.sha256 };
                self.paths.insert(executable.path.clone(), contents);
                true
            }
        }
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
