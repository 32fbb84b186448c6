use serde::Serialize;
use zvariant::{LE, Type, serialized::Context};

use super::texts::Texts;

/// What one answer may weigh. A bus disconnects whoever sends more than it allows (dbus-daemon: `max_message_size`,
/// 32 MiB), and texts that programs choose could make any list that long.
pub(super) const ANSWER_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Makes a list fit for one answer: without zero bytes, and shortened to what one message holds. The first ones stay.
/// Returns how many were left out.
pub(super) fn fit<T: Texts + Serialize + Type>(items: &mut Vec<T>, max_bytes: usize) -> usize {
    let context = Context::new_dbus(LE, 0);
    let before = items.len();
    let mut left = Some(max_bytes);
    items.retain_mut(|item| {
        item.remove_zero_bytes();
        // Elements are aligned to 8 bytes. What cannot be weighed cannot be sent either.
        let weight = zvariant::serialized_size(context, &*item).map_or(usize::MAX, |size| *size + 8);
        left = left.and_then(|left| left.checked_sub(weight));
        left.is_some()
    });
    before - items.len()
}

#[cfg(test)]
mod tests {
    use portolan_bus::Application;

    use super::*;

    fn applications(names: &[&str]) -> Vec<Application> {
        let application = |name: &&str| Application {
            application: (*name).to_owned(),
            path: "a\0b".to_owned(),
            sha256: String::new(),
            provenance: None,
            script: None,
            review: String::new(),
            first_unix_ms: 0,
            last_unix_ms: 0,
            executables: 0,
        };
        names.iter().map(application).collect()
    }

    #[test]
    fn the_first_that_fit_stay() {
        let long = "x".repeat(1000);
        let mut items = applications(&["first", "second", &long, "last"]);
        assert_eq!(fit(&mut items, 1000), 2, "nothing after the first that does not fit");
        assert_eq!(
            items.iter().map(|item| item.application.as_str()).collect::<Vec<_>>(),
            ["first", "second"]
        );
        assert_eq!(items[0].path, "a b");
        assert_eq!(fit(&mut items, 1000), 0);
        assert_eq!(fit(&mut items, 50), 2);
    }
}
