//! What an environment says of what is loaded, and of what a program is part of.

use std::sync::LazyLock;

use portolan_core::{Untrusted, code_variables};
use serde::{Deserialize, Serialize};

use crate::abi;

/// The variables that matter, as a program was given them. Whoever starts a program chooses them: they prove nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Environment {
    /// In their order. One may be there more than once: of two LD_PRELOAD or LD_LIBRARY_PATH, glibc's dynamic linker obeys the last
    /// one and musl's the first; glibc's obeys every LD_AUDIT.
    pub variables: Vec<(Variable, Value)>,
    /// Whether all of it was searched: what is not in `variables` is not there. Otherwise it was too long, or could not be read.
    pub is_complete: bool,
    /// Whether the exec gave privileges (AT_SECURE: set-uid, file capabilities): the dynamic linker then ignores the variables that
    /// change what is loaded.
    pub is_secure: bool,
}

/// A variable that changes what is loaded, or says what a program is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Variable {
    /// `LD_PRELOAD`: libraries that are loaded before all others.
    Preload,
    /// `LD_AUDIT`: libraries that watch what is loaded.
    Audit,
    /// `LD_LIBRARY_PATH`: folders where libraries are looked for first.
    LibraryPath,
    /// `APPIMAGE`: the AppImage's file.
    AppImage,
    /// `FLATPAK_ID`: the Flatpak's name.
    FlatpakId,
    /// `SNAP_NAME`: the Snap's name.
    SnapName,
    /// `container`: what runs the container.
    Container,
}

/// A variable's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Value {
    /// At most 256 bytes of it.
    pub text: Untrusted,
    /// Whether there were more.
    pub is_cut: bool,
}

impl Environment {
    /// The values of one variable, in their order.
    pub fn values(&self, variable: Variable) -> impl Iterator<Item = &Value> {
        self.variables.iter().filter(move |(other, _)| *other == variable).map(|(_, value)| value)
    }
}

impl Variable {
    /// All variables.
    pub const ALL: [Self; 7] = [
        Self::Preload,
        Self::Audit,
        Self::LibraryPath,
        Self::AppImage,
        Self::FlatpakId,
        Self::SnapName,
        Self::Container,
    ];

    /// Its name in an environment.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Preload => "LD_PRELOAD",
            Self::Audit => "LD_AUDIT",
            Self::LibraryPath => "LD_LIBRARY_PATH",
            Self::AppImage => "APPIMAGE",
            Self::FlatpakId => "FLATPAK_ID",
            Self::SnapName => "SNAP_NAME",
            Self::Container => "container",
        }
    }
}

/// Those variables that matter of an environment: strings that end with a NUL each.
#[must_use]
pub fn variables(strings: &[u8]) -> Vec<(Variable, Value)> {
    strings.split(|byte| *byte == 0).filter_map(variable).collect()
}

/// Those variables by which interpreters load other code ([`code_variables`]), each `NAME=VALUE`; of a longer one than is kept,
/// only `NAME`, or what is known of that.
#[must_use]
pub fn code_variables_in(strings: &[u8]) -> Vec<Vec<u8>> {
    let code = |string: &[u8]| {
        let begin = CODE_VARIABLES.iter().find(|begin| string.starts_with(begin))?;
        let is_cut = string.len() > begin.len() + value_max();
        let name = string.iter().position(|byte| *byte == b'=').map(|end| &string[..end]);
        match name {
            Some(name) if is_cut => Some(name.to_vec()),
            Some(_) => Some(string.to_vec()),
            None => is_cut.then(|| begin.clone()),
        }
    };
    strings.split(|byte| *byte == 0).filter_map(code).collect()
}

/// What tells the kernel programs which variables matter (c/environment.h): bytes for their tables `variables` and `variables_from`.
#[must_use]
pub fn variable_tables() -> [Vec<u8>; 2] {
    let names = names_that_matter();
    let text = |name: &[u8]| {
        let mut words = [0; NAME_BYTES];
        words[..name.len()].copy_from_slice(name);
        words
    };
    let rows = names.iter().flat_map(|name| {
        let mask = vec![0xff; name.len()];
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
        [&text(name)[..], &text(&mask), &length.to_ne_bytes()].concat()
    });
    let mut variables: Vec<u8> = rows.collect();
    variables.resize(size_of::<[abi::portolan_variable; VARIABLES_MAX]>(), 0);
    let before = |begin: u16| {
        let before = names.iter().filter(|name| name.first().is_some_and(|first| u16::from(*first) < begin));
        u8::try_from(before.count()).unwrap_or(u8::MAX)
    };
    [variables, (0..=256).map(before).collect()]
}

/// What variables that matter begin with: their names with the “=”, or what stands for many. Sorted; those that the tables have
/// room for, which a test says are all.
fn names_that_matter() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = Variable::ALL
        .into_iter()
        .map(|variable| begin_of(variable.name()))
        .chain(CODE_VARIABLES.clone())
        .collect();
    names.retain(|name| name.len() <= NAME_BYTES);
    names.sort();
    names.dedup();
    names.truncate(VARIABLES_MAX);
    names
}

static CODE_VARIABLES: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| code_variables().into_iter().map(begin_of).collect());

/// What a variable begins with: its name with the “=”, or what stands before a `*`.
fn begin_of(name: &str) -> Vec<u8> {
    name.strip_suffix('*').map_or_else(|| format!("{name}=").into_bytes(), |begin| begin.as_bytes().to_vec())
}

/// Of the longest name with its “=”.
const NAME_BYTES: usize = std::mem::offset_of!(abi::portolan_variable, mask);
const VARIABLES_MAX: usize = 64;
const _: () = assert!(abi::PORTOLAN_VARIABLES_MAX == 64, "VARIABLES_MAX is the same");

fn variable(string: &[u8]) -> Option<(Variable, Value)> {
    let max = value_max();
    Variable::ALL.into_iter().find_map(|variable| {
        let value = string.strip_prefix(variable.name().as_bytes())?.strip_prefix(b"=")?;
        let text = Untrusted::from_bytes(value.get(..max).unwrap_or(value));
        Some((variable, Value { text, is_cut: value.len() > max }))
    })
}

/// Bytes of a value that are kept.
fn value_max() -> usize {
    usize::try_from(abi::PORTOLAN_VALUE_MAX).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_environment_what_matters_is_kept_in_its_order_and_a_long_value_is_cut() {
        let whole = "x".repeat(value_max());
        let strings = format!(
            "LD_PRELOADED=1\0LD_PRELOAD=a\0PATH=/bin\0LD_PRELOAD=\0container={whole}\0SNAP_NAME={whole}y"
        );
        let value = |text: &str, is_cut| Value { text: text.into(), is_cut };
        let found = variables(strings.as_bytes());
        assert_eq!(
            found,
            [
                (Variable::Preload, value("a", false)),
                (Variable::Preload, value("", false)),
                (Variable::Container, value(&whole, false)),
                (Variable::SnapName, value(&whole, true)),
            ]
        );
        let environment = Environment { variables: found, ..Environment::default() };
        assert_eq!(environment.values(Variable::Preload).count(), 2);
        assert_eq!(environment.values(Variable::Audit).count(), 0);
    }

    #[test]
    fn of_what_makes_interpreters_load_other_code_a_long_value_is_not_told() {
        let (whole, longer) = ("x".repeat(value_max()), "x".repeat(value_max() + 1));
        let strings = format!(
            "PYTHONPATH=/a\0PYTHONPATHS=/b\0LD_PRELOAD=/c\0NODE_OPTIONS=\0PERL5LIB={whole}\0CLASSPATH={longer}\0RUBYLIB\0"
        );
        let perl = format!("PERL5LIB={whole}");
        let expected =
            ["PYTHONPATH=/a", "NODE_OPTIONS=", &perl, "CLASSPATH"].map(|text| text.as_bytes().to_vec());
        assert_eq!(code_variables_in(strings.as_bytes()), expected);
        // Whose name is known by its beginning, may have a longer one than is kept.
        let strings =
            format!("BASH_FUNC_a%%=() {{ b; }}\0BASH_FUNC_\0LUA_INIT_5_4={longer}\0BASH_FUNC_{longer}");
        let expected =
            ["BASH_FUNC_a%%=() { b; }", "LUA_INIT_5_4", "BASH_FUNC_"].map(|text| text.as_bytes().to_vec());
        assert_eq!(code_variables_in(strings.as_bytes()), expected);
    }

    #[test]
    fn the_tables_of_the_kernel_programs_have_room_for_all_names() {
        let names = names_that_matter();
        assert_eq!(names.len(), Variable::ALL.len() + code_variables().len());
        let [variables, from] = variable_tables();
        assert_eq!(variables.len(), size_of::<abi::portolan_variable>() * VARIABLES_MAX);
        assert_eq!(from.len(), 257);
        for begin in 0..=255_u8 {
            let of_it = usize::from(from[usize::from(begin)])..usize::from(from[usize::from(begin) + 1]);
            assert!(names[of_it.clone()].iter().all(|name| name[0] == begin));
            assert_eq!(of_it.len(), names.iter().filter(|name| name[0] == begin).count());
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_no_variables_are_no_trouble() {
        assert_eq!(variables(b""), []);
        assert_eq!(variables(b"\0\0=\0LD_AUDIT\0\xff\xfe"), []);
        assert_eq!(variables(b"LD_AUDIT=\xff")[0].1.text.as_raw(), "\\xff");
    }
}
