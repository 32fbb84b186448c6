//! What an interpreter runs, as its arguments say. Pure: no disk is asked.
//!
//! A wrong answer would give one program the name of another, no answer costs a question more: what is not certain is
//! [`Code::Unknown`].

mod arguments;
mod grammars;
mod language;
mod loads;
mod options;
mod path;
mod reader;
mod runtimes;

use serde::{Deserialize, Serialize};

use super::stable;
use crate::Untrusted;
use arguments::{Arguments, Unknowable};
use language::Interpreter;
use reader::Reader;

/// What was noted when a program was executed. All of it is hostile.
#[derive(Debug, Clone, Copy, Default)]
pub struct Invocation<'a> {
    /// The path of the executed file.
    pub path: &'a str,
    /// Its arguments from its own name on, each with a NUL behind it, nothing masked; `None` when they are not known.
    pub arguments: Option<&'a [u8]>,
    /// Whether there were more than that.
    pub arguments_are_cut: bool,
    /// Its working directory, as the kernel knows it; `None` when it is not known.
    pub working_directory: Option<&'a Untrusted>,
    /// The name by which a file was executed that the kernel gave to this interpreter: by its `#!`, or by binfmt_misc. Empty when it
    /// is not known.
    pub script_name: Option<&'a [u8]>,
    /// Variables of its environment, of [`code_variables`] at least: each `NAME=VALUE`, or `NAME` when its value is not known to its
    /// end.
    pub variables: &'a [&'a [u8]],
    /// Whether there may be more of them.
    pub variables_are_cut: bool,
}

/// What an interpreter runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interpreted {
    /// Code that it loads besides: words `OPTION=VALUE` without a space in them, as options and variables say.
    loads: Vec<String>,
    /// What it runs.
    code: Code,
    /// Whether that depends on a working directory.
    is_relative: bool,
}

/// What is run by an interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Code {
    /// The file at this absolute path, as the process sees it. A “..” behind a name is still in it.
    File(Untrusted),
    /// A module, class or program that the interpreter finds by its name.
    Module(Untrusted),
    /// A part of the interpreter with a name of its own: an applet of busybox, a command of deno.
    Applet(Untrusted),
    /// Text on the command line.
    CommandLine,
    /// What comes through a descriptor: standard input, a pipe.
    StandardInput,
    /// Nobody knows.
    Unknown,
}

impl Interpreted {
    /// What an executed file runs besides itself; `None` when it is no interpreter, or can run nothing without being told what.
    #[must_use]
    pub fn of(invocation: &Invocation<'_>) -> Option<Self> {
        let is_relative = invocation.script_name.is_some_and(|name| !name.starts_with(b"/"));
        let by_kernel = || {
            let path = path::resolve(invocation.script_name?, invocation.working_directory)?;
            Some(if path::is_descriptor(path.as_raw()) { Code::StandardInput } else { Code::File(path) })
        };
        let Some(interpreter) = Interpreter::of(file_name(invocation.path)) else {
            // Not one that is known, but the kernel took it for one.
            let code = by_kernel().unwrap_or(Code::Unknown);
            return invocation.script_name.map(|_| Self { is_relative, ..Self::plain(code) });
        };
        let mut arguments = Arguments::new(
            invocation.arguments.unwrap_or_default(),
            invocation.arguments_are_cut || invocation.arguments.is_none(),
        );
        let mut reader = Reader::new(invocation);
        let code = reader.read(&interpreter, &mut arguments).and_then(|code| {
            reader.add_variables(&interpreter)?;
            Ok(code)
        });
        match code {
            Ok(None) if invocation.script_name.is_none() => None,
            Ok(Some(code @ (Code::CommandLine | Code::StandardInput))) => Some(Self::plain(code)),
            Ok(Some(code)) => {
                let is_relative = reader.is_relative;
                Some(Self { loads: reader.into_loads(), code, is_relative })
            }
            // Of what is told by options that nobody knows, the kernel knows at least the script.
            Ok(None) | Err(Unknowable) => Some(by_kernel().map_or_else(
                || Self::plain(Code::Unknown),
                |code| Self { loads: vec!["options=?".to_owned()], code, is_relative },
            )),
        }
    }

    /// One that runs this and loads nothing else.
    #[must_use]
    pub fn plain(code: Code) -> Self {
        Self { loads: Vec::new(), code, is_relative: false }
    }

    /// What is run.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// The path of the script, when it is a file.
    #[must_use]
    pub fn script(&self) -> Option<&Untrusted> {
        match &self.code {
            Code::File(path) => Some(path),
            _ => None,
        }
    }

    /// Whether it was told the path of its script, and not one that depends on a working directory, which others may share and change.
    #[must_use]
    pub fn is_named_absolutely(&self) -> bool {
        !self.is_relative
    }

    /// Whether options or variables make it load other code too.
    #[must_use]
    pub fn loads_more(&self) -> bool {
        !self.loads.is_empty()
    }

    /// How a key says it. Two that differ in more than versions of folders never say the same: only loads hold a “=” before the
    /// first space, and none of them begins with a slash.
    pub(super) fn to_text(&self) -> String {
        let code = match &self.code {
            Code::File(path) => stable::path(path.as_raw()),
            Code::Module(name) => format!("-m {}", stable::path(name.as_raw())),
            Code::Applet(name) => name.as_raw().to_owned(),
            Code::CommandLine => "-c".to_owned(),
            Code::StandardInput => "-".to_owned(),
            Code::Unknown => "?".to_owned(),
        };
        self.loads.iter().map(String::as_str).chain([code.as_str()]).collect::<Vec<_>>().join(" ")
    }
}

/// A path of an interpreter, the same for all its versions.
pub(super) fn interpreter_path(path: &str) -> String {
    let path = stable::path(path);
    match (path.rsplit_once('/'), Interpreter::of(file_name(&path)).and_then(|interpreter| interpreter.name))
    {
        (Some((folder, _)), Some(name)) => format!("{folder}/{name}"),
        _ => path,
    }
}

/// The environment variables that make interpreters load other code; `X*` stands for all that begin with X.
#[must_use]
pub fn code_variables() -> Vec<&'static str> {
    language::all_variables()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
