//! How an interpreter reads its options.
//!
//! What stands in no table is unknowable: an option that takes the next argument, and is not known to, would make a script
//! of what is none.

use super::{
    arguments::{Arguments, Unknowable},
    loads::Loads,
};

/// What an option does with what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing.
    Nothing,
    /// The rest of the argument or, where there is none, the next.
    Value,
    /// The next argument; it stands last.
    Next,
    /// The rest of the argument, if there is one.
    Rest,
    /// As many of these as follow; more options may come behind.
    Chars(&'static str),
    /// A value: files or folders that code is loaded from besides the script, separated by colons.
    LoadPaths,
    /// A value: the name of other code, or what makes other code be loaded.
    LoadName,
    /// The same, which is the rest of the argument.
    LoadRest,
    /// Code.
    Code,
    /// The name of a module, which is run.
    Module,
    /// The file that is run. Options may follow.
    File,
    /// That the first argument that is no option is a file, whatever it looks like.
    ThenFile,
    /// That code comes from standard input.
    StandardInput,
    /// The end of what the interpreter reads itself.
    End,
}

/// The options of an interpreter.
#[derive(Debug)]
pub(super) struct Grammar {
    /// Letters that may stand together behind one dash.
    pub(super) letters: &'static [(&'static str, Takes)],
    /// Whole options, up to a “=”; with `*` at the end all that begin like this; `=` is any that has its value behind a “=”.
    pub(super) words: &'static [(&'static str, Takes)],
    /// Whether letters may follow a plus too.
    pub(super) plus: bool,
    /// What a single dash is.
    pub(super) dash: Takes,
    /// What two dashes alone are.
    pub(super) two_dashes: Takes,
}

impl Grammar {
    pub(super) const NONE: Self = Self {
        letters: &[],
        words: &[],
        plus: false,
        dash: Takes::StandardInput,
        two_dashes: Takes::Nothing,
    };
}

/// What the options say is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Nothing: no argument is left.
    Nothing,
    /// Code of the command line.
    Code,
    /// Standard input.
    StandardInput,
    /// A module.
    Module(&'a [u8]),
    /// This file.
    File(&'a [u8]),
    /// The first argument that is no option.
    Argument(&'a [u8]),
}

/// Reads the options up to the first argument that is none.
pub(super) fn read<'a>(
    grammar: &Grammar,
    arguments: &mut Arguments<'a>,
    loads: &mut Loads<'_>,
) -> Result<Found<'a>, Unknowable> {
    let mut pending = None;
    let mut is_file = false;
    let argument = loop {
        let Some(argument) = arguments.next()? else { break None };
        let is_option = matches!(argument, [b'-', ..]) || (grammar.plus && matches!(argument, [b'+', _, ..]));
        if !is_option {
            break Some(argument);
        }
        let (takes, value) = match argument {
            b"-" => (grammar.dash, Value::Apart(b"-")),
            b"--" if grammar.two_dashes == Takes::Nothing => break arguments.next()?,
            b"--" => (grammar.two_dashes, Value::Apart(b"--")),
            _ => match word(grammar, argument) {
                Some(found) => found,
                None => match letters(grammar, argument, arguments)? {
                    Some(found) => found,
                    None => continue,
                },
            },
        };
        let name = value.name();
        match takes {
            Takes::Nothing | Takes::Rest | Takes::Chars(_) => {}
            Takes::Value | Takes::Next => drop(value.or_next(arguments)?),
            Takes::LoadPaths => loads.paths(name, value.or_next(arguments)?)?,
            Takes::LoadName => loads.name(name, value.or_next(arguments)?)?,
            Takes::LoadRest => loads.name(name, value.attached().unwrap_or_default())?,
            Takes::Code => return Ok(Found::Code),
            Takes::Module => return Ok(Found::Module(value.or_next(arguments)?)),
            Takes::File => pending = Some(Found::File(value.or_next(arguments)?)),
            Takes::ThenFile => is_file = true,
            Takes::StandardInput if argument.len() < 3 && argument[1..].iter().all(|byte| *byte == b'-') => {
                return Ok(pending.unwrap_or(Found::StandardInput));
            }
            Takes::StandardInput => pending = Some(Found::StandardInput),
            Takes::End if argument == b"-" => break arguments.next()?,
            Takes::End => break None,
        }
    };
    Ok(match (pending, argument) {
        (Some(pending), _) => pending,
        (None, None) => Found::Nothing,
        (None, Some(argument)) if is_file => Found::File(argument),
        (None, Some(argument)) => Found::Argument(argument),
    })
}

/// Where the value of an option is.
enum Value<'a> {
    /// Behind the name, in the same argument.
    Attached(&'a [u8], &'a [u8]),
    /// In the next argument.
    Apart(&'a [u8]),
}

impl<'a> Value<'a> {
    fn name(&self) -> &'a [u8] {
        match self {
            Self::Attached(name, _) | Self::Apart(name) => name,
        }
    }

    fn attached(&self) -> Option<&'a [u8]> {
        match self {
            Self::Attached(_, value) => Some(value),
            Self::Apart(_) => None,
        }
    }

    fn or_next(&self, arguments: &mut Arguments<'a>) -> Result<&'a [u8], Unknowable> {
        self.attached().map_or_else(|| arguments.value(), Ok)
    }
}

/// An option that is one word.
fn word<'a>(grammar: &Grammar, argument: &'a [u8]) -> Option<(Takes, Value<'a>)> {
    let equals = argument.iter().position(|byte| *byte == b'=');
    let name = &argument[..equals.unwrap_or(argument.len())];
    let apart = || match equals {
        Some(at) => Value::Attached(name, &argument[at + 1..]),
        None => Value::Apart(name),
    };
    grammar.words.iter().find_map(|(pattern, takes)| match pattern.strip_suffix('*') {
        Some(start) => {
            let rest = argument.strip_prefix(start.as_bytes())?;
            Some((*takes, Value::Attached(&argument[..start.len()], rest)))
        }
        None if *pattern == "=" => (equals.is_some() && name.starts_with(b"--")).then(|| (*takes, apart())),
        // Behind one dash, an option without a value has none behind a “=” either: perl's -d=MODULE is not its -d.
        None if equals.is_some() && *takes == Takes::Nothing && !name.starts_with(b"--") => None,
        None => is_same(name, pattern.as_bytes()).then(|| (*takes, apart())),
    })
}

/// node takes `_` for `-`; who does not takes such an option for none of its own.
fn is_same(name: &[u8], pattern: &[u8]) -> bool {
    let dashed = |byte: &u8| if *byte == b'_' { b'-' } else { *byte };
    name.iter().map(dashed).eq(pattern.iter().copied())
}

/// Letters behind one dash. The first that is more than a letter ends them, and is returned.
fn letters<'a>(
    grammar: &Grammar,
    argument: &'a [u8],
    arguments: &mut Arguments<'a>,
) -> Result<Option<(Takes, Value<'a>)>, Unknowable> {
    let mut at = 1;
    let mut standard_input = None;
    while let Some(letter) = argument.get(at) {
        let is_in = |set: &str| set.as_bytes().contains(letter);
        let (_, takes) = grammar.letters.iter().find(|(set, _)| is_in(set)).ok_or(Unknowable)?;
        let (name, rest) = (&argument[at..=at], &argument[at + 1..]);
        match takes {
            Takes::Nothing => {}
            Takes::Chars(set) => at += rest.iter().take_while(|byte| set.as_bytes().contains(byte)).count(),
            Takes::StandardInput => standard_input = Some((*takes, Value::Apart(argument))),
            // perl reads on behind a space.
            Takes::Rest if rest.iter().any(u8::is_ascii_whitespace) => return Err(Unknowable),
            Takes::Rest => return Ok(standard_input),
            Takes::Next if rest.is_empty() => drop(arguments.value()?),
            Takes::Next => return Err(Unknowable),
            takes if standard_input.is_some() && *takes != Takes::Code => return Err(Unknowable),
            takes if rest.is_empty() => return Ok(Some((*takes, Value::Apart(name)))),
            takes => return Ok(Some((*takes, Value::Attached(name, rest)))),
        }
        at += 1;
    }
    Ok(standard_input)
}
