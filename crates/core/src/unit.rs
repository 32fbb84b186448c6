use serde::{Deserialize, Serialize};

use crate::{Uid, Untrusted};

/// A systemd unit, by the name that `systemctl` knows it by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unit {
    /// Who runs it.
    pub manager: UnitManager,
    /// Its name, escapes and all; hostile text.
    pub name: Untrusted,
}

/// Which systemd runs a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UnitManager {
    /// The one of the machine, or of the container.
    System,
    /// A user's own (`systemctl --user`). That user chooses what units there are and how they are called.
    User(Uid),
}

impl Unit {
    /// `NAME` of a system unit, `user@UID.service/NAME` of a user's: no unit's name holds a slash.
    #[must_use]
    pub fn to_text(&self) -> Untrusted {
        match self.manager {
            UnitManager::System => self.name.clone(),
            UnitManager::User(uid) => format!("user@{}.service/{}", uid.0, self.name.as_raw()).into(),
        }
    }

    /// The user whose systemd this unit is.
    pub(crate) fn user_manager(&self) -> Option<Uid> {
        let uid = self.name.as_raw().strip_prefix("user@")?.strip_suffix(".service")?;
        uid.parse().ok().map(Uid)
    }
}

/// The types of units that processes run in (systemd.unit(5)); slices only hold them.
const TYPES: [&str; 5] = ["service", "scope", "socket", "mount", "swap"];
/// systemd's UNIT_NAME_MAX.
const NAME_MAX: usize = 255;

/// The unit's name that a component of a cgroup's path stands for; `None` when it is no name of a unit.
pub(crate) fn name(component: &str) -> Option<&str> {
    // systemd puts “_” before names that the kernel has files of (cg_escape, src/basic/cgroup-util.c).
    let name = component.strip_prefix('_').unwrap_or(component);
    let (before, kind) = name.rsplit_once('.')?;
    let is_valid = !before.is_empty()
        && name.len() <= NAME_MAX
        && TYPES.contains(&kind)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte));
    is_valid.then_some(name)
}

/// Undoes systemd's escaping of names within names: `\x2d` is `-`.
pub(crate) fn unescape(name: &str) -> Untrusted {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let escaped = rest.strip_prefix("\\x").and_then(|tail| tail.get(..2));
        if let Some(byte) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            let (first, tail) = rest.split_at(c.len_utf8());
            bytes.extend_from_slice(first.as_bytes());
            rest = tail;
        }
    }
    Untrusted::from_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_units_and_others() {
        for (component, expected) in [
            ("ssh.service", Some("ssh.service")),
            ("getty@tty1.service", Some("getty@tty1.service")),
            ("app-org.gnome.Terminal-4711.scope", Some("app-org.gnome.Terminal-4711.scope")),
            ("_cpu.service", Some("cpu.service")),
            ("dev-disk-by\\x2duuid-1.swap", Some("dev-disk-by\\x2duuid-1.swap")),
            ("system.slice", None),
            (".service", None),
            ("service", None),
            ("a b.service", None),
            ("ä.service", None),
            ("init", None),
        ] {
            assert_eq!(name(component), expected, "{component}");
        }
        assert_eq!(name(&format!("{}.service", "x".repeat(248))), None);
    }

    #[test]
    fn escapes_are_undone_and_what_is_none_stays() {
        assert_eq!(unescape("a\\x2db\\x20c").as_raw(), "a-b c");
        assert_eq!(unescape("\\x2").as_raw(), "\\x2");
        assert_eq!(unescape("\\xzzä\\").as_raw(), "\\xzzä\\");
        assert_eq!(unescape("\\xff").as_raw(), "\\xff", "what is no text is written as the bytes that it is");
    }
}
