use portolan_core::{Domain, NameSource, Recognised};

/// What the first bytes of a flow told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// What they speak; `None` for what is not known here.
    pub recognised: Option<Recognised>,
    /// Whom they name; `None` when they name nobody, an address, or somebody under encryption.
    pub name: Option<(Domain, NameSource)>,
    /// Whether the name may be a provider's that stands before the real one (Encrypted ClientHello).
    pub is_inferred: bool,
}

/// What the bytes that are there say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// This much; with more bytes it may be more.
    SoFar(Opened),
    /// All that will ever be said.
    Whole(Opened),
}

impl Reading {
    /// Nothing that is known here, and nothing will come of it.
    pub(crate) fn nothing() -> Self {
        Self::Whole(Opened::default())
    }

    /// Nothing yet.
    pub(crate) fn nothing_yet() -> Self {
        Self::SoFar(Opened::default())
    }
}
