use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

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
    // Tests of several programs may do so at once.
    let new = file.with_extension(process::id().to_string());
    let mut xz = Command::new("xz");
    xz.args(["--decompress", "--stdout"]).arg(&packed);
    let status = xz.stdout(Stdio::from(File::create(&new).map_err(failed(&new))?)).status();
    let status = status.map_err(|source| Error::Start { program: "xz".to_owned(), source })?;
    if !status.success() {
        let output = format!("{} could not be unpacked", packed.display());
        return Err(Error::Failed { program: "xz".to_owned(), status, output });
    }
    fs::rename(&new, &file).map_err(failed(&file))?;
    Ok(file)
}
