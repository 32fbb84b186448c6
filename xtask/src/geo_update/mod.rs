//! `cargo xtask geo-update`: Portolan's own database of countries and networks, from the newest data of Debian's archive.

mod archive;
mod dump;

use std::{
    fs::{self, File},
    io::BufReader,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use portolan_places::{ATTRIBUTION, Places};
use portolan_testbed::PACKED_PLACES;

use crate::{packages, place::Place, tool};

/// Where the database is from, for people who read the packaging.
const ORIGIN: &str = "packaging/places/ORIGIN";
/// What must be there, or something went wrong: no network of the world moves that far in a release.
const LANDMARKS: [(&str, u32); 4] =
    [("8.8.8.8", 15169), ("1.1.1.1", 13335), ("2001:4860:4860::8888", 15169), ("193.0.6.139", 3333)];

/// Fetches the data, makes a database of them, compares it with what everybody knows, and puts it into the checkout.
pub(crate) fn update(place: &Place, yes: bool) -> anyhow::Result<()> {
    packages::install(&[packages::PLACES], yes)?;
    let dir = place.target.join("geo-update");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let data = archive::data(&dir)?;
    let dump = dir.join("dump.txt");
    archive::dump(&dir, &data.file, &dump)?;
    let text = File::open(&dump).with_context(|| format!("cannot read {}", dump.display()))?;
    let made = dump::database(BufReader::new(text))?;
    let file = dir.join("portolan-places.mmdb");
    fs::write(&file, &made.database).with_context(|| format!("cannot write {}", file.display()))?;
    check(&file, &dir)?;
    let size = pack(&file, &place.file(PACKED_PLACES))?;
    let date = made.date.strftime("%Y-%m-%d");
    let origin = format!(
        "portolan-places.mmdb\n\n{ATTRIBUTION}.\n\nMade by `cargo xtask geo-update` from Debian's package libloc-database \
         {}, data of {date}.\nThe licence is in LICENSE beside this file. It is that of the data alone, not of Portolan.\n",
        data.version
    );
    fs::write(place.file(ORIGIN), origin).with_context(|| format!("cannot write {ORIGIN}"))?;
    tool::say(&format!(
        "{PACKED_PLACES}: {} networks, data of {date}, {} bytes, {size} compressed. Commit it with {ORIGIN}.",
        made.networks,
        made.database.len(),
    ));
    Ok(())
}

fn check(file: &Path, dir: &Path) -> anyhow::Result<()> {
    let places = Places::open(&[file], dir)?;
    for (address, asn) in LANDMARKS {
        let place = places.place_of(address.parse()?);
        if place.network.as_ref().is_none_or(|network| network.asn != asn) || place.country.is_none() {
            bail!("{address} should be in AS{asn}, and have a country; the new database says {place:?}");
        }
    }
    Ok(())
}

/// Compresses; how large it is then.
fn pack(file: &Path, packed: &Path) -> anyhow::Result<u64> {
    let new = packed.with_extension("new");
    let out = File::create(&new).with_context(|| format!("cannot write {}", new.display()))?;
    let mut xz = Command::new("xz");
    // Records are not aligned, so the bits of a position say nothing.
    xz.args(["--compress", "--stdout", "--lzma2=preset=9e,pb=0,lc=4"]).arg(file).stdout(Stdio::from(out));
    let status = xz.status().context("cannot start xz")?;
    if !status.success() {
        bail!("xz could not compress {} ({status})", file.display());
    }
    fs::rename(&new, packed).with_context(|| format!("cannot write {}", packed.display()))?;
    Ok(fs::metadata(packed)?.len())
}
