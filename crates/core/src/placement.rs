use serde::{Deserialize, Serialize};

use crate::{Container, Unit, UnitManager, Untrusted, container, unit};

/// Where on the machine a process runs, as its cgroup says.
///
/// A cgroup is named by whoever made it: below `user@UID.service`, and inside a container, that is a user who need not tell
/// the truth. [`Unit::manager`] and the container say whose word it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Placement {
    /// The systemd unit: the outermost that is no slice; of a user's systemd, the unit that it runs; in a container with a
    /// systemd of its own, the unit inside. `None` when there is none.
    pub unit: Option<Unit>,
    /// The innermost container; `None` outside of all.
    pub container: Option<Container>,
}

impl Placement {
    /// What a cgroup's path from the root of its hierarchy says.
    ///
    /// Source: systemd's cg_path_get_unit and cg_path_get_user_unit (the outermost unit counts, for what is below it belongs to
    /// that unit), and the names that the engines give.
    #[must_use]
    pub fn of_cgroup(path: &Untrusted) -> Self {
        // Names of units have escapes of their own, which are no bytes of the cgroup's name.
        let decoded = String::from_utf8(path.to_bytes());
        let path = decoded.as_deref().unwrap_or(path.as_raw());
        let components: Vec<&str> = path.split('/').filter(|component| !component.is_empty()).collect();
        let mut placement = Self::default();
        // Whether the next unit is one that counts: none has come yet, or what came runs units itself.
        let mut is_open = true;
        let mut manager = UnitManager::System;
        for (index, component) in components.iter().enumerate() {
            if let (true, Some(name)) = (is_open, unit::name(component)) {
                let unit = Unit { manager, name: name.into() };
                let user = unit.user_manager().filter(|_| manager == UnitManager::System);
                is_open = user.is_some();
                manager = user.map_or(manager, UnitManager::User);
                placement.unit = Some(unit);
            }
            let (before, after) = (&components[..index], components.get(index + 1).copied());
            if let Some(container) = container::beginning(before, component, after) {
                // What runs below a user's manager is the user's, whatever it is called.
                if manager == UnitManager::System {
                    is_open |= container.kind.is_machine();
                }
                placement.container = Some(container);
            }
        }
        placement
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
