use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map::Entry},
    env,
    ffi::{OsStr, OsString},
    fs::{self, Metadata},
    hash::Hash,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use gtk::glib::{self, KeyFile, KeyFileFlags};

/// A folder with more of them, or deeper ones, is none of ours.
const FILES_MAX: usize = 4096;
const DEPTH_MAX: usize = 3;
const FILE_MAX_BYTES: u64 = 512 * 1024;
const GROUP: &str = "Desktop Entry";

/// Where programs are that an entry names without a path.
const PROGRAMS: [&str; 8] = [
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/sbin",
    "/usr/local/games",
    "/usr/games",
    "/snap/bin",
];
/// Programs that run others: an entry that starts one speaks for another program.
const RUNNERS: [&str; 16] = [
    "bash",
    "dash",
    "dbus-launch",
    "exo-open",
    "flatpak",
    "gio",
    "gtk-launch",
    "java",
    "perl",
    "pkexec",
    "ruby",
    "sh",
    "snap",
    "sudo",
    "wine",
    "xdg-open",
];

/// Which icon belongs to which program, as desktop entries say. `None` is where they say different things.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// By the program's real path.
    programs: HashMap<PathBuf, Option<String>>,
    /// By its file name.
    names: HashMap<String, Option<String>>,
    /// By the entry's own name, which is an application's in Flatpak and Snap.
    ids: HashMap<String, Option<String>>,
    /// Who must own an entry, and a program that is known by its name only.
    owner: u32,
    /// Where such a program must be.
    homes: Vec<PathBuf>,
}

impl Entries {
    /// Those of all users. Blocks.
    pub(super) fn of_system() -> Self {
        let folders = env::var("XDG_DATA_DIRS").unwrap_or_default();
        let folders = if folders.is_empty() { "/usr/local/share:/usr/share" } else { &folders };
        let others = ["/var/lib/flatpak/exports/share", "/var/lib/snapd/desktop"];
        let folders = folders.split(':').chain(others).filter(|folder| folder.starts_with('/'));
        Self::read(
            folders.map(|folder| Path::new(folder).join("applications")),
            0,
            &["/usr", "/opt", "/snap"],
        )
    }

    /// Those of these folders that belong to `owner` and that nobody else can write.
    fn read(folders: impl Iterator<Item = PathBuf>, owner: u32, homes: &[&str]) -> Self {
        let homes = homes.iter().map(PathBuf::from).collect();
        let mut entries = Self { owner, homes, ..Self::default() };
        let mut waiting: Vec<(PathBuf, usize)> = folders.map(|folder| (folder, 0)).collect();
        let mut files = 0;
        while let Some((folder, depth)) = waiting.pop() {
            for file in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = file.path();
                if depth < DEPTH_MAX && file.file_type().is_ok_and(|kind| kind.is_dir()) {
                    waiting.push((path, depth + 1));
                } else if path.extension() == Some(OsStr::new("desktop")) && files < FILES_MAX {
                    files += 1;
                    entries.add(&path);
                }
            }
        }
        entries
    }

    /// The icon of an application: a name in a theme, or an absolute path. Blocks for a look at the program's file.
    pub(super) fn icon_of(&self, key: &str) -> Option<String> {
        let (kind, rest) = key.split_once(':')?;
        let second = || rest.split_once(':').map(|(_, second)| second);
        match kind {
            "flatpak" => known(&self.ids, rest),
            "snap" => known(&self.ids, &format!("{rest}_{rest}")),
            "path" => self.of_program(rest),
            "deb" | "rpm" | "pacman" | "script" => self.of_program(second()?),
            _ => None,
        }
    }

    fn of_program(&self, path: &str) -> Option<String> {
        let path = Path::new(path);
        if let Some(icon) = known(&self.programs, path) {
            return Some(icon);
        }
        // A wrapper is what many entries start. A name is as good as the folder that the program is in.
        let icon = known(&self.names, path.file_name()?.to_str()?)?;
        let is_at_home = self.homes.iter().any(|folder| path.starts_with(folder));
        (is_at_home && fs::symlink_metadata(path).is_ok_and(|file| self.trusts(&file))).then_some(icon)
    }

    fn trusts(&self, file: &Metadata) -> bool {
        file.is_file() && file.uid() == self.owner && file.mode() & 0o022 == 0
    }

    fn add(&mut self, path: &Path) -> Option<()> {
        let metadata = fs::metadata(path).ok()?;
        if !self.trusts(&metadata) || metadata.len() > FILE_MAX_BYTES {
            return None;
        }
        // glib panics on a text with a NUL in it.
        let text = fs::read_to_string(path).ok().filter(|text| !text.contains('\0'))?;
        let file = KeyFile::new();
        file.load_from_data(&text, KeyFileFlags::NONE).ok()?;
        let word = |key: &str| file.string(GROUP, key).ok().map(|word| word.to_string());
        let icon = word("Icon").filter(|icon| icon.starts_with('/') || !icon.contains('/'))?;
        put(&mut self.ids, path.file_stem()?.to_str()?.to_owned(), &icon);
        let program = started(&word("Exec")?)?;
        for path in [fs::canonicalize(&program).ok(), Some(program)].into_iter().flatten() {
            let name = path.file_name()?.to_str()?.to_owned();
            if is_runner(&name) {
                return None;
            }
            put(&mut self.names, name, &icon);
            put(&mut self.programs, path, &icon);
        }
        Some(())
    }
}

/// The program that a command line starts.
fn started(command: &str) -> Option<PathBuf> {
    let words = glib::shell_parse_argv(command).ok()?;
    let is_passed_over =
        |word: &&OsString| word.to_str().is_some_and(|word| word == "env" || word.contains('='));
    let program = PathBuf::from(words.iter().find(|word| !is_passed_over(word))?);
    if program.is_absolute() {
        return Some(program);
    }
    PROGRAMS.iter().map(|folder| Path::new(folder).join(&program)).find(|path| path.exists())
}

fn is_runner(name: &str) -> bool {
    RUNNERS.contains(&name) || name.starts_with("python")
}

fn known<Q, K>(icons: &HashMap<K, Option<String>>, key: &Q) -> Option<String>
where
    Q: Eq + Hash + ?Sized,
    K: Eq + Hash + Borrow<Q>,
{
    icons.get(key).cloned().flatten()
}

/// Where two entries say different things of a program, none of them counts.
fn put<K: Eq + Hash>(icons: &mut HashMap<K, Option<String>>, key: K, icon: &str) {
    match icons.entry(key) {
        Entry::Vacant(place) => _ = place.insert(Some(icon.to_owned())),
        Entry::Occupied(mut place) => {
            if place.get().as_deref() != Some(icon) {
                place.insert(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            for folder in ["applications", "bin", "lib"] {
                fs::create_dir(place.0.path().join(folder)).unwrap();
            }
            place
        }

        fn file(&self, name: &str, text: &str, mode: u32) -> String {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path.to_str().unwrap().to_owned()
        }

        fn entry(&self, name: &str, icon: &str, command: &str, mode: u32) {
            let text = format!("[Desktop Entry]\nType=Application\nName=x\nIcon={icon}\nExec={command}\n");
            self.file(&format!("applications/{name}.desktop"), &text, mode);
        }

        fn read(&self) -> Entries {
            let owner = fs::metadata(self.0.path()).unwrap().uid();
            let folders = [self.0.path().join("applications")].into_iter();
            Entries::read(folders, owner, &[self.0.path().to_str().unwrap()])
        }
    }

    #[test]
    fn an_entry_speaks_for_the_program_that_it_starts() {
        let place = Place::new();
        let real = place.file("lib/real", "", 0o755);
        let link = place.0.path().join("bin/link");
        symlink(&real, &link).unwrap();
        place.entry("one", "picture", &format!("env A=b \"{}\" %U", link.display()), 0o644);
        place.entry("org.example.App", "of-flatpak", "/usr/bin/flatpak run org.example.App", 0o644);
        place.entry("script", "of-script", "/usr/bin/python3 /x", 0o644);
        let entries = place.read();
        assert_eq!(entries.icon_of(&format!("path:{real}")).as_deref(), Some("picture"));
        assert_eq!(entries.icon_of(&format!("deb:x:{real}")).as_deref(), Some("picture"));
        assert_eq!(entries.icon_of("flatpak:org.example.App").as_deref(), Some("of-flatpak"));
        for other in ["path:/usr/bin/python3", "path:/usr/bin/flatpak", "memory:x", "deb:x", "", "path:"] {
            assert_eq!(entries.icon_of(other), None, "{other}");
        }
    }

    #[test]
    fn no_program_chooses_a_picture_for_itself() {
        let place = Place::new();
        let wrapper = place.file("bin/browser", "", 0o755);
        place.entry("browser", "picture", &wrapper, 0o644);
        let program = place.file("lib/browser", "", 0o755);
        assert_eq!(place.read().icon_of(&format!("path:{program}")).as_deref(), Some("picture"));
        // Where others can write, a name proves nothing, and neither does an entry.
        fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(place.read().icon_of(&format!("path:{program}")), None);
        assert_eq!(place.read().icon_of("path:/nowhere/browser"), None);
        place.entry("browser", "picture", &wrapper, 0o666);
        assert_eq!(place.read().icon_of(&format!("path:{wrapper}")), None);
    }

    #[test]
    fn nothing_is_said_where_two_entries_disagree_or_one_is_nonsense() {
        let place = Place::new();
        let program = place.file("bin/office", "", 0o755);
        place.entry("writer", "writer", &format!("{program} --writer"), 0o644);
        assert_eq!(place.read().icon_of(&format!("path:{program}")).as_deref(), Some("writer"));
        place.entry("other", "calc", &format!("{program} --calc"), 0o644);
        assert_eq!(place.read().icon_of(&format!("path:{program}")), None);
        let place = Place::new();
        place.entry("climbs", "../../etc/passwd", &program, 0o644);
        place.entry("open", "x", "\"/bin/x", 0o644);
        place.file("applications/none.desktop", "\u{0}[Desktop", 0o644);
        assert_eq!(place.read().icon_of(&format!("path:{program}")), None);
    }
}
