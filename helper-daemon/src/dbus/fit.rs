use portolan_bus::{Column, Groups, SeriesResult};
use serde::Serialize;
use zvariant::{LE, Type, serialized::Context};

use super::texts::{Texts, remove_zero_bytes};

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

/// The same of texts alone.
pub(super) fn fit_texts(texts: &mut Vec<String>, max_bytes: usize) {
    let mut left = max_bytes;
    let fitting = texts.iter().take_while(|text| take(&mut left, weight_of(text))).count();
    texts.truncate(fitting);
    texts.iter_mut().for_each(remove_zero_bytes);
}

/// The same of groups: those that do not fit are summed up with the others.
pub(super) fn fit_groups(groups: &mut Groups, max_bytes: usize) {
    let rows = groups.tx_bytes.len();
    let fitting = fit_columns(&mut groups.keys, rows, GROUP_BYTES, max_bytes);
    if fitting < rows {
        let other = groups.other.get_or_insert_default();
        for at in fitting..rows {
            if let Some(sum) = groups.sum(at) {
                other.sum.add(&sum);
                other.groups += 1;
            }
        }
        groups.truncate(fitting);
    }
}

/// The same of a series.
pub(super) fn fit_series(series: &mut SeriesResult, max_bytes: usize) {
    let line_bytes = series.times_unix_ms.len() * 3 * size_of::<u64>() + 3 * TEXT_BYTES;
    let lines = series.lines.len();
    let fitting = fit_columns(&mut series.keys, lines, line_bytes, max_bytes.saturating_sub(line_bytes * 2));
    if fitting < lines {
        let left_out = series.lines.split_off(fitting);
        let other = series.other.get_or_insert_default();
        left_out.iter().for_each(|line| other.add(line));
        series.keys.iter_mut().for_each(|column| column.truncate(fitting));
    }
}

/// What a group weighs besides its texts: three sums and two times.
const GROUP_BYTES: usize = 40;
/// What a text weighs besides its bytes: its length, its end, and what aligns the next one.
const TEXT_BYTES: usize = 8;

/// Makes columns fit for a message, and says of how many groups there is room for all.
fn fit_columns(columns: &mut [Column], groups: usize, group_bytes: usize, max_bytes: usize) -> usize {
    let mut left = max_bytes;
    let mut said = vec![0; columns.len()];
    let fits = |group: &usize| {
        let texts = columns.iter().zip(&mut said).map(|(column, said)| {
            let number = column.at.get(*group).copied().unwrap_or_default();
            // Texts are numbered in the order in which groups first have them.
            let is_new = number > *said;
            *said = number.max(*said);
            let text = column.text(*group).filter(|_| is_new);
            size_of::<u32>() + text.map_or(0, weight_of)
        });
        let weight = texts.sum::<usize>() + group_bytes;
        take(&mut left, weight)
    };
    let fitting = (0..groups).take_while(fits).count();
    columns.iter_mut().flat_map(|column| &mut column.texts).for_each(remove_zero_bytes);
    fitting
}

fn weight_of(text: &str) -> usize {
    text.len() + TEXT_BYTES
}

/// Whether so much is left; then it is taken.
fn take(left: &mut usize, weight: usize) -> bool {
    let rest = left.checked_sub(weight);
    *left = rest.unwrap_or(0);
    rest.is_some()
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
