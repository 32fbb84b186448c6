//! Portolan's own database of countries and networks, as the checkout holds it: compressed.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::place::Place;

/// In the checkout.
pub(crate) const PACKED: &str = "packaging/places/portolan-places.mmdb.xz";

/// The database, uncompressed, in the build folder; made again when the checkout has a newer one.
///
/// # Errors
/// xz is missing, or the disk is full.
pub(crate) fn unpacked(place: &Place) -> anyhow::Result<PathBuf> {
    let (packed, file) = (place.file(PACKED), place.target.join("places.mmdb"));
    let changed = |path| fs::metadata(path).and_then(|metadata| metadata.modified());
    if let (Ok(packed), Ok(made)) = (changed(&packed), changed(&file))
        && packed < made
    {
        return Ok(file);
    }
    let new = file.with_extension("new");
    let out = File::create(&new).with_context(|| format!("cannot write {}", new.display()))?;
    let mut xz = Command::new("xz");
    xz.args(["--decompress", "--stdout"]).arg(&packed).stdout(Stdio::from(out));
    let status = xz.status().context("cannot start xz; is xz-utils installed?")?;
    if !status.success() {
        bail!("xz could not unpack {} ({status})", packed.display());
    }
    fs::rename(&new, &file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
