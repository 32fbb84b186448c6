use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::NamedTempFile;

use crate::{Error, source_path};

/// Portolan's own database of countries and networks, as the checkout holds it: compressed.
pub const PACKED_PLACES: &str = "packaging/places/portolan-places.mmdb.xz";

/// The database, uncompressed, in a folder; made again when the checkout has a newer one.
///
/// # Errors
/// xz is missing, or the disk is full.
pub fn unpack_places(folder: &Path) -> Result<PathBuf, Error> {
    let (packed, file) = (source_path(PACKED_PLACES), folder.join("places.mmdb"));
    let changed = |path| fs::metadata(path).and_then(|metadata| metadata.modified());
    if let (Ok(packed), Ok(made)) = (changed(&packed), changed(&file))
        && packed < made
    {
        return Ok(file);
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source: io::Error| Error::File { action: "write", path, source }
    };
    // Several tests may do so at once, of one program or of several.
    let new = NamedTempFile::new_in(folder).map_err(failed(folder))?;
    let output = new.reopen().map_err(failed(folder))?;
    let mut xz = Command::new("xz");
    xz.args(["--decompress", "--stdout"]).arg(&packed);
    let status = xz.stdout(Stdio::from(output)).status();
    let status = status.map_err(|source| Error::Start { program: "xz".to_owned(), source })?;
    if !status.success() {
        let output = format!("{} could not be unpacked", packed.display());
        return Err(Error::Failed { program: "xz".to_owned(), status, output });
    }
    fs::set_permissions(new.path(), Permissions::from_mode(0o644)).map_err(failed(&file))?;
    new.persist(&file).map_err(|error| failed(&file)(error.error))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;
    use crate::Folder;

    #[test]
    fn two_threads_may_unpack_at_once() {
        let (folder, start) = (Folder::for_everybody().unwrap(), Barrier::new(2));
        let unpack = || {
            start.wait();
            fs::metadata(unpack_places(folder.path()).unwrap()).unwrap().len()
        };
        let sizes = thread::scope(|scope| {
            [scope.spawn(unpack), scope.spawn(unpack)].map(|thread| thread.join().unwrap())
        });
        assert!(sizes[0] > 1 << 20 && sizes[0] == sizes[1]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left there");
    }
}
