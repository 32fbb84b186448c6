use crate::{Container, Interpreted, Package, Untrusted};

/// Where an executed file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileOrigin {
    /// It is the one that this machine itself has, or had when it was executed, at that path.
    Machine,
    /// The process sees other mounts than the machine, and that file is not known to be the machine's.
    Elsewhere,
    /// Made in memory (memfd_create); its path is only a name.
    Memory,
}

/// What decides which application a program is. Each `Option` is `None` where it does not apply and where it is not proven.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The path at exec, as the process's mount namespace knew it.
    pub path: &'a Untrusted,
    /// Where that is.
    pub origin: FileOrigin,
    /// The package of this machine that lists the path. Ignored unless the file is the machine's.
    pub package: Option<&'a Package>,
    /// What it runs, where it is an interpreter: [`Interpreted::of`].
    pub interpreted: Option<&'a Interpreted>,
    /// Whether the script is the file that the machine itself has at that path; `false` where that was not proven.
    pub script_is_of_machine: bool,
    /// The package of this machine that lists the script. Ignored unless the script is the machine's.
    pub script_package: Option<&'a Package>,
    /// The container that its cgroup says it is in. Whoever made the cgroup said so.
    pub container: Option<&'a Container>,
    /// Proof that the executed file is one of the Flatpak application's or the snap's that the machine has installed under the
    /// container's name, or of the runtime that it uses.
    pub is_genuine: bool,
    /// The image of the container, as who keeps the containers of this machine says; tag and digest may be in it.
    pub image: Option<&'a Untrusted>,
    /// The AppImage whose mount the executed file is in: the file that an earlier exec of this process or of a parent was.
    pub app_image: Option<&'a Untrusted>,
}

impl<'a> Facts<'a> {
    /// Of a file of the machine about which nothing else is known.
    #[must_use]
    pub fn of_path(path: &'a Untrusted) -> Self {
        Self {
            path,
            origin: FileOrigin::Machine,
            package: None,
            interpreted: None,
            script_is_of_machine: false,
            script_package: None,
            container: None,
            is_genuine: false,
            image: None,
            app_image: None,
        }
    }
}
