use super::{
    Code,
    grammars::{self, SHELL},
    options::Grammar,
    runtimes::{self, JAVA, LD_SO, QEMU},
};

/// How an interpreter is told what to run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Language {
    /// By its options; what the first argument that is none means.
    Options(&'static Grammar, First),
    /// By its own name, or else by its first argument (busybox, toybox).
    Applets,
    /// By a Windows path.
    Wine,
}

/// What the first argument that is no option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// The script.
    Script,
    /// A program, which may be an interpreter itself.
    Program,
    /// A class (java), or the source of one.
    Class,
    /// A command of deno or bun, or a script or its address.
    Command(&'static [&'static str]),
    /// An assembly, or a command of the SDK (dotnet).
    Assembly,
    /// Nothing that is run (R).
    Nothing,
}

impl First {
    /// What runs when there is none: what is typed, or piped into the interpreter. Nobody can tell which, and both are any code.
    pub(super) fn without_argument(self) -> Option<Code> {
        match self {
            Self::Script | Self::Command(_) | Self::Nothing => Some(Code::StandardInput),
            Self::Program | Self::Class | Self::Assembly => None,
        }
    }
}

/// An interpreter that the name of a file says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interpreter {
    pub(super) language: Language,
    /// Its name without a version; `None` where versions do not stand in it.
    pub(super) name: Option<&'static str>,
    /// The environment variables that make it load other code; `X*` stands for all that begin with X.
    pub(super) variables: &'static [&'static str],
}

const fn by_options(grammar: &'static Grammar, variables: &'static [&'static str]) -> Interpreter {
    Interpreter { language: Language::Options(grammar, First::Script), name: None, variables }
}

const fn first(grammar: &'static Grammar, first: First, variables: &'static [&'static str]) -> Interpreter {
    Interpreter { language: Language::Options(grammar, first), name: None, variables }
}

const PYTHON: Interpreter = by_options(
    &grammars::PYTHON,
    &[
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONUSERBASE",
        "PYTHONPLATLIBDIR",
        "PYTHONPYCACHEPREFIX",
        "PYTHONWARNINGS",
        "PYTHONBREAKPOINT",
        "PYTHONINSPECT",
    ],
);
const NODE: Interpreter = by_options(&grammars::NODE, &["NODE_OPTIONS", "NODE_PATH"]);
const PERL: Interpreter =
    by_options(&grammars::PERL, &["PERL5LIB", "PERLLIB", "PERL5OPT", "PERL5DB", "PERL_USE_UNSAFE_INC"]);
const PHP: Interpreter = by_options(&grammars::PHP, &["PHPRC", "PHP_INI_SCAN_DIR"]);
const LUA: Interpreter = by_options(&grammars::LUA, &["LUA_INIT*", "LUA_PATH*", "LUA_CPATH*"]);
const SH: Interpreter = by_options(&SHELL, &["BASH_ENV", "SHELLOPTS", "ZDOTDIR", "FPATH"]);
/// It runs functions of its environment in the place of the commands that have their names. A file called sh may be it.
const BASH: Interpreter = by_options(&SHELL, &["BASH_ENV", "SHELLOPTS", "BASH_FUNC_*"]);
const RUNTIME: Interpreter = first(
    &JAVA,
    First::Class,
    &[
        "CLASSPATH",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "_JAVA_OPTIONS",
        "JDK_JAVAC_OPTIONS",
        "OPENJ9_JAVA_OPTIONS",
    ],
);

const R_VARIABLES: [&str; 4] = ["R_PROFILE*", "R_ENVIRON*", "R_LIBS*", "R_DEFAULT_PACKAGES"];

/// Interpreters whose name may have a version behind it.
const VERSIONED: [(&str, Interpreter); 22] = [
    ("python3", PYTHON),
    ("python2", PYTHON),
    ("python", PYTHON),
    ("pypy3", PYTHON),
    ("pypy", PYTHON),
    ("nodejs", NODE),
    ("node", NODE),
    ("perl", PERL),
    (
        "ruby",
        by_options(&grammars::RUBY, &["RUBYOPT", "RUBYLIB", "GEM_HOME", "GEM_PATH", "RUBYGEMS_GEMDEPS"]),
    ),
    ("php-cgi", PHP),
    ("php", PHP),
    ("luajit", LUA),
    ("lua", LUA),
    ("tclsh", by_options(&grammars::TCL, &["TCL*"])),
    ("deno", first(&grammars::DENO, First::Command(&grammars::DENO_COMMANDS), &[])),
    ("bun", first(&grammars::BUN, First::Command(&grammars::BUN_COMMANDS), &["BUN_OPTIONS"])),
    ("bash", BASH),
    ("dash", SH),
    ("zsh", SH),
    ("ksh", SH),
    ("mksh", SH),
    ("sh", BASH),
];

impl Interpreter {
    /// The interpreter that a file of this name is.
    pub(super) fn of(file_name: &str) -> Option<Self> {
        let exact = match file_name {
            "java" => Some(RUNTIME),
            "rbash" => Some(BASH),
            "ash" | "hush" | "lksh" | "pdksh" | "yash" => Some(SH),
            "R" => Some(first(&grammars::R, First::Nothing, &R_VARIABLES)),
            "Rscript" => Some(first(&grammars::R, First::Script, &R_VARIABLES)),
            "mono" | "mono-sgen" | "mono-sgen64" => Some(by_options(
                &runtimes::MONO,
                &["MONO_PATH", "MONO_ENV_OPTIONS", "MONO_CONFIG", "MONO_CFG_DIR", "MONO_GAC_PREFIX"],
            )),
            "dotnet" => Some(first(
                &runtimes::DOTNET,
                First::Assembly,
                &[
                    "DOTNET_STARTUP_HOOKS",
                    "DOTNET_ADDITIONAL_DEPS",
                    "DOTNET_SHARED_STORE",
                    "CORECLR_PROFILER*",
                ],
            )),
            "wine" | "wine64" | "wine-preloader" | "wine64-preloader" => {
                Some(Self { language: Language::Wine, name: None, variables: &["WINEPREFIX", "WINEDLL*"] })
            }
            _ if is_applets(file_name) => {
                Some(Self { language: Language::Applets, name: None, variables: &[] })
            }
            _ if is_dynamic_linker(file_name) => Some(first(&LD_SO, First::Program, &[])),
            _ if is_qemu_user(file_name) => {
                Some(first(&QEMU, First::Program, &["QEMU_LD_PREFIX", "QEMU_SET_ENV", "QEMU_PLUGIN"]))
            }
            _ => None,
        };
        exact.or_else(|| {
            let (name, interpreter) = VERSIONED.iter().find(|(name, _)| is_versioned(file_name, name))?;
            Some(Self { name: Some(name), ..*interpreter })
        })
    }
}

/// Whether a variable of this name is one of these, as [`Interpreter::variables`] say them.
pub(super) fn is_among(known: &[&str], name: &[u8]) -> bool {
    known.iter().any(|known| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning.as_bytes()),
        None => known.as_bytes() == name,
    })
}

/// All variables that make one of them load other code.
pub(super) fn all_variables() -> Vec<&'static str> {
    const EXACT: [&str; 6] = ["java", "R", "mono", "dotnet", "wine", "qemu-x86_64"];
    let versioned = VERSIONED.iter().map(|(name, _)| *name);
    let mut all: Vec<&str> = EXACT
        .into_iter()
        .chain(versioned)
        .filter_map(Interpreter::of)
        .flat_map(|interpreter| interpreter.variables.iter().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether a file's name is this one, or this one with a version: python3.11, perl5.36-x86_64-linux-gnu, luajit-2.1.
fn is_versioned(file_name: &str, name: &str) -> bool {
    let Some(rest) = file_name.strip_prefix(name) else { return false };
    let version = rest.strip_prefix(['-', '.']).unwrap_or(rest);
    rest.is_empty() || version.starts_with(|first: char| first.is_ascii_digit())
}

fn is_applets(file_name: &str) -> bool {
    let rest = file_name.strip_prefix("busybox").or_else(|| file_name.strip_prefix("toybox"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

/// ld-linux-x86-64.so.2, ld64.so.2, ld-2.31.so, ld.so.1, ld-musl-x86_64.so.1; musl's libc is its own.
fn is_dynamic_linker(file_name: &str) -> bool {
    let is_so = file_name.ends_with(".so") || file_name.contains(".so.");
    let is_ld =
        ["ld-linux", "ld-musl-", "ld64.", "ld.so", "ld-2."].iter().any(|start| file_name.starts_with(start));
    (is_so && is_ld) || file_name == "libc.so" || file_name.starts_with("libc.musl-")
}

/// qemu-x86_64, qemu-arm-static; not qemu-system-…, qemu-img and the like.
fn is_qemu_user(file_name: &str) -> bool {
    const MACHINES: [&str; 12] = [
        "x86_64",
        "i386",
        "aarch64",
        "arm",
        "mips",
        "ppc",
        "riscv",
        "s390x",
        "sparc",
        "loongarch64",
        "sh4",
        "m68k",
    ];
    const ENDINGS: [&str; 9] = ["", "eb", "el", "64", "32", "64el", "64le", "_be", "n32"];
    let Some(name) = file_name.strip_prefix("qemu-") else { return false };
    let name = name.strip_suffix("-static").unwrap_or(name);
    MACHINES.iter().any(|machine| name.strip_prefix(machine).is_some_and(|ending| ENDINGS.contains(&ending)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::{Interpreted, Invocation, interpreted};

    #[test]
    fn what_loads_code_is_known_by_its_name_or_by_what_that_begins_with() {
        for (path, variable, said) in [
            ("/bin/bash", "BASH_FUNC_curl%%=() {  evil; }", "BASH_FUNC_curl%25%25=()%20{%20%20evil;%20} /x"),
            ("/bin/bash", "BASH_FUNC_", "BASH_FUNC_=? /x"),
            ("/bin/dash", "BASH_FUNC_curl%%=() {  evil; }", "/x"),
            ("/bin/zsh", "FPATH=/f", "FPATH=/f /x"),
            ("/usr/bin/lua5.4", "LUA_INIT_5_4=@/i", "LUA_INIT_5_4=@/i /x"),
            ("/usr/bin/lua5.4", "LUA_INIT=@/i", "LUA_INIT=@/i /x"),
            ("/usr/bin/lua5.4", "LUA=@/i", "/x"),
            ("/usr/bin/tclsh8.6", "TCL8_6_TM_PATH=/t", "TCL8_6_TM_PATH=/t /x"),
            ("/usr/bin/Rscript", "R_ENVIRON_USER=/r", "R_ENVIRON_USER=/r /x"),
            ("/usr/bin/perl", "PERL_USE_UNSAFE_INC=1", "PERL_USE_UNSAFE_INC=1 /x"),
        ] {
            let arguments = format!("{path}\0/x\0");
            let invocation = Invocation {
                path,
                arguments: Some(arguments.as_bytes()),
                variables: &[variable.as_bytes()],
                ..Invocation::default()
            };
            assert_eq!(Interpreted::of(&invocation).unwrap().to_text(), said, "{path} {variable}");
            let all = interpreted::code_variables();
            let name = variable.split('=').next().unwrap();
            assert!(is_among(&all, name.as_bytes()) || said == "/x", "{name}");
        }
    }
}
