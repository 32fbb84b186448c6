use super::{
    Arguments, Code, Invocation, Unknowable, file_name, grammars,
    language::{First, Interpreter, Language, is_among},
    loads::Loads,
    options::{self, Found, Grammar},
    path,
};
use crate::{
    Untrusted,
    secrets::{mask_addresses, mask_value},
};

/// Follows the arguments of an interpreter to what it runs.
pub(super) struct Reader<'a> {
    loads: Loads<'a>,
    invocation: &'a Invocation<'a>,
    /// How many interpreters run one another.
    depth: usize,
    /// Whether a file was named by a path that depends on the working directory.
    pub(super) is_relative: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(invocation: &'a Invocation<'a>) -> Self {
        Self { loads: Loads::new(invocation.working_directory), invocation, depth: 0, is_relative: false }
    }

    /// What is loaded besides.
    pub(super) fn into_loads(self) -> Vec<String> {
        self.loads.into_words()
    }

    /// What an interpreter runs, by its arguments from its name on.
    pub(super) fn read(
        &mut self,
        interpreter: &Interpreter,
        arguments: &mut Arguments<'a>,
    ) -> Result<Option<Code>, Unknowable> {
        match interpreter.language {
            Language::Applets => self.applet(arguments),
            Language::Wine => {
                arguments.next()?;
                self.windows(arguments)
            }
            Language::Options(grammar, first) => {
                arguments.next()?;
                self.options(grammar, first, arguments)
            }
        }
    }

    fn options(
        &mut self,
        grammar: &Grammar,
        first: First,
        arguments: &mut Arguments<'a>,
    ) -> Result<Option<Code>, Unknowable> {
        if first == First::Class {
            arguments.may_be_in_files();
        }
        match options::read(grammar, arguments, &mut self.loads)? {
            Found::Nothing => Ok(first.without_argument()),
            Found::Code => Ok(Some(Code::CommandLine)),
            Found::StandardInput => Ok(Some(Code::StandardInput)),
            Found::Module(name) => module(name).map(Some),
            Found::File(path) => self.file(path).map(Some),
            Found::Argument(argument) => self.first(grammar, first, argument, arguments),
        }
    }

    fn first(
        &mut self,
        grammar: &Grammar,
        first: First,
        argument: &'a [u8],
        arguments: &mut Arguments<'a>,
    ) -> Result<Option<Code>, Unknowable> {
        match first {
            First::Nothing => Ok(first.without_argument()),
            First::Script => self.file(argument).map(Some),
            First::Program => self.program(argument, arguments),
            First::Class if argument.ends_with(b".java") => self.file(argument).map(Some),
            First::Class => module(argument).map(Some),
            First::Command(_) if argument == b"eval" => Ok(Some(Code::CommandLine)),
            First::Command(_) if argument == b"repl" => Ok(Some(Code::StandardInput)),
            First::Command(_) if matches!(argument, b"run" | b"serve") => {
                match options::read(grammar, arguments, &mut self.loads)? {
                    Found::Argument(script) => self.script_or_address(script).map(Some),
                    Found::StandardInput => Ok(Some(Code::StandardInput)),
                    _ => Err(Unknowable),
                }
            }
            First::Command(commands) if commands.iter().any(|command| command.as_bytes() == argument) => {
                applet(argument).map(Some)
            }
            First::Command(_) => self.script_or_address(argument).map(Some),
            First::Assembly if argument == b"exec" => self.options(grammar, First::Script, arguments),
            First::Assembly if [&b".dll"[..], b".exe"].iter().any(|end| argument.ends_with(end)) => {
                self.file(argument).map(Some)
            }
            First::Assembly => applet(argument).map(Some),
        }
    }

    fn file(&mut self, path: &[u8]) -> Result<Code, Unknowable> {
        if path.len() > PATH_MAX_BYTES {
            return Err(Unknowable);
        }
        // An address with a password in it is no file's name, and nobody is to read it.
        if path.windows(3).any(|here| here == b"://") && mask_addresses(path) != path {
            return Err(Unknowable);
        }
        self.is_relative |= !path.starts_with(b"/");
        let path = path::resolve(path, self.invocation.working_directory).ok_or(Unknowable)?;
        Ok(if path::is_descriptor(path.as_raw()) { Code::StandardInput } else { Code::File(path) })
    }

    /// What deno and bun run: a file, an address, or a task by its name.
    fn script_or_address(&mut self, argument: &[u8]) -> Result<Code, Unknowable> {
        let is_name = !argument.contains(&b'/') && !argument.contains(&b'.');
        if argument.contains(&b':') {
            module(argument)
        } else if is_name {
            applet(argument)
        } else {
            self.file(argument)
        }
    }

    /// A program that is run by another (ld.so, qemu), and whatever it runs itself.
    fn program(
        &mut self,
        argument: &'a [u8],
        arguments: &mut Arguments<'a>,
    ) -> Result<Option<Code>, Unknowable> {
        // Without a slash, ld.so looks for it in the folders of libraries.
        let path = argument.contains(&b'/').then(|| self.file(argument)).ok_or(Unknowable)??;
        let Code::File(path) = path else { return Ok(Some(path)) };
        let Some(interpreter) = Interpreter::of(file_name(path.as_raw())) else {
            return Ok(Some(Code::File(path)));
        };
        // With flag P of binfmt_misc, its own name stands behind its path.
        if self.invocation.script_name.is_some() || self.depth == DEEPEST {
            return Err(Unknowable);
        }
        self.depth += 1;
        let code = match interpreter.language {
            Language::Applets => self.applet_of(argument, arguments)?,
            Language::Wine => self.windows(arguments)?,
            Language::Options(grammar, first) => self.options(grammar, first, arguments)?,
        };
        self.add_variables(&interpreter)?;
        let Some(code) = code else { return Ok(Some(Code::File(path))) };
        self.loads.program(path.as_raw())?;
        Ok(Some(code))
    }

    /// Of busybox, by its own name.
    fn applet(&mut self, arguments: &mut Arguments<'a>) -> Result<Option<Code>, Unknowable> {
        let name = arguments.value()?;
        self.applet_of(name, arguments)
    }

    fn applet_of(
        &mut self,
        name: &'a [u8],
        arguments: &mut Arguments<'a>,
    ) -> Result<Option<Code>, Unknowable> {
        let is_itself = |name: &[u8]| name.starts_with(b"busybox") || name.starts_with(b"toybox");
        let mut name = last_part(name.strip_prefix(b"-").unwrap_or(name));
        while is_itself(name) {
            match arguments.next()? {
                None => return Ok(None),
                Some(next) => name = last_part(next),
            }
        }
        if name.starts_with(b"-") {
            return Ok(None);
        }
        let code = applet(name)?;
        if ![&b"sh"[..], b"ash", b"hush", b"bash", b"lash", b"msh"].contains(&name) {
            return Ok(Some(code));
        }
        match self.options(&grammars::SHELL, First::Script, arguments)? {
            None => Ok(Some(code)),
            Some(inner) => {
                self.loads.program(Untrusted::from_bytes(name).as_raw())?;
                Ok(Some(inner))
            }
        }
    }

    /// What wine runs, by its arguments without its own name.
    fn windows(&mut self, arguments: &mut Arguments<'a>) -> Result<Option<Code>, Unknowable> {
        let Some(mut program) = arguments.next()? else { return Ok(None) };
        if program.starts_with(b"/")
            && Interpreter::of(&String::from_utf8_lossy(last_part(program))).is_some()
        {
            // The preloader is told where wine is.
            let Some(next) = arguments.next()? else { return Ok(None) };
            program = next;
        }
        if program.starts_with(b"-") {
            return Err(Unknowable);
        }
        if let [drive, b':', rest @ ..] = program {
            if !drive.eq_ignore_ascii_case(&b'z') {
                return module(program).map(Some); // a folder of the prefix
            }
            // The root, unless the prefix says otherwise.
            self.loads.name(b"drive", b"Z:")?;
            let path: Vec<u8> = rest.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
            return if path.starts_with(b"/") { self.file(&path).map(Some) } else { Err(Unknowable) };
        }
        if program.contains(&b'/') { self.file(program).map(Some) } else { module(program).map(Some) }
    }

    /// Notes the variables by which an interpreter loads other code.
    pub(super) fn add_variables(&mut self, interpreter: &Interpreter) -> Result<(), Unknowable> {
        for variable in self.invocation.variables {
            let mut parts = variable.splitn(2, |byte| *byte == b'=');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next());
            if !is_among(interpreter.variables, name) {
                continue;
            }
            match value {
                None => self.loads.unknown(name)?,
                Some(b"") => {}
                Some(value) => self.loads.name(name, value)?,
            }
        }
        if self.invocation.variables_are_cut && !interpreter.variables.is_empty() {
            self.loads.unknown(b"environment")?;
        }
        Ok(())
    }
}

/// Interpreters that run one another, beyond which nobody knows.
const DEEPEST: usize = 4;
/// The longest path that the kernel opens.
const PATH_MAX_BYTES: usize = 4096;
/// The longest name of a module.
const NAME_MAX_BYTES: usize = 1024;

fn module(name: &[u8]) -> Result<Code, Unknowable> {
    let is_one = !name.is_empty() && name.len() <= NAME_MAX_BYTES;
    is_one.then(|| Code::Module(Untrusted::from_bytes(&mask_value(name)))).ok_or(Unknowable)
}

/// Names of applets are words, and never look like anything else in a key.
fn applet(name: &[u8]) -> Result<Code, Unknowable> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-+[".contains(byte);
    let is_one = name.first().is_some_and(|first| first.is_ascii_alphanumeric() || *first == b'[')
        && name.len() <= NAME_MAX_BYTES
        && name.iter().all(is_plain);
    is_one.then(|| Code::Applet(Untrusted::from_bytes(name))).ok_or(Unknowable)
}

fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}
