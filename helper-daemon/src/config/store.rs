//! What `portolan config set` writes.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use portolan_config::{ConfigFiles, Key, Loaded, SET_FILE, Source, edited};

use super::ConfigError;

/// Beside the file, under a name that is not read as one.
const NEXT: &str = ".50-set.toml.next";

/// Sets a key, or takes it out for `None`, when all files together are valid with that.
pub(super) fn set(files: &ConfigFiles, key: &Key, value: Option<&str>) -> Result<Loaded, ConfigError> {
    let dir = files.drop_in_dir();
    let path = dir.join(SET_FILE);
    let mut sources = files.read()?;
    let (mains, drop_ins) =
        sources.split_at(sources.iter().take_while(|source| source.path == files.main).count());
    let place = mains.len() + drop_ins.partition_point(|source| source.path < path);
    let known = sources.get(place).filter(|source| source.path == path).map(|source| source.text.clone());
    let before = known.clone().unwrap_or_default();
    let text =
        edited(&before, key, value).map_err(|error| ConfigError::Value(format!("{}: {error}", key.name)))?;
    let source = Source { path: path.clone(), text: text.clone() };
    match (known, value) {
        // There is nothing to take out of a file that is not there.
        (None, None) => return Ok(portolan_config::read(&sources)?),
        (None, Some(_)) => sources.insert(place, source),
        (Some(_), _) => sources[place] = source,
    }
    let loaded = portolan_config::read(&sources)?;
    if text != before {
        write(&dir, &path, &text)
            .map_err(|source| ConfigError::Write { path: path.display().to_string(), source })?;
    }
    Ok(loaded)
}

/// The whole file or nothing of it, also after a power cut; readable by everybody.
fn write(dir: &Path, path: &Path, text: &str) -> io::Result<()> {
    match DirBuilder::new().mode(0o755).create(dir) {
        Ok(()) => fs::set_permissions(dir, Permissions::from_mode(0o755))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let next = dir.join(NEXT);
    // What an earlier one left, or what somebody put there to be written to.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&next)?;
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_beside_other_files_and_only_when_all_is_valid() {
        let dir = tempfile::tempdir().unwrap();
        let files = ConfigFiles { main: dir.path().join("portolan.toml") };
        let key = |name| portolan_config::key(name).unwrap();
        let set_file = files.drop_in_dir().join(SET_FILE);
        set(&files, key("recording.tick"), None).unwrap();
        assert!(!files.drop_in_dir().exists(), "nothing was to be taken out");
        let loaded = set(&files, key("recording.tick"), Some("2s")).unwrap();
        assert_eq!(loaded.config.recording.tick.as_secs(), 2);
        assert_eq!(fs::metadata(&set_file).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(files.drop_in_dir()).unwrap().count(), 1, "nothing is left beside it");
        let written = fs::read_to_string(&set_file).unwrap();
        for (name, value) in
            [("recording.tick", "1 h"), ("recording.ports", "../x"), ("exclusions.users", "[-1]")]
        {
            assert!(set(&files, key(name), Some(value)).is_err(), "{name}");
        }
        assert_eq!(fs::read_to_string(&set_file).unwrap(), written);
        // Before and after it in the order of names.
        fs::write(files.drop_in_dir().join("10.toml"), "[recording]\nports = false\nbucket = \"20 s\"\n")
            .unwrap();
        fs::write(files.drop_in_dir().join("60.toml"), "[recording]\ntick = \"3 s\"\n").unwrap();
        let loaded = set(&files, key("recording.ports"), Some("on")).unwrap();
        assert!(loaded.config.recording.ports && loaded.config.recording.tick.as_secs() == 3);
        assert_eq!(loaded.config, portolan_config::read(&files.read().unwrap()).unwrap().config);
        let loaded = set(&files, key("recording.ports"), None).unwrap();
        assert!(!loaded.config.recording.ports);
        fs::write(&files.main, "x = 1\n").unwrap();
        let refused = set(&files, key("recording.tick"), Some("4 s")).unwrap_err();
        assert!(refused.sentence().contains("portolan.toml:1:1"), "{refused}");
    }

    #[test]
    fn what_lies_in_the_way_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let files = ConfigFiles { main: dir.path().join("portolan.toml") };
        fs::create_dir(files.drop_in_dir()).unwrap();
        let other = dir.path().join("other");
        fs::write(&other, "kept").unwrap();
        std::os::unix::fs::symlink(&other, files.drop_in_dir().join(NEXT)).unwrap();
        std::os::unix::fs::symlink(&other, files.drop_in_dir().join("link")).unwrap();
        set(&files, portolan_config::key("recording.tick").unwrap(), Some("2 s")).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
    }
}
