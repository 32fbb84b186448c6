/// A place in the kernel where the daemon listens, or could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The kernel's name for it.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Why it is not active; `None` when it is.
    pub problem: Option<String>,
}

impl Hook {
    /// The hook that an attempt to attach gave.
    #[must_use]
    pub fn from_result(name: &'static str, purpose: &'static str, result: Result<(), String>) -> Self {
        Self { name, purpose, problem: result.err() }
    }
}
