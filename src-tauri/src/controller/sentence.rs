use portolan_bus::Error;

/// Why there is nothing to show: a sentence for a person, what happened and what to do.
pub(crate) const NO_DAEMON: &str =
    "Portolan's daemon is not running, so nothing is recorded. Start it with “systemctl start portoland”.";

/// The daemon does not let this user see anything.
pub(crate) fn denied(said: &str) -> String {
    let said = portolan_core::Untrusted::from(said).for_terminal();
    format!(
        "You are not allowed to see the traffic of this machine. Ask its administrator to add you to the group \
         “portolan”, then log in again. ({said})"
    )
}

/// The system bus cannot be reached.
pub(crate) fn no_bus(error: &zbus::Error) -> String {
    format!("The system bus cannot be reached: {error}. Nothing can be shown until it is back.")
}

/// A call to the daemon failed.
pub(crate) fn of(error: &Error) -> String {
    match error {
        Error::AccessDenied(said) => {
            format!("You do not have permission for this: {said}")
        }
        Error::Bus(error) => format!("Portolan's daemon did not answer: {error}."),
        Error::InvalidArgument(said)
        | Error::NotFound(said)
        | Error::LimitExceeded(said)
        | Error::TookTooLong(said)
        | Error::Cancelled(said)
        | Error::HistoryUnavailable(said)
        | Error::Internal(said) => said.clone(),
        Error::WrongQuery(wrong) => wrong.message.clone(),
    }
}

/// What a denial says; `None` for any other error. The bus's own policy may deny, too.
pub(crate) fn denial(error: &Error) -> Option<String> {
    match error {
        Error::AccessDenied(said) => Some(said.clone()),
        Error::Bus(zbus::Error::MethodError(name, said, _))
            if name.as_str() == "org.freedesktop.DBus.Error.AccessDenied" =>
        {
            Some(said.clone().unwrap_or_else(|| "the bus's policy says so".to_owned()))
        }
        Error::Bus(zbus::Error::FDO(error)) => match error.as_ref() {
            zbus::fdo::Error::AccessDenied(said) => Some(said.clone()),
            _ => None,
        },
        _ => None,
    }
}
