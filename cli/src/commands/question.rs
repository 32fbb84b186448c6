//! The query as a person writes it.

use jiff::Zoned;
use nix::unistd::User;
use portolan_bus::{Error, WrongQuery};
use portolan_history::language::{Problem, Query, parse};

use crate::{
    bus,
    failure::{Failure, Kind, Wrong},
};

/// The words that a user's name may stand behind.
const OF_USERS: [&str; 2] = ["user", "uid"];

/// Reads a query; names of users become their numbers. Returns the text with the numbers, and what it means.
pub(crate) fn read(given: &str, now: &Zoned) -> Result<(String, Query), Failure> {
    let mut text = given.to_owned();
    loop {
        let problem = match parse(&text, now) {
            Ok(query) => return Ok((text, query)),
            Err(problem) => problem,
        };
        // Each time another name goes, so that this ends.
        match with_number(&text, &problem) {
            Some(next) => text = next,
            None => return Err(wrong(&text, &problem)),
        }
    }
}

/// The text with a number in the place of what is no number, where that is the name of a user.
fn with_number(text: &str, problem: &Problem) -> Option<String> {
    let start = problem.column.checked_sub(1)?;
    let chars: Vec<char> = text.chars().collect();
    let (before, rest) = chars.split_at_checked(start)?;
    let (name, behind) = rest.split_at_checked(problem.length)?;
    let word = before.rsplit(|c| c.is_whitespace() || matches!(c, '(' | ')' | '|')).next()?;
    let field: String =
        word.iter().skip_while(|c| matches!(c, '!' | '-')).take_while(|c| c.is_alphanumeric()).collect();
    if !OF_USERS.contains(&field.to_ascii_lowercase().as_str()) || field.len() >= word.len() {
        return None;
    }
    let name: String = name.iter().collect();
    let user = User::from_name(&name).ok().flatten()?;
    let [before, behind]: [String; 2] = [before, behind].map(|chars| chars.iter().collect());
    Some(format!("{before}{}{behind}", user.uid))
}

/// The sentence for a query that means nothing, with the place shown.
fn wrong(text: &str, problem: &Problem) -> Failure {
    let Problem { column, length, suggestion, .. } = problem;
    let (column, length, suggestion) = (*column, *length, suggestion.clone());
    let place = Wrong { column, length, suggestion, drawn: problem.drawn(text) };
    Failure::new(Kind::Usage, format!("the query is wrong at character {column}: {problem}")).at(place)
}

/// The sentence for a question that the daemon refused.
pub(crate) fn refused(text: &str, error: Error) -> Failure {
    match error {
        Error::WrongQuery(WrongQuery { message, column, length, suggestion }) => {
            let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
            let (column, length) = (number(column), number(length));
            wrong(text, &Problem { column, length, message, suggestion })
        }
        error => bus::failed_call(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-03-01T12:00:00[UTC]".parse().unwrap()
    }

    #[test]
    fn names_of_users_become_numbers_where_they_stand_for_users() {
        let text = |given: &str| read(given, &now()).map(|(text, _)| text);
        assert_eq!(text("user:daemon port:1").as_deref(), Ok("user:1 port:1"));
        assert_eq!(text("!uid:bin,daemon or (user:bin)").as_deref(), Ok("!uid:2,1 or (user:2)"));
        assert_eq!(text("app:daemon daemon").as_deref(), Ok("app:daemon daemon"));
        for wrong in ["port:daemon", "user:nobody-of-this-name", "user:daemon port:daemon"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_query_is_shown_with_its_place() {
        let failure = read("port:443 cuontry:DE", &now()).unwrap_err();
        let place = failure.wrong().unwrap();
        assert_eq!((place.column, place.suggestion.as_deref()), (10, Some("country")));
        assert_eq!(place.drawn, "port:443 cuontry:DE\n         ^^^^^^^");
        assert!(failure.message().contains("country"));
    }
}
