//! The text as tokens: parentheses, signs, and words of letters of which each is known to be quoted or not.

use super::Problem;

/// Characters, by their numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    /// From the first of these to the last; the other one where there is none.
    pub(super) fn of(letters: &[Letter], otherwise: Self) -> Self {
        match (letters.first(), letters.last()) {
            (Some(first), Some(last)) => Self { start: first.span.start, end: last.span.end },
            _ => otherwise,
        }
    }
}

/// A character that somebody means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) c: char,
    /// Whether it was quoted or escaped, and so is nothing but this character.
    pub(super) is_plain: bool,
    pub(super) span: Span,
}

impl Letter {
    /// Whether it is this sign, and not just this character.
    pub(super) fn is(&self, sign: char) -> bool {
        !self.is_plain && self.c == sign
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Or,
    And,
    Not,
    Word(Vec<Letter>),
}

/// What a text is made of.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) all: Vec<Token>,
    /// The first thing that is wrong with them.
    pub(super) problem: Option<Problem>,
    /// Whether the text ends within quotes.
    pub(super) is_open: bool,
}

pub(super) fn tokens(text: &str) -> Tokens {
    let mut reader = Reader { chars: text.chars().collect(), at: 0, problem: None, is_open: false };
    let mut all = Vec::new();
    while let Some(c) = reader.peek(0) {
        let start = reader.at;
        let kind = match c {
            c if c.is_whitespace() => {
                reader.at += 1;
                continue;
            }
            '(' => reader.sign(Kind::Open),
            ')' => reader.sign(Kind::Close),
            '|' => reader.sign(Kind::Or),
            '!' | '-' => reader.not(c),
            _ => reader.word(),
        };
        all.push(Token { kind, span: Span { start, end: reader.at } });
    }
    Tokens { all, problem: reader.problem, is_open: reader.is_open }
}

pub(super) fn text_of(letters: &[Letter]) -> String {
    letters.iter().map(|letter| letter.c).collect()
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    problem: Option<Problem>,
    is_open: bool,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn sign(&mut self, kind: Kind) -> Kind {
        self.at += 1;
        kind
    }

    fn not(&mut self, sign: char) -> Kind {
        let span = Span { start: self.at, end: self.at + 1 };
        self.at += 1;
        let next = self.peek(0);
        if next.is_none_or(|next| next.is_whitespace() || sign == '-' && next == '-') {
            let message = format!(
                "“{sign}” stands directly before what is not wanted; put it in quotes to find it as text"
            );
            self.wrong(Problem::at(span, message));
        }
        Kind::Not
    }

    fn word(&mut self) -> Kind {
        let mut letters = Vec::new();
        let mut quote = None;
        while let Some(c) = self.peek(0) {
            let start = self.at;
            let is_quoted = quote.is_some();
            if !is_quoted && (c.is_whitespace() || matches!(c, '(' | ')' | '|')) {
                break;
            }
            self.at += 1;
            let (c, is_plain) = match c {
                '"' => {
                    quote = if is_quoted { None } else { Some(start) };
                    continue;
                }
                '\\' => self.escaped(),
                c => (c, false),
            };
            let span = Span { start, end: self.at };
            letters.push(Letter { c, is_plain: is_plain || is_quoted, span });
        }
        if let Some(start) = quote {
            let span = Span { start, end: start + 1 };
            self.is_open = true;
            self.wrong(Problem::at(
                span,
                "these quotes are not closed; write \\\" for quotes that are meant",
            ));
        }
        let is = |word: &str| {
            letters.len() == word.len()
                && letters
                    .iter()
                    .zip(word.chars())
                    .all(|(letter, c)| letter.is(c) || letter.is(c.to_ascii_uppercase()))
        };
        match () {
            () if is("or") => Kind::Or,
            () if is("and") => Kind::And,
            () if is("not") => Kind::Not,
            () => Kind::Word(letters),
        }
    }

    /// What a backslash and what is behind it stand for: a control character by its number (`\x1b`), any character by its
    /// number (`\u{202e}`), or the sign behind it and nothing but that. Before other letters and digits it is itself, as in the names that
    /// the history has of bytes that are no text (`\xff`) and in units (`\x2d`).
    fn escaped(&mut self) -> (char, bool) {
        let start = self.at - 1;
        match self.peek(0) {
            Some('x') => {
                let digit = |c: Option<char>| c.and_then(|c| c.to_digit(16));
                let number = digit(self.peek(1)).zip(digit(self.peek(2))).map(|(high, low)| high * 16 + low);
                match number.and_then(char::from_u32).filter(|c| c.is_ascii_control()) {
                    Some(c) => {
                        self.at += 3;
                        (c, true)
                    }
                    None => ('\\', true),
                }
            }
            Some('u') if self.peek(1) == Some('{') => {
                let digits: String =
                    self.chars[self.at + 2..].iter().take(8).take_while(|c| c.is_ascii_hexdigit()).collect();
                let end = self.at + 2 + digits.len();
                let c = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                match c.filter(|_| self.chars.get(end) == Some(&'}')) {
                    Some(c) => {
                        self.at = end + 1;
                        (c, true)
                    }
                    None => {
                        let span = Span { start, end: (end + 1).min(self.chars.len()) };
                        let message =
                            "a character's number is written as in \\u{1b}; write \\\\ for a backslash";
                        self.wrong(Problem::at(span, message));
                        ('\\', true)
                    }
                }
            }
            Some(c) if c == ' ' || !(c.is_alphanumeric() || c.is_whitespace()) => {
                self.at += 1;
                (c, true)
            }
            _ => ('\\', true),
        }
    }

    fn wrong(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }
}
