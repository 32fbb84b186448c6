//! What Debian's archive gives: the newest data, from sid, and the program that reads them, of this machine's own release.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};

use crate::tool;

/// Over a slow line.
const DOWNLOAD: Duration = Duration::from_secs(1800);
const UNPACK: Duration = Duration::from_secs(300);
/// Where the newest data are.
const SOURCE: &str =
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main\n";
/// The program. It is unpacked and not installed, because its package starts a timer that asks its makers for new data.
const PROGRAM: [&str; 3] = ["location", "python3-location", "libloc1"];

/// The data as they came.
pub(super) struct Data {
    pub(super) file: PathBuf,
    pub(super) version: String,
}

/// Fetches the newest data.
pub(super) fn data(dir: &Path) -> anyhow::Result<Data> {
    let apt_dir = dir.join("apt");
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt_dir.join(folder)).context("cannot make a folder for apt")?;
    }
    let list = apt_dir.join("sid.list");
    fs::write(&list, SOURCE).with_context(|| format!("cannot write {}", list.display()))?;
    // The machine's own lists and packages are not touched.
    let apt = |arguments: &[&str], in_dir: &Path| {
        let mut apt = Command::new("apt-get");
        for (option, path) in [
            ("Dir::Etc::sourcelist", &list),
            ("Dir::State::lists", &apt_dir.join("lists")),
            ("Dir::Cache", &apt_dir.join("cache")),
        ] {
            apt.arg("-o").arg(format!("{option}={}", path.display()));
        }
        apt.args(["-o", "Dir::Etc::sourceparts=-", "-qq"]).args(arguments).current_dir(in_dir);
        tool::output_of(apt, DOWNLOAD)
    };
    tool::say("Fetching the newest libloc-database from Debian …");
    apt(&["update"], dir)?;
    let (packed, unpacked) = (emptied(&dir.join("data"))?, emptied(&dir.join("data-unpacked"))?);
    apt(&["download", "libloc-database"], &packed)?;
    let deb = packages_in(&packed)?.pop().context("apt-get left no package of data")?;
    unpack(&deb, &unpacked)?;
    let mut version = Command::new("dpkg-deb");
    version.args(["--field"]).arg(&deb).arg("Version");
    let version = tool::output_of(version, UNPACK)?.trim().to_owned();
    Ok(Data { file: unpacked.join("usr/share/libloc-location/location.db"), version })
}

/// Writes all that is in `data` as text.
pub(super) fn dump(dir: &Path, data: &Path, to: &Path) -> anyhow::Result<()> {
    let (packed, unpacked) = (emptied(&dir.join("program"))?, emptied(&dir.join("program-unpacked"))?);
    let mut download = Command::new("apt-get");
    download.args(["download", "-qq"]).args(PROGRAM).current_dir(&packed);
    tool::output_of(download, DOWNLOAD)?;
    for deb in packages_in(&packed)? {
        unpack(&deb, &unpacked)?;
    }
    let libraries = entries(&unpacked.join("usr/lib"))?;
    let libraries = libraries.iter().find(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    let out = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut location = Command::new("python3");
    location.arg(unpacked.join("usr/bin/location")).arg("--database").arg(data).arg("dump");
    location.env("PYTHONPATH", unpacked.join("usr/lib/python3/dist-packages"));
    location.env("LD_LIBRARY_PATH", libraries.context("the package libloc1 has no library")?);
    let status = location.stdout(Stdio::from(out)).status().context("cannot start python3")?;
    if !status.success() {
        bail!("`location dump` could not read {} ({status})", data.display());
    }
    Ok(())
}

fn unpack(deb: &Path, to: &Path) -> anyhow::Result<()> {
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--extract").arg(deb).arg(to);
    tool::output_of(unpack, UNPACK).map(drop)
}

fn emptied(dir: &Path) -> anyhow::Result<PathBuf> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir.to_owned())
}

fn packages_in(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = entries(dir)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    Ok(files)
}

fn entries(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
}
