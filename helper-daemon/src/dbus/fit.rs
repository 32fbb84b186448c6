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
        let mut other = groups.other.unwrap_or_default();
        for sum in (fitting..rows).filter_map(|at| groups.sum(at)) {
            other.sum.add(&sum);
            other.groups += 1;
        }
        groups.other = Some(other);
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
    use portolan_bus::{Access, Application, Covered, Line, Other, QueryRow, Sum};

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

    fn rows(texts: &[&str]) -> Groups {
        let row = |(at, text): (usize, &&str)| QueryRow {
            keys: [("command".to_owned(), (*text).to_owned())].into(),
            tx_bytes: 10,
            rx_bytes: 1,
            flows: 1,
            first_unix_ms: i64::try_from(at).unwrap(),
            last_unix_ms: 50,
        };
        Groups::new(texts.iter().enumerate().map(row).collect(), None)
    }

    #[test]
    fn groups_that_do_not_fit_are_summed_up_with_the_others() {
        let long = "x".repeat(1000);
        let mut groups = rows(&["a\0b", "c", &long, "d", "a\0b"]);
        fit_groups(&mut groups, 1000);
        let shown: Vec<_> = groups.rows().into_iter().map(|row| row.keys["command"].clone()).collect();
        assert_eq!(shown, ["a b", "c"]);
        assert_eq!(groups.keys[0].texts, ["a b", "c"], "no text of the others is left");
        let sum = Sum { tx_bytes: 30, rx_bytes: 3, flows: 3, first_unix_ms: Some(2), last_unix_ms: Some(50) };
        assert_eq!(groups.other, Some(Other { groups: 3, sum }));
        fit_groups(&mut groups, 60);
        assert_eq!((groups.rows().len(), groups.other.unwrap().groups), (1, 4));
    }

    #[test]
    fn a_text_that_many_groups_have_is_weighed_once() {
        let long = "x".repeat(900);
        let mut groups = rows(&[&*long; 1000]);
        fit_groups(&mut groups, 1000 * 44 + 908);
        assert_eq!((groups.rows().len(), groups.other), (1000, None));
        let weight = zvariant::serialized_size(Context::new_dbus(LE, 0), &groups).unwrap();
        assert!(*weight < 1000 * 44 + 1100, "{}", *weight);
    }

    #[test]
    fn lines_that_do_not_fit_are_added_to_the_other_one() {
        let line = |tx: u64| Line { tx_bytes: vec![tx; 10], rx_bytes: vec![0; 10], flows: vec![1; 10] };
        let users: Vec<String> = (0..5).map(|number| number.to_string()).collect();
        let mut series = SeriesResult {
            step_ms: 1,
            times_unix_ms: vec![0; 10],
            keys: Column::of(users.iter().map(|user| [("user", user.as_str())])),
            lines: (0..5).map(line).collect(),
            other: None,
            gaps: Vec::new(),
            covered: Covered { since_unix_ms: None, until_unix_ms: None, finest: String::new() },
            places: Vec::new(),
            access: Access::All,
        };
        fit_series(&mut series, 1200);
        assert_eq!((series.lines.len(), series.keys[0].at.len(), series.keys[0].texts.len()), (2, 2, 2));
        assert_eq!(series.other, Some(Line { flows: vec![3; 10], ..line(9) }));
    }
}
