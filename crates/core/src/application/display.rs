use super::{
    ApplicationKey,
    kind::{Kind, unescaped},
    stable,
};
use crate::Untrusted;

impl ApplicationKey {
    /// A short name for people: firefox, x.py (python3), wget (busybox). Says nothing of who it is: programs choose their names.
    #[must_use]
    pub fn display_name(&self) -> Untrusted {
        let text = self.0.as_raw();
        let Some((kind, rest)) =
            text.split_once(':').and_then(|(word, rest)| Some((Kind::from_word(word)?, rest)))
        else {
            return self.0.clone();
        };
        match kind {
            Kind::Flatpak | Kind::Snap => rest.to_owned(),
            Kind::AppImage | Kind::Path => file_name(rest).to_owned(),
            Kind::Imported => format!("{} (imported)", file_name(rest)),
            Kind::Memory => format!("{rest} (in memory)"),
            Kind::Deb | Kind::Rpm | Kind::Pacman => file_name(second(rest)).to_owned(),
            Kind::Script => run_by(rest),
            Kind::Elsewhere if rest.contains(':') => run_by(rest),
            Kind::Elsewhere => file_name(&unescaped(rest)).to_owned(),
            Kind::Container => {
                let (image, what) = rest.split_once(':').unwrap_or((rest, ""));
                let image = unescaped(image);
                let name = what_runs(what).unwrap_or_else(|| "unknown script".to_owned());
                format!("{name} (in {})", file_name(&image))
            }
        }
        .into()
    }

    /// Whether it is an application by this path: that of its program, its script or its AppImage, in any version. Not by that
    /// of an interpreter which runs something, nor by one that the machine does not know.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        let Some((word, rest)) = self.0.as_raw().split_once(':') else { return false };
        match Kind::from_word(word) {
            Some(Kind::Path) => rest == stable::path(path),
            Some(Kind::AppImage) => rest == stable::app_image(path),
            Some(Kind::Deb | Kind::Rpm | Kind::Pacman) => second(rest) == stable::path(path),
            Some(Kind::Script) => code(second(rest)) == stable::path(path),
            _ => false,
        }
    }
}

/// `INTERPRETER:WHAT`.
fn run_by(rest: &str) -> String {
    let (interpreter, what) = rest.split_once(':').unwrap_or((rest, "?"));
    let interpreter = unescaped(interpreter);
    let interpreter = file_name(&interpreter);
    match what_runs(what) {
        Some(name) if name.starts_with('-') => format!("{interpreter} {name}"),
        Some(name) => format!("{name} ({interpreter})"),
        None => format!("{interpreter} (unknown script)"),
    }
}

/// What an interpreter runs, without what it loads besides.
fn code(what: &str) -> &str {
    let mut rest = what;
    while let Some((word, behind)) = rest.split_once(' ') {
        if word.starts_with('/') || !word.contains('=') {
            break;
        }
        rest = behind;
    }
    rest
}

/// The name of that; `None` when it is not known.
fn what_runs(what: &str) -> Option<String> {
    match code(what) {
        "?" => None,
        path if path.starts_with('/') => Some(file_name(path).to_owned()),
        other => Some(other.to_owned()),
    }
}

fn second(rest: &str) -> &str {
    rest.split_once(':').map_or(rest, |(_, second)| second)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)
}
