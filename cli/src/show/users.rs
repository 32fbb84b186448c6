use std::collections::HashMap;

use nix::unistd::{Uid, User};
use portolan_core::Untrusted;

/// Names of users, each looked up once. A lookup may ask the network (NSS) and then blocks for that long.
#[derive(Debug, Default)]
pub(crate) struct Users {
    names: HashMap<u32, String>,
}

impl Users {
    /// The user's name, harmless for a terminal; the number where there is no name.
    pub(crate) fn name(&mut self, uid: u32) -> &str {
        self.names.entry(uid).or_insert_with(|| match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => Untrusted::from(user.name).for_terminal(),
            _ => uid.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_name_is_a_number() {
        assert_eq!(Users::default().name(0), "root");
        assert_eq!(Users::default().name(3_999_999_999), "3999999999");
    }
}
