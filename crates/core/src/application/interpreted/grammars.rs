//! The options of each interpreter, from its manual (`python3 --help`, node(1), perlrun(1), bash(1), …).

use super::options::{Grammar, Takes::*};

pub(super) const PYTHON: Grammar = Grammar {
    letters: &[("bBdEhiIOPqRsStuvVx?3", Nothing), ("WXQ", Value), ("c", Code), ("m", Module)],
    words: &[("--check-hash-based-pycs", Value), ("--help*", Nothing), ("--version", Nothing)],
    ..Grammar::NONE
};

pub(super) const PERL: Grammar = Grammar {
    letters: &[
        ("acfgnpstTuUvwWXh", Nothing),
        ("0l", Chars("01234567")),
        ("C", Chars("0123456789IOESioDALa")),
        ("iFV", Rest),
        ("I", LoadPaths),
        ("mM", LoadName),
        ("eE", Code),
    ],
    words: &[("-x", Nothing), ("-d", Nothing), ("-d:*", LoadRest), ("-dt:*", LoadRest)],
    ..Grammar::NONE
};

pub(super) const RUBY: Grammar = Grammar {
    letters: &[
        ("acdhlnpsUvwy", Nothing),
        ("0TW", Chars("01234567")),
        ("iF", Rest),
        ("E", Value),
        ("I", LoadPaths),
        ("r", LoadName),
        ("e", Code),
    ],
    words: &[
        ("-W:*", Nothing),
        ("-x", Nothing),
        ("-KU", Nothing),
        ("-Ku", Nothing),
        ("--disable", Value),
        ("--enable", Value),
        ("--encoding", Value),
        ("--external-encoding", Value),
        ("--internal-encoding", Value),
        ("--disable-*", Nothing),
        ("--enable-*", Nothing),
        ("--jit*", Nothing),
        ("--yjit*", Nothing),
        ("--rjit*", Nothing),
        ("--debug*", Nothing),
        ("--verbose", Nothing),
        ("--version", Nothing),
        ("--help", Nothing),
    ],
    ..Grammar::NONE
};

/// Those of node that load other code come first: they may be written with `_` for `-`.
pub(super) const NODE: Grammar = Grammar {
    words: &[
        ("-r", LoadName),
        ("--require", LoadName),
        ("--import", LoadName),
        ("--loader", LoadName),
        ("--experimental-loader", LoadName),
        ("--env-file", LoadPaths),
        ("--env-file-if-exists", LoadPaths),
        ("--openssl-config", LoadPaths),
        ("--snapshot-blob", LoadPaths),
        ("--experimental-config-file", LoadPaths),
        ("-e", Code),
        ("--eval", Code),
        ("-p", Code),
        ("--print", Code),
        ("-pe", Code),
        ("-C", Value),
        ("--conditions", Value),
        ("--input-type", Value),
        ("--title", Value),
        ("--icu-data-dir", Value),
        ("--inspect-port", Value),
        ("--debug-port", Value),
        ("--max-http-header-size", Value),
        ("--redirect-warnings", Value),
        ("--diagnostic-dir", Value),
        ("--disable-warning", Value),
        ("--unhandled-rejections", Value),
        ("--dns-result-order", Value),
        ("--experimental-default-type", Value),
        ("--watch-path", Value),
        ("-i", Nothing),
        ("-c", Nothing),
        ("-v", Nothing),
        ("-h", Nothing),
        ("--interactive", Nothing),
        ("--check", Nothing),
        ("--inspect", Nothing),
        ("--inspect-brk", Nothing),
        ("--inspect-wait", Nothing),
        ("--watch", Nothing),
        ("--enable-source-maps", Nothing),
        ("--preserve-symlinks", Nothing),
        ("--preserve-symlinks-main", Nothing),
        ("--pending-deprecation", Nothing),
        ("--throw-deprecation", Nothing),
        ("--trace-warnings", Nothing),
        ("--trace-deprecation", Nothing),
        ("--trace-uncaught", Nothing),
        ("--expose-gc", Nothing),
        ("--jitless", Nothing),
        ("--permission", Nothing),
        ("--use-openssl-ca", Nothing),
        ("--use-bundled-ca", Nothing),
        ("--use-system-ca", Nothing),
        ("--no-*", Nothing),
        ("--experimental-strip-types", Nothing),
        ("--experimental-vm-modules", Nothing),
        ("--experimental-modules", Nothing),
        ("--experimental-fetch", Nothing),
        ("--experimental-wasm-modules", Nothing),
        ("--version", Nothing),
        ("--help", Nothing),
        ("=", Nothing),
    ],
    ..Grammar::NONE
};

pub(super) const DENO_COMMANDS: [&str; 30] = [
    "add",
    "approve-scripts",
    "bench",
    "bundle",
    "cache",
    "check",
    "clean",
    "compile",
    "completions",
    "coverage",
    "doc",
    "eval",
    "fmt",
    "info",
    "init",
    "install",
    "jupyter",
    "lint",
    "lsp",
    "outdated",
    "publish",
    "remove",
    "repl",
    "task",
    "test",
    "types",
    "uninstall",
    "update",
    "upgrade",
    "vendor",
];

pub(super) const DENO: Grammar = Grammar {
    letters: &[("AqERWNS", Nothing), ("L", Value)],
    words: &[
        ("--preload", LoadName),
        ("--import", LoadName),
        ("--require", LoadName),
        ("--import-map", LoadName),
        ("--config", LoadPaths),
        ("-c", LoadPaths),
        ("--env-file", LoadPaths),
        ("--log-level", Value),
        ("--cert", Value),
        ("--location", Value),
        ("--seed", Value),
        ("--ext", Value),
        ("--allow-*", Nothing),
        ("--deny-*", Nothing),
        ("--no-*", Nothing),
        ("--unstable*", Nothing),
        ("--quiet", Nothing),
        ("--cached-only", Nothing),
        ("--watch", Nothing),
        ("--check", Nothing),
        ("--frozen", Nothing),
        ("--inspect", Nothing),
        ("--reload", Nothing),
        ("-R=*", Nothing),
        ("-W=*", Nothing),
        ("-N=*", Nothing),
        ("-E=*", Nothing),
        ("-S=*", Nothing),
        ("-r", Nothing),
        ("=", Nothing),
    ],
    ..Grammar::NONE
};

pub(super) const BUN_COMMANDS: [&str; 21] = [
    "test", "x", "repl", "exec", "install", "i", "add", "a", "remove", "rm", "update", "audit", "outdated",
    "link", "unlink", "publish", "patch", "pm", "build", "init", "create",
];

pub(super) const BUN: Grammar = Grammar {
    words: &[
        ("-r", LoadName),
        ("--preload", LoadName),
        ("--require", LoadName),
        ("--import", LoadName),
        ("-c", LoadPaths),
        ("--config", LoadPaths),
        ("--env-file", LoadPaths),
        ("-e", Code),
        ("--eval", Code),
        ("-p", Code),
        ("--print", Code),
        ("--port", Value),
        ("-b", Nothing),
        ("--bun", Nothing),
        ("--watch", Nothing),
        ("--hot", Nothing),
        ("--smol", Nothing),
        ("--silent", Nothing),
        ("--inspect", Nothing),
        ("--no-*", Nothing),
    ],
    ..Grammar::NONE
};

/// Of all shells: what only one of them knows makes it unknowable, where another reads it otherwise.
pub(super) const SHELL: Grammar = Grammar {
    letters: &[("aefhiklmnprtuvxBCDEHPVI", Nothing), ("oO", Next), ("s", StandardInput), ("c", Code)],
    words: &[
        ("--rcfile", LoadPaths),
        ("--init-file", LoadPaths),
        ("--norc", Nothing),
        ("--noprofile", Nothing),
        ("--noediting", Nothing),
        ("--posix", Nothing),
        ("--login", Nothing),
        ("--restricted", Nothing),
        ("--verbose", Nothing),
        ("--version", Nothing),
        ("--help", Nothing),
    ],
    plus: true,
    dash: End,
    ..Grammar::NONE
};

pub(super) const PHP: Grammar = Grammar {
    letters: &[
        ("aehilmnqsvwCH", Nothing),
        ("cz", LoadPaths),
        ("d", LoadName),
        ("f", File),
        ("t", Value),
        ("rBRE", Code),
    ],
    words: &[
        ("--php-ini", LoadPaths),
        ("--define", LoadName),
        ("--file", File),
        ("--run", Code),
        ("--no-php-ini", Nothing),
        ("--version", Nothing),
        ("--info", Nothing),
        ("--ini", Nothing),
    ],
    two_dashes: StandardInput,
    ..Grammar::NONE
};

pub(super) const LUA: Grammar = Grammar {
    letters: &[("ivEW", Nothing), ("l", LoadName), ("j", LoadName), ("O", Rest), ("e", Code)],
    ..Grammar::NONE
};

pub(super) const TCL: Grammar = Grammar { words: &[("-encoding", Value)], ..Grammar::NONE };

pub(super) const R: Grammar = Grammar {
    words: &[
        ("-f", File),
        ("--file", File),
        ("-e", Code),
        ("--args", End),
        ("-g", Value),
        ("--gui", Value),
        ("--encoding", Value),
        ("--default-packages", LoadName),
        ("-q", Nothing),
        ("-s", Nothing),
        ("--no-*", Nothing),
        ("--vanilla", Nothing),
        ("--slave", Nothing),
        ("--quiet", Nothing),
        ("--silent", Nothing),
        ("--verbose", Nothing),
        ("--interactive", Nothing),
        ("--save", Nothing),
        ("--restore*", Nothing),
        ("=", Nothing),
    ],
    ..Grammar::NONE
};
