//! The selected program in full, for terminals that are too narrow for all columns.

use portolan_core::{ApplicationKey, Untrusted};

use super::row::{Key, Program};
use crate::show::users::Users;

/// Three lines: what runs, who started it, where it runs and where it talks to, and its hash with its review.
pub(crate) fn lines(key: &Key, program: &Program, users: &mut Users) -> [String; 3] {
    let harmless = |text: &str| Untrusted::from(text).for_terminal();
    let parent = key.parent_path.as_deref().map_or_else(|| "an unknown program".to_owned(), harmless);
    let mut circumstances = format!("started by {parent} as user {}", users.name(key.uid));
    if let Some(remote) = &program.remote {
        circumstances.push_str(&format!(", to {}", harmless(remote)));
    }
    for place in [&key.unit, &key.container].into_iter().flatten() {
        circumstances.push_str(&format!(", in {}", harmless(place)));
    }
    circumstances.push_str(&format!(", {} open flows", program.flows));
    let review = program.review.as_deref().map_or_else(|| "cannot be reviewed".to_owned(), harmless);
    let identity = match &key.sha256 {
        Some(hash) => format!("SHA-256 {}, {review}", harmless(hash)),
        None => review,
    };
    [name_of_owner(key), circumstances, identity]
}

/// The path, or in brackets why there is none.
pub(crate) fn name_of_owner(key: &Key) -> String {
    let path = Untrusted::from(key.path.as_str()).for_terminal();
    if key.application.is_some() { path } else { format!("({path})") }
}

/// The application's name for people, or in brackets why there is none.
pub(crate) fn short_name(key: &Key) -> String {
    match &key.application {
        Some(application) => {
            ApplicationKey::from_stored(application.as_str().into()).display_name().for_terminal()
        }
        None => name_of_owner(key),
    }
}
