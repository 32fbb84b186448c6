use std::sync::Arc;

use crate::{ApplicationKey, Executable, FileContent, Provenance, Unattributed};

/// An executable and what started it.
///
/// A lineage is a list: this one, its parent, and so on up to the first process of the machine. The parents are those
/// at the time of the exec; they stay known after they exit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lineage {
    /// What runs.
    pub executable: Executable,
    /// The script that it runs, where it is an interpreter; `None` where it is not, or that is not known.
    pub script: Option<FileContent>,
    /// What started it. `None` above the first process, and where the parent could not be identified.
    pub parent: Option<Arc<Lineage>>,
}

impl Lineage {
    /// The executables from this one to the root.
    pub fn iter(&self) -> impl Iterator<Item = &Executable> {
        std::iter::successors(Some(self), |lineage| lineage.parent.as_deref())
            .map(|lineage| &lineage.executable)
    }
}

/// Who moved bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A program, with the application that it belongs to.
    Program {
        /// The executable and its parents.
        lineage: Arc<Lineage>,
        /// What a person approves.
        application: ApplicationKey,
        /// Where the executable comes from.
        provenance: Arc<Provenance>,
        /// Where that comes from which it runs, where it is an interpreter; `None` where it is not.
        code: Option<Arc<Provenance>>,
    },
    /// The kernel itself (no user process).
    Kernel,
    /// Nobody who can be named, and why.
    Unattributed(Unattributed),
}
