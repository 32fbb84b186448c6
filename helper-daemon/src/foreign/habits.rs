//! Which programs normally have executable memory that no file is behind.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use portolan_core::Sha256Digest;

/// Looks at a program without such memory after which it normally has none.
const LOOKS: u8 = 5;
/// Programs that are remembered; all are forgotten, and learned again, when there are more.
const PROGRAMS_MAX: usize = 16_384;

/// Libraries that make code while they run: whoever maps one may have such memory at any time.
const MAKERS: [&str; 33] = [
    "libjvm.",
    "libj9jit",
    "libv8",
    "libnode.",
    "libmozjs",
    "libxul.",
    "libjavascriptcoregtk",
    "libJavaScriptCore",
    "libwebkit",
    "libQt5Qml",
    "libQt6Qml",
    "libQt5Script",
    "libQt5WebEngineCore",
    "libQt6WebEngineCore",
    "libcef.",
    "libLLVM",
    "libgallium",
    "libGLX_nvidia",
    "libnvidia-",
    "libpcre.",
    "libpcre2-",
    "libpcre16",
    "libffi.",
    "liborc-",
    "libluajit",
    "libmono",
    "libcoreclr.",
    "libclrjit.",
    "libpypy",
    "libjulia",
    "libwasmtime",
    "libgccjit.",
    "ntdll.",
];

/// What was learned, by content of the executable.
#[derive(Debug, Default)]
pub(super) struct Habits(HashMap<Sha256Digest, Habit>);

#[derive(Debug, Clone, Copy)]
enum Habit {
    /// It had none in so many looks.
    Without(u8),
    /// It had some before that was sure.
    With,
}

impl Habits {
    /// Learns from a look at a process. True when it has executable memory, and its program normally has none.
    pub(super) fn is_unusual(&mut self, program: Sha256Digest, has_anonymous: bool) -> bool {
        if self.0.len() >= PROGRAMS_MAX && !self.0.contains_key(&program) {
            self.0.clear();
        }
        let habit = self.0.entry(program).or_insert(Habit::Without(0));
        match (&habit, has_anonymous) {
            (Habit::Without(LOOKS..), true) => return true,
            (Habit::Without(_), true) => *habit = Habit::With,
            (Habit::Without(looks), false) => *habit = Habit::Without(looks.saturating_add(1)),
            (Habit::With, _) => {}
        }
        false
    }
}

/// Whether one of these is a library that makes code.
pub(super) fn makes_code<'a>(mut libraries: impl Iterator<Item = &'a PathBuf>) -> bool {
    libraries.any(|path| {
        let name = path.file_name().and_then(|name| Path::new(name).to_str()).unwrap_or_default();
        MAKERS.iter().any(|maker| name.starts_with(maker))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_never_had_is_unusual_once_that_is_sure() {
        let mut habits = Habits::default();
        let (quiet, maker) = (Sha256Digest([1; 32]), Sha256Digest([2; 32]));
        for _ in 0..LOOKS {
            assert!(!habits.is_unusual(quiet, false));
        }
        assert!(habits.is_unusual(quiet, true));
        assert!(habits.is_unusual(quiet, true), "in the next process too");
        assert!(!habits.is_unusual(maker, false));
        assert!(!habits.is_unusual(maker, true), "it was not known yet");
        for _ in 0..2 * LOOKS {
            assert!(!habits.is_unusual(maker, false));
        }
        assert!(!habits.is_unusual(maker, true), "it had some before");
    }

    #[test]
    fn whoever_maps_an_engine_makes_code() {
        assert!(makes_code([PathBuf::from("/usr/lib/jvm/lib/server/libjvm.so")].iter()));
        assert!(!makes_code(
            [PathBuf::from("/usr/lib/libjvmx.so"), PathBuf::from("/libjvm./libc.so")].iter()
        ));
    }
}
