//! Which columns fit, and what stands in them.

use portolan_core::Untrusted;

use super::{
    detail,
    row::{Key, Program},
};
use crate::show::{
    amount::{Precision::Rounded, bytes},
    cut::{Cut, fit, pad},
    users::Users,
};

/// A column of the live table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Review,
    Name,
    Path,
    Parent,
    User,
    RxRate,
    TxRate,
    RxTotal,
    TxTotal,
    Remote,
}

/// A column and how wide it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    column: Column,
    columns: usize,
}

/// Name and rates come first, the destination next; user, parent and path where there is room for them.
pub(crate) fn for_width(width: usize) -> Vec<Shown> {
    let fixed = [
        (Column::Review, 1, 0),
        (Column::Name, 16, 0),
        (Column::Path, 0, 130),
        (Column::Parent, 0, 110),
        (Column::User, 9, 92),
        (Column::RxRate, 9, 0),
        (Column::TxRate, 9, 0),
        (Column::RxTotal, 7, 70),
        (Column::TxTotal, 7, 70),
        (Column::Remote, 0, 50),
    ];
    let mut shown: Vec<Shown> = fixed
        .into_iter()
        .filter(|(_, _, from)| width >= *from)
        .map(|(column, columns, _)| Shown { column, columns })
        .collect();
    let gaps = shown.len().saturating_sub(1);
    let taken: usize = shown.iter().map(|shown| shown.columns).sum::<usize>() + gaps;
    let left = width.saturating_sub(taken);
    let weights: usize = shown.iter().map(|shown| weight(shown.column)).sum();
    let mut rest = left;
    for shown in shown.iter_mut().filter(|shown| shown.columns == 0) {
        let share = (left * weight(shown.column)).checked_div(weights).unwrap_or(0);
        shown.columns = if shown.column == Column::Remote { rest } else { share };
        rest = rest.saturating_sub(shown.columns);
    }
    shown
}

/// How much of what is left an elastic column gets. The destination is the last of them and takes the rest.
fn weight(column: Column) -> usize {
    match column {
        Column::Path => 4,
        Column::Parent | Column::Remote => 3,
        _ => 0,
    }
}

/// The line of titles.
pub(crate) fn titles(shown: &[Shown]) -> String {
    join(shown, |column| {
        match column {
            Column::Review => "",
            Column::Name => "PROGRAM",
            Column::Path => "PATH",
            Column::Parent => "STARTED BY",
            Column::User => "USER",
            Column::RxRate => "IN/S",
            Column::TxRate => "OUT/S",
            Column::RxTotal => "IN",
            Column::TxTotal => "OUT",
            Column::Remote => "TO",
        }
        .to_owned()
    })
}

/// The line of a program.
pub(crate) fn cells(shown: &[Shown], key: &Key, program: &Program, users: &mut Users) -> String {
    let harmless = |text: &Option<String>| match text {
        Some(text) => Untrusted::from(text.as_str()).for_terminal(),
        None => "-".to_owned(),
    };
    let rate = |count| if count == 0 { "-".to_owned() } else { bytes(count, Rounded) + "/s" };
    join(shown, |column| match column {
        Column::Review => mark(program.review.as_deref()).to_owned(),
        Column::Name => detail::short_name(key),
        Column::Path => detail::name_of_owner(key),
        Column::Parent => harmless(&key.parent_path),
        Column::User => users.name(key.uid).to_owned(),
        Column::RxRate => rate(program.rate.rx),
        Column::TxRate => rate(program.rate.tx),
        Column::RxTotal => bytes(program.total.rx, Rounded),
        Column::TxTotal => bytes(program.total.tx, Rounded),
        Column::Remote => harmless(if program.name.is_some() { &program.name } else { &program.remote }),
    })
}

/// The letter of the key that set the review; `?` where nobody has looked.
fn mark(review: Option<&str>) -> &'static str {
    match review {
        Some("approved") => "a",
        Some("ignored") => "i",
        Some(_) => "?",
        None => " ",
    }
}

fn join(shown: &[Shown], mut text: impl FnMut(Column) -> String) -> String {
    let cells: Vec<String> = shown
        .iter()
        .map(|shown| {
            let number =
                matches!(shown.column, Column::RxRate | Column::TxRate | Column::RxTotal | Column::TxTotal);
            let cut = match shown.column {
                Column::Path | Column::Parent | Column::Remote => Cut::Middle,
                _ => Cut::End,
            };
            pad(&fit(&text(shown.column), shown.columns, cut), shown.columns, number)
        })
        .collect();
    cells.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::cut::width;

    #[test]
    fn lines_are_exactly_as_wide_as_the_terminal() {
        for columns in 50..=240 {
            assert_eq!(width(&titles(&for_width(columns))), columns);
        }
        let last = for_width(80).pop().unwrap();
        assert_eq!(last, Shown { column: Column::Remote, columns: 25 });
        assert!(titles(&for_width(160)).contains("PATH"));
        assert!(for_width(0).len() >= 4);
    }
}
