use std::{collections::HashMap, sync::Arc};

use portolan_core::{Placement, Untrusted};

/// How many cgroups are remembered; their paths are long, and programs can make as many as they like.
const REMEMBERED: usize = 1024;

/// What cgroups stand for: one value for all processes of a cgroup.
#[derive(Debug, Default)]
pub(super) struct Placements {
    known: HashMap<Untrusted, Arc<Placement>>,
}

impl Placements {
    /// The placement of a cgroup's path; that of nowhere when the path is not known.
    pub(super) fn of(&mut self, cgroup: Option<&Untrusted>) -> Arc<Placement> {
        let Some(cgroup) = cgroup else { return Arc::default() };
        if let Some(placement) = self.known.get(cgroup) {
            return Arc::clone(placement);
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let placement = Arc::new(Placement::of_cgroup(cgroup));
        self.known.insert(cgroup.clone(), Arc::clone(&placement));
        placement
    }
}
