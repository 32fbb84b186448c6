use std::borrow::Cow;

/// The word before the first colon of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Flatpak,
    Snap,
    AppImage,
    Container,
    Deb,
    Rpm,
    Pacman,
    Script,
    Path,
    Elsewhere,
    Memory,
    Imported,
}

/// What stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A name, to the end.
    Name,
    /// A path, to the end.
    Path,
    /// Two parts with a colon between them.
    Two { first_is_path: bool, second_is_path: bool },
    /// A path and maybe, behind a colon, what runs there.
    PathAndMore,
}

/// What a person may write for an application.
pub(super) const EXPECTED: &str = "a path such as /usr/bin/curl, or a key as `portolan applications` shows it, such as \
                                   deb:curl:/usr/bin/curl, script:/usr/bin/python3:/home/me/x.py or flatpak:org.mozilla.firefox";

impl Kind {
    const ALL: [Self; 12] = [
        Self::Flatpak,
        Self::Snap,
        Self::AppImage,
        Self::Container,
        Self::Deb,
        Self::Rpm,
        Self::Pacman,
        Self::Script,
        Self::Path,
        Self::Elsewhere,
        Self::Memory,
        Self::Imported,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Flatpak => "flatpak",
            Self::Snap => "snap",
            Self::AppImage => "appimage",
            Self::Container => "container",
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Pacman => "pacman",
            Self::Script => "script",
            Self::Path => "path",
            Self::Elsewhere => "elsewhere",
            Self::Memory => "memory",
            Self::Imported => "imported",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    pub(super) fn shape(self) -> Shape {
        match self {
            // Stored paths of kind `path` are taken as they are.
            Self::Flatpak | Self::Snap | Self::Memory | Self::Path => Shape::Name,
            Self::AppImage | Self::Imported => Shape::Path,
            Self::Container => Shape::Two { first_is_path: false, second_is_path: false },
            Self::Deb | Self::Rpm | Self::Pacman => Shape::Two { first_is_path: false, second_is_path: true },
            Self::Script => Shape::Two { first_is_path: true, second_is_path: false },
            Self::Elsewhere => Shape::PathAndMore,
        }
    }

    /// What a key of this kind is called when it does not parse.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Flatpak => "Flatpak application",
            Self::Snap => "snap",
            Self::AppImage => "AppImage",
            Self::Container => "program of a container",
            Self::Deb | Self::Rpm | Self::Pacman => "program of a package",
            Self::Script => "script",
            Self::Path => "path of a program",
            Self::Elsewhere => "program that has its path in other mounts",
            Self::Memory => "program in memory",
            Self::Imported => "program that another recorder saw",
        }
    }

    /// What would have been understood.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Flatpak => "flatpak:ID, such as flatpak:org.mozilla.firefox",
            Self::Snap => "snap:NAME, such as snap:firefox",
            Self::AppImage => "appimage:PATH, such as appimage:/home/me/Krita.AppImage",
            Self::Container => {
                "container:IMAGE:PATH, such as container:nginx:/usr/sbin/nginx; in IMAGE, “:” is written %3a and “%” %25"
            }
            Self::Deb => "deb:PACKAGE:PATH, such as deb:curl:/usr/bin/curl",
            Self::Rpm => "rpm:PACKAGE:PATH, such as rpm:curl:/usr/bin/curl",
            Self::Pacman => "pacman:PACKAGE:PATH, such as pacman:curl:/usr/bin/curl",
            Self::Script => {
                "script:INTERPRETER:SCRIPT, such as script:/usr/bin/python3:/home/me/x.py; in INTERPRETER, “:” is written %3a and \
                 “%” %25"
            }
            Self::Path => "path:PATH, such as path:/usr/local/bin/curl",
            Self::Elsewhere => {
                "elsewhere:PATH or elsewhere:INTERPRETER:SCRIPT; in the first, “:” is written %3a and “%” %25"
            }
            Self::Memory => "memory:NAME",
            Self::Imported => "imported:PATH, such as imported:/usr/bin/curl",
        }
    }
}

/// A part without a colon.
pub(super) fn escaped(part: &str) -> String {
    part.replace('%', "%25").replace(':', "%3a")
}

/// What [`escaped`] made this of.
pub(super) fn unescaped(part: &str) -> Cow<'_, str> {
    if part.contains('%') { part.replace("%3a", ":").replace("%25", "%").into() } else { part.into() }
}

/// Whether [`escaped`] gives such a part.
pub(super) fn is_escaped(part: &str) -> bool {
    part.split('%').skip(1).all(|behind| behind.starts_with("25") || behind.starts_with("3a"))
}
