use zbus::DBusError;

/// All that a call can fail with. Clients match the variant; the text is a sentence for a person.
#[derive(Debug, DBusError)]
#[zbus(prefix = "org.portolan.Error")]
pub enum Error {
    /// The bus itself failed, or the daemon is not on it.
    #[zbus(error)]
    Bus(zbus::Error),
    /// polkit did not allow it.
    AccessDenied(String),
    /// The call's arguments mean nothing; the text says which and what would.
    InvalidArgument(String),
    /// What was asked for does not exist.
    NotFound(String),
    /// The caller has too much under way, or asked for more than one answer may hold.
    LimitExceeded(String),
    /// The history cannot be read or written at the moment; recording goes on in memory.
    HistoryUnavailable(String),
    /// A fault of the daemon.
    Internal(String),
}
