//! The options of what runs compiled programs: of virtual machines, dynamic linkers and emulators.

use super::options::{Grammar, Takes::*};

/// Class paths, agents and files with options make another program of the same class or jar.
pub(super) const JAVA: Grammar = Grammar {
    words: &[
        ("-cp", LoadPaths),
        ("-classpath", LoadPaths),
        ("--class-path", LoadPaths),
        ("-p", LoadPaths),
        ("--module-path", LoadPaths),
        ("--upgrade-module-path", LoadPaths),
        ("--patch-module", LoadName),
        ("-javaagent:*", LoadRest),
        ("-agentpath:*", LoadRest),
        ("-agentlib:*", LoadRest),
        ("-Xbootclasspath*", LoadRest),
        ("-Xrun*", LoadRest),
        ("-XX:SharedArchiveFile=*", LoadRest),
        ("-XX:AOTCache=*", LoadRest),
        ("-XX:Flags=*", LoadRest),
        ("-XX:VMOptionsFile=*", LoadRest),
        ("-Djava.class.path=*", LoadRest),
        ("-Djava.system.class.loader=*", LoadRest),
        ("-Djava.ext.dirs=*", LoadRest),
        ("-Djava.endorsed.dirs=*", LoadRest),
        ("-jar", ThenFile),
        ("-m", Module),
        ("--module", Module),
        ("--source", Value),
        ("--add-modules", Value),
        ("--add-exports", Value),
        ("--add-opens", Value),
        ("--add-reads", Value),
        ("--limit-modules", Value),
        ("--enable-native-access", Value),
        ("-X*", Nothing),
        ("-D*", Nothing),
        ("-ea*", Nothing),
        ("-da*", Nothing),
        ("-enableassertions*", Nothing),
        ("-disableassertions*", Nothing),
        ("-esa", Nothing),
        ("-dsa", Nothing),
        ("-server", Nothing),
        ("-client", Nothing),
        ("-verbose*", Nothing),
        ("-version", Nothing),
        ("-showversion", Nothing),
        ("-splash:*", Nothing),
        ("--show-version", Nothing),
        ("--version", Nothing),
        ("--enable-preview", Nothing),
        ("=", Nothing),
    ],
    ..Grammar::NONE
};

pub(super) const MONO: Grammar = Grammar {
    words: &[
        ("--config", LoadPaths),
        ("--assembly-loader", Value),
        ("--profile", LoadName),
        ("--aot-path", LoadName),
        ("--debug", Nothing),
        ("--server", Nothing),
        ("--llvm", Nothing),
        ("--desktop", Nothing),
        ("--verify-all", Nothing),
        ("--version", Nothing),
        ("-V", Nothing),
        ("-O=*", Nothing),
        ("=", Nothing),
    ],
    ..Grammar::NONE
};

pub(super) const DOTNET: Grammar = Grammar {
    words: &[
        ("--additionalprobingpath", LoadPaths),
        ("--additional-deps", LoadPaths),
        ("--depsfile", LoadPaths),
        ("--runtimeconfig", LoadPaths),
        ("--fx-version", Value),
        ("--roll-forward", Value),
        ("--roll-forward-on-no-candidate-fx", Value),
    ],
    ..Grammar::NONE
};

/// ld.so(8), and musl's.
pub(super) const LD_SO: Grammar = Grammar {
    words: &[
        ("--preload", LoadPaths),
        ("--audit", LoadPaths),
        ("--library-path", LoadPaths),
        ("--glibc-hwcaps-prepend", LoadName),
        ("--glibc-hwcaps-mask", Value),
        ("--inhibit-rpath", Value),
        ("--argv0", LoadName),
        ("--inhibit-cache", Nothing),
    ],
    ..Grammar::NONE
};

pub(super) const QEMU: Grammar = Grammar {
    words: &[
        ("-L", LoadPaths),
        ("-E", LoadName),
        ("-plugin", LoadName),
        ("-g", Value),
        ("-s", Value),
        ("-cpu", Value),
        ("-U", Value),
        ("-0", LoadName),
        ("-r", Value),
        ("-B", Value),
        ("-R", Value),
        ("-d", Value),
        ("-dfilter", Value),
        ("-D", Value),
        ("-p", Value),
        ("-seed", Value),
        ("-trace", Value),
        ("-singlestep", Nothing),
        ("-one-insn-per-tb", Nothing),
        ("-strace", Nothing),
    ],
    ..Grammar::NONE
};
