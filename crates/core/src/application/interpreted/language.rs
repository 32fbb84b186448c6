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
    /// The environment variables that make it load other code.
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
    ],
);
const NODE: Interpreter = by_options(&grammars::NODE, &["NODE_OPTIONS", "NODE_PATH"]);
const PERL: Interpreter = by_options(&grammars::PERL, &["PERL5LIB", "PERLLIB", "PERL5OPT", "PERL5DB"]);
const PHP: Interpreter = by_options(&grammars::PHP, &["PHPRC", "PHP_INI_SCAN_DIR"]);
const LUA: Interpreter = by_options(&grammars::LUA, &["LUA_INIT", "LUA_PATH", "LUA_CPATH"]);
const SH: Interpreter = by_options(&SHELL, &["BASH_ENV", "SHELLOPTS", "ZDOTDIR"]);
const RUNTIME: Interpreter = first(
    &JAVA,
    First::Class,
    &["CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVAC_OPTIONS"],
);

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
    ("ruby", by_options(&grammars::RUBY, &["RUBYOPT", "RUBYLIB", "GEM_HOME", "GEM_PATH"])),
    ("php-cgi", PHP),
    ("php", PHP),
    ("luajit", LUA),
    ("lua", LUA),
    ("tclsh", by_options(&grammars::TCL, &["TCLLIBPATH", "TCL_LIBRARY"])),
    ("deno", first(&grammars::DENO, First::Command(&grammars::DENO_COMMANDS), &[])),
    ("bun", first(&grammars::BUN, First::Command(&grammars::BUN_COMMANDS), &["BUN_OPTIONS"])),
    ("bash", SH),
    ("dash", SH),
    ("zsh", SH),
    ("ksh", SH),
    ("mksh", SH),
    ("sh", SH),
];

impl Interpreter {
    /// The interpreter that a file of this name is.
    pub(super) fn of(file_name: &str) -> Option<Self> {
        let exact = match file_name {
            "java" => Some(RUNTIME),
            "rbash" | "ash" | "hush" | "lksh" | "pdksh" | "yash" => Some(SH),
            "R" => Some(first(&grammars::R, First::Nothing, &["R_PROFILE", "R_PROFILE_USER", "R_LIBS"])),
            "Rscript" => Some(first(&grammars::R, First::Script, &[])),
            "mono" | "mono-sgen" | "mono-sgen64" => {
                Some(by_options(&runtimes::MONO, &["MONO_PATH", "MONO_ENV_OPTIONS"]))
            }
            "dotnet" => Some(first(
                &runtimes::DOTNET,
                First::Assembly,
                &["DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS"],
            )),
            "wine" | "wine64" | "wine-preloader" | "wine64-preloader" => {
                Some(Self { language: Language::Wine, name: None, variables: &["WINEPREFIX"] })
            }
            _ if is_applets(file_name) => {
                Some(Self { language: Language::Applets, name: None, variables: &[] })
            }
            _ if is_dynamic_linker(file_name) => Some(first(&LD_SO, First::Program, &[])),
            _ if is_qemu_user(file_name) => {
                Some(first(&QEMU, First::Program, &["QEMU_LD_PREFIX", "QEMU_SET_ENV"]))
            }
            _ => None,
        };
        exact.or_else(|| {
            let (name, interpreter) = VERSIONED.iter().find(|(name, _)| is_versioned(file_name, name))?;
            Some(Self { name: Some(name), ..*interpreter })
        })
    }
}

/// All variables that make one of them load other code.
pub(super) fn all_variables() -> Vec<&'static str> {
    const EXACT: [&str; 7] = ["java", "R", "mono", "dotnet", "wine", "qemu-x86_64", "sh"];
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
