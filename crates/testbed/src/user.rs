use std::{os::unix::process::CommandExt, panic, process::Command, thread};

use rustix::{
    process::{Gid, Uid},
    thread::{set_thread_gid, set_thread_groups, set_thread_uid},
};

use crate::Error;

/// A user to run programs as. It need not exist on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What polkit calls it.
    pub name: String,
    /// Its uid.
    pub uid: u32,
    /// Its gid.
    pub gid: u32,
    /// The other groups that polkit knows it in, by name; each is made up where the machine has none of that name.
    pub groups: Vec<String>,
}

/// May see her own traffic, where a test says so. The three are no users of the machine.
#[must_use]
pub fn alice() -> User {
    User::new("alice", 61_001)
}

/// May do nothing.
#[must_use]
pub fn bob() -> User {
    User::new("bob", 61_002)
}

/// May see everything and more.
#[must_use]
pub fn carol() -> User {
    User::new("carol", 61_003)
}

/// The user that may do everything.
#[must_use]
pub fn root() -> User {
    User::new("root", 0)
}

impl User {
    /// A user that polkit knows by `name`, with a group of the same number.
    #[must_use]
    pub fn new(name: &str, uid: u32) -> Self {
        Self { name: name.to_owned(), uid, gid: uid, groups: Vec::new() }
    }

    /// The unprivileged user that every machine has, in no group but its own.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new("nobody", 65_534)
    }

    /// The same user as a member of `group` in polkit's eyes.
    #[must_use]
    pub fn in_group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    /// Makes `command` run as this user with no other group. Only root may do that.
    pub fn run(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Runs `work` on a thread of its own whose ids are this user's, and waits for it: for calls on a bus that this user
    /// makes. Only root may do that.
    ///
    /// # Errors
    /// The ids could not be changed. A panic of `work` goes on in the caller.
    pub fn act<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let changed = || {
            set_thread_groups(&[])?;
            set_thread_gid(Gid::from_raw(self.gid))?;
            set_thread_uid(Uid::from_raw(self.uid))
        };
        let acted = thread::scope(|scope| scope.spawn(|| changed().map(|()| work())).join());
        acted.unwrap_or_else(|panicked| panic::resume_unwind(panicked)).map_err(|errno| Error::Process {
            program: format!("a thread of {}", self.name),
            source: errno.into(),
        })
    }
}
