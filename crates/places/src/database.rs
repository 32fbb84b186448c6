//! One database file.

use std::{
    borrow::Cow,
    fs::File,
    io,
    net::IpAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use portolan_core::UnixMillis;
use rustix::fs::{Mode, OFlags, open};
use serde::Deserialize;

use crate::map::Bytes;

/// So many networks are looked at to find out whether a database has what is asked for.
const SAMPLE: usize = 10_000;

/// Why a database is not used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// There is none.
    #[error(
        "there is no database of places at {}: countries and networks are not known. Install Portolan's, or name another one as \
         `places` in the configuration",
        .0.display()
    )]
    Missing(PathBuf),
    /// It could not be read, or kept.
    #[error(
        "the database of places {} cannot be read: {source}. Mend the file or its permissions; Portolan's own folder needs room \
         for a copy", path.display()
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Not the format, or broken.
    #[error(
        "{} is no database of places, or it is broken: {source}. It must be a MaxMind DB file (.mmdb): get it again", path.display()
    )]
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: MaxMindDbError,
    },
    /// Another database of that format.
    #[error(
        "the database {} ({kind}) has neither countries nor networks as GeoLite2 has them. Use one that is called Country, City or ASN",
        path.display()
    )]
    OtherFields {
        /// Which.
        path: PathBuf,
        /// What it calls itself.
        kind: String,
    },
    /// Somebody writes it.
    #[error("the database of places {} changed while it was read; it will be read again", .0.display())]
    Changing(PathBuf),
}

/// Which file stands at a path, and in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp([i64; 4], [u64; 3]);

impl From<std::fs::Metadata> for Stamp {
    fn from(of: std::fs::Metadata) -> Self {
        Self([of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()], [of.dev(), of.ino(), of.len()])
    }
}

/// What the fields of GeoLite2's and DB-IP's databases say of an address; each has some of them.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Record<'a> {
    #[serde(borrow)]
    pub(crate) country: Option<Named<'a>>,
    pub(crate) city: Option<Named<'a>>,
    pub(crate) location: Option<Location>,
    #[serde(rename = "autonomous_system_number")]
    pub(crate) asn: Option<u32>,
    #[serde(rename = "autonomous_system_organization")]
    pub(crate) organization: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Named<'a> {
    #[serde(borrow)]
    pub(crate) iso_code: Option<&'a str>,
    pub(crate) names: Option<Names<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Names<'a> {
    #[serde(borrow)]
    pub(crate) en: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Location {
    pub(crate) latitude: Option<f64>,
    pub(crate) longitude: Option<f64>,
}

impl Record<'_> {
    fn says_something(&self) -> bool {
        self.asn.is_some() || self.country.as_ref().is_some_and(|country| country.iso_code.is_some())
    }
}

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    reader: Reader<Bytes>,
    bytes: Bytes,
}

impl Database {
    /// Copies, opens and tries a file, which may be anything.
    pub(crate) fn open(path: &Path, own_dir: &Path) -> Result<(Self, Stamp), PlacesError> {
        let read = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => PlacesError::Missing(path.into()),
            _ => PlacesError::Read { path: path.into(), source },
        };
        // Who opens a pipe would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(open(path, flags, Mode::empty()).map_err(|error| read(error.into()))?);
        let before = file.metadata().map_err(read)?;
        if !before.is_file() {
            return Err(read(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
        }
        let before = Stamp::from(before);
        let bytes = Bytes::copy_of(&file, own_dir)
            .map_err(|source| PlacesError::Read { path: path.into(), source })?;
        if Stamp::from(file.metadata().map_err(read)?) != before {
            return Err(PlacesError::Changing(path.into()));
        }
        let format = |source| PlacesError::Format { path: path.into(), source };
        let reader = Reader::from_source(bytes.clone()).map_err(format)?;
        let database = Self { reader, bytes };
        if !database.has_places().map_err(format)? {
            return Err(PlacesError::OtherFields { path: path.into(), kind: database.kind() });
        }
        database.rest();
        Ok((database, before))
    }

    /// Whether any of the first networks has a country or an AS.
    fn has_places(&self) -> Result<bool, MaxMindDbError> {
        let all = WithinOptions::default().include_networks_without_data();
        for network in self.reader.networks(all)?.take(SAMPLE) {
            if network?.decode::<Record>().ok().flatten().is_some_and(|record| record.says_something()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What it says of an address; nothing when what it says is broken.
    pub(crate) fn record(&self, address: IpAddr) -> Record<'_> {
        self.reader.lookup(address).and_then(|result| result.decode()).ok().flatten().unwrap_or_default()
    }

    /// Gives back the memory of what was looked at.
    pub(crate) fn rest(&self) {
        self.bytes.rest();
    }

    /// What it calls itself.
    pub(crate) fn kind(&self) -> String {
        clean(&self.reader.metadata().database_type).into_owned()
    }

    /// The date of its data, as it says.
    pub(crate) fn built(&self) -> UnixMillis {
        UnixMillis(i64::try_from(self.reader.metadata().build_epoch).unwrap_or(0).saturating_mul(1000))
    }
}

/// A text of the database, cut, without what a terminal would obey: operators of networks choose their names.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 200;
    if text.len() <= LONGEST && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let letters = text.chars().take(LONGEST);
    letters.map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}
