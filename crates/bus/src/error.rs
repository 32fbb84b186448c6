use zbus::{
    DBusError,
    message::{Header, Message},
    names::ErrorName,
};

/// All that a call can fail with. Clients match the variant; the text is a sentence for a person.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The bus itself failed, or the daemon is not on it.
    #[error("{0}")]
    Bus(#[source] zbus::Error),
    /// polkit did not allow it.
    #[error("{0}")]
    AccessDenied(String),
    /// The call's arguments mean nothing; the text says which and what would.
    #[error("{0}")]
    InvalidArgument(String),
    /// The text of a query means nothing.
    #[error("{}", .0.message)]
    WrongQuery(WrongQuery),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The caller has too much under way, or asked for more than one answer may hold.
    #[error("{0}")]
    LimitExceeded(String),
    /// The answer takes longer than the daemon lets a question take.
    #[error("{0}")]
    TookTooLong(String),
    /// The caller cancelled the question.
    #[error("{0}")]
    Cancelled(String),
    /// The history cannot be read or written at the moment; recording goes on in memory.
    #[error("{0}")]
    HistoryUnavailable(String),
    /// A fault of the daemon.
    #[error("{0}")]
    Internal(String),
}

/// Where a query is wrong. On the bus: the four arguments of the error `org.portolan.Error.WrongQuery`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongQuery {
    /// What is wrong there: a sentence for a person.
    pub message: String,
    /// The first character that is wrong, counted from 1.
    pub column: u32,
    /// How many characters are.
    pub length: u32,
    /// What may have been meant in their place.
    pub suggestion: Option<String>,
}

const PREFIX: &str = "org.portolan.Error.";

impl Error {
    /// The variant of this name; `None` for errors that are not ours.
    fn named(name: &str, text: String, message: Option<&Message>) -> Option<Self> {
        Some(match name.strip_prefix(PREFIX)? {
            "AccessDenied" => Self::AccessDenied(text),
            "InvalidArgument" => Self::InvalidArgument(text),
            "WrongQuery" => {
                let body = message.map(Message::body);
                let arguments = body.as_ref().and_then(|body| body.deserialize().ok());
                let (message, column, length, suggestion) = arguments.unwrap_or((text, 1, 0, None));
                Self::WrongQuery(WrongQuery { message, column, length, suggestion })
            }
            "NotFound" => Self::NotFound(text),
            "LimitExceeded" => Self::LimitExceeded(text),
            "TookTooLong" => Self::TookTooLong(text),
            "Cancelled" => Self::Cancelled(text),
            "HistoryUnavailable" => Self::HistoryUnavailable(text),
            "Internal" => Self::Internal(text),
            _ => return None,
        })
    }
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        let ours = match &error {
            zbus::Error::MethodError(name, text, message) => {
                Self::named(name, text.clone().unwrap_or_default(), Some(message))
            }
            _ => None,
        };
        ours.unwrap_or(Self::Bus(error))
    }
}

impl DBusError for Error {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        let reply = Message::error(call, self.name())?;
        match self {
            Self::WrongQuery(WrongQuery { message, column, length, suggestion }) => {
                reply.build(&(message, column, length, suggestion))
            }
            _ => reply.build(&self.to_string()),
        }
    }

    fn name(&self) -> ErrorName<'_> {
        ErrorName::from_static_str_unchecked(match self {
            Self::Bus(_) => "org.freedesktop.zbus.Error",
            Self::AccessDenied(_) => "org.portolan.Error.AccessDenied",
            Self::InvalidArgument(_) => "org.portolan.Error.InvalidArgument",
            Self::WrongQuery(_) => "org.portolan.Error.WrongQuery",
            Self::NotFound(_) => "org.portolan.Error.NotFound",
            Self::LimitExceeded(_) => "org.portolan.Error.LimitExceeded",
            Self::TookTooLong(_) => "org.portolan.Error.TookTooLong",
            Self::Cancelled(_) => "org.portolan.Error.Cancelled",
            Self::HistoryUnavailable(_) => "org.portolan.Error.HistoryUnavailable",
            Self::Internal(_) => "org.portolan.Error.Internal",
        })
    }

    fn description(&self) -> Option<&str> {
        match self {
            Self::Bus(error) => error.description(),
            Self::WrongQuery(wrong) => Some(&wrong.message),
            Self::AccessDenied(text)
            | Self::InvalidArgument(text)
            | Self::NotFound(text)
            | Self::LimitExceeded(text)
            | Self::TookTooLong(text)
            | Self::Cancelled(text)
            | Self::HistoryUnavailable(text)
            | Self::Internal(text) => Some(text),
        }
    }
}
