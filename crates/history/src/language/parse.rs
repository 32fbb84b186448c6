use std::{iter::Peekable, vec::IntoIter};

use jiff::Zoned;
use portolan_core::UnixMillis;

use super::{
    Filter, Problem, Query,
    letters::{Kind, Span, Token, tokens},
    term::{self, Term},
};

/// The longest text that is read.
pub const MAX_CHARACTERS: usize = 4096;
/// How many terms a text can have; each of several values behind one field is one.
pub const MAX_TERMS: usize = 64;
/// How deep parentheses can stand in each other.
pub const MAX_DEPTH: usize = 16;

/// Reads a query. `now` is what `since:7d` counts back from, and the time zone of dates. An empty text is everything.
pub fn parse(text: &str, now: &Zoned) -> Result<Query, Problem> {
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        let span = Span { start: MAX_CHARACTERS, end: MAX_CHARACTERS + 1 };
        return Err(Problem::at(
            span,
            format!("a query is not longer than {MAX_CHARACTERS} characters; leave something out"),
        ));
    }
    parse_kept(text, now)
}

/// The same of a canonical text, which can be longer than what it was made of.
pub(crate) fn parse_kept(text: &str, now: &Zoned) -> Result<Query, Problem> {
    let tokens = tokens(text);
    if let Some(problem) = tokens.problem {
        return Err(problem);
    }
    let length = text.chars().count();
    let end = Span { start: length, end: length };
    let mut parser = Parser {
        tokens: tokens.all.into_iter().peekable(),
        now,
        end,
        query: Query::default(),
        outer: None,
        terms: 0,
    };
    if parser.tokens.peek().is_some() {
        parser.query.filter = parser.any(0)?;
    }
    match parser.tokens.next() {
        Some(token) => Err(Problem::at(
            token.span,
            "no parenthesis is open that this one could close; put it in quotes to find it as text",
        )),
        None => Ok(parser.query),
    }
}

struct Parser<'n> {
    tokens: Peekable<IntoIter<Token>>,
    now: &'n Zoned,
    /// Where the text ends.
    end: Span,
    query: Query,
    /// The first term that is about the whole query.
    outer: Option<Span>,
    terms: usize,
}

impl Parser<'_> {
    /// What is joined by `or`.
    fn any(&mut self, depth: usize) -> Result<Filter, Problem> {
        let mut either = vec![self.every(depth)?];
        while let Some(or) = self.tokens.next_if(|token| token.kind == Kind::Or) {
            either.push(self.every_behind(depth, or.span)?);
            if let Some(outer) = self.outer {
                return Err(Problem::at(
                    outer,
                    "this is about the whole query; put parentheses around what stands with “or”",
                ));
            }
        }
        Ok(Filter::any(either))
    }

    fn every_behind(&mut self, depth: usize, or: Span) -> Result<Filter, Problem> {
        match self.tokens.peek().map(|token| &token.kind) {
            None | Some(Kind::Close | Kind::Or | Kind::And) => {
                Err(Problem::at(or, "nothing stands behind this “or”; put it in quotes to find it as text"))
            }
            _ => self.every(depth),
        }
    }

    /// What stands side by side, with `and` or without.
    fn every(&mut self, depth: usize) -> Result<Filter, Problem> {
        let mut all = Vec::new();
        let mut is_first = true;
        loop {
            let kind = self.tokens.peek().map(|token| (&token.kind, token.span));
            match kind {
                Some((Kind::Close | Kind::Or | Kind::And, span)) if is_first => {
                    let message = match kind {
                        Some((Kind::Close, _)) if depth > 0 => "nothing stands in these parentheses",
                        Some((Kind::Close, _)) => {
                            "no parenthesis is open that this one could close; put it in quotes to find it as text"
                        }
                        _ => "nothing stands before this word; put it in quotes to find it as text",
                    };
                    return Err(Problem::at(span, message));
                }
                None | Some((Kind::Close | Kind::Or, _)) => return Ok(Filter::every(all)),
                Some((Kind::And, span)) => {
                    self.tokens.next();
                    let next = self.tokens.peek().map(|token| &token.kind);
                    if matches!(next, None | Some(Kind::Close | Kind::Or | Kind::And)) {
                        return Err(Problem::at(
                            span,
                            "nothing stands behind this “and”; put it in quotes to find it as text",
                        ));
                    }
                }
                Some(_) => all.extend(self.term(depth)?),
            }
            is_first = false;
        }
    }

    /// One term with the signs before it; `None` of what is about the whole query.
    fn term(&mut self, depth: usize) -> Result<Option<Filter>, Problem> {
        let mut not = None;
        let mut is_not = false;
        while let Some(token) = self.tokens.next_if(|token| token.kind == Kind::Not) {
            not = Some(token.span);
            is_not = !is_not;
        }
        let turned = |filter| Some(if is_not { Filter::but(filter) } else { filter });
        match self.tokens.next() {
            Some(Token { kind: Kind::Open, span }) => self.inner(depth + 1, span).map(turned),
            Some(Token { kind: Kind::Word(letters), span }) => {
                let term = term::read(&letters, span, self.now)?;
                self.terms += term.count();
                if self.terms > MAX_TERMS {
                    return Err(Problem::at(
                        span,
                        format!("a query has at most {MAX_TERMS} terms; leave something out"),
                    ));
                }
                match term {
                    Term::Filter(filter) => return Ok(turned(filter)),
                    _ if not.is_some() || depth > 0 => {
                        return Err(Problem::at(
                            span,
                            "this is about the whole query; it cannot stand in parentheses or behind “not”",
                        ));
                    }
                    Term::Total(total) => self.query.totals.push(total),
                    Term::Time(since, until) => {
                        self.query.since = latest(self.query.since, since);
                        self.query.until = earliest(self.query.until, until);
                    }
                }
                self.outer.get_or_insert(span);
                Ok(None)
            }
            other => {
                let at = not.or(other.map(|token| token.span)).unwrap_or(self.end);
                Err(Problem::at(at, "nothing stands behind this “not”; put it in quotes to find it as text"))
            }
        }
    }

    /// What stands in parentheses.
    fn inner(&mut self, depth: usize, open: Span) -> Result<Filter, Problem> {
        if depth > MAX_DEPTH {
            return Err(Problem::at(
                open,
                format!("at most {MAX_DEPTH} parentheses can stand in each other"),
            ));
        }
        if self.tokens.peek().is_none() {
            return Err(unclosed(open));
        }
        let inner = self.any(depth)?;
        self.tokens.next_if(|token| token.kind == Kind::Close).map(|_| inner).ok_or_else(|| unclosed(open))
    }
}

fn unclosed(open: Span) -> Problem {
    Problem::at(open, "this parenthesis is not closed; put it in quotes to find it as text")
}

fn latest(one: Option<UnixMillis>, other: Option<UnixMillis>) -> Option<UnixMillis> {
    // Nothing is earlier than everything.
    one.max(other)
}

fn earliest(one: Option<UnixMillis>, other: Option<UnixMillis>) -> Option<UnixMillis> {
    one.into_iter().chain(other).min()
}
