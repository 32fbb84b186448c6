//! A kernel to boot: from a package of the archive, a package file, or a folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail};

use crate::tool;

/// Unpacking 100 MB on a busy machine.
const UNPACK: Duration = Duration::from_secs(300);
/// Over a slow line.
const DOWNLOAD: Duration = Duration::from_secs(1800);
/// The kernel that is booted when none is named: Debian 12's, which has no tp_btf/sock_send_length.
const DEFAULT: &str = r"^linux-image-6\.1\.[0-9]+-[0-9]+-amd64$";

/// An unpacked kernel.
pub(super) struct Kernel {
    /// What `uname -r` will say.
    pub(super) release: String,
    pub(super) image: PathBuf,
    /// The folder with lib/modules/RELEASE.
    pub(super) root: PathBuf,
}

impl Kernel {
    /// The kernel that a word of the command line names: a folder, a .deb file, or a package of the archive.
    pub(super) fn find(word: &str, cache: &Path) -> anyhow::Result<Self> {
        let path = Path::new(word);
        if path.is_dir() {
            return Self::in_folder(path);
        }
        if path.is_file() {
            return Self::unpacked(path, cache);
        }
        if word.contains('/') {
            bail!(
                "there is no {word}; name a package of the archive, a .deb file, or a folder with a kernel and its modules"
            );
        }
        Self::of_archive(word, cache)
    }

    /// The newest package of Debian 12's own kernel.
    pub(super) fn default(cache: &Path) -> anyhow::Result<Self> {
        let mut query = Command::new("apt-cache");
        query.args(["search", "--names-only", DEFAULT]);
        let answer = tool::output_of(query, Duration::from_secs(60))?;
        let names = answer.lines().filter_map(|line| line.split(' ').next());
        let newest = names.max_by_key(|name| numbers(name));
        let newest = newest.context(
            "the archive has no linux-image-6.1.*-amd64, Debian 12's kernel. Run `apt-get update` if it is Debian's; else \
             name a kernel: a package, a .deb file, or a folder with a kernel and its modules",
        )?;
        Self::of_archive(newest, cache)
    }

    fn of_archive(package: &str, cache: &Path) -> anyhow::Result<Self> {
        let dir = cache.join("packages").join(package);
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let file = match deb_in(&dir)? {
            Some(file) => file,
            None => {
                tool::say(&format!("Fetching {package} from the archive …"));
                let mut download = Command::new("apt-get");
                download.args(["download", "-qq", package]).current_dir(&dir);
                tool::output_of(download, DOWNLOAD)
                    .with_context(|| format!("the archive does not give {package}"))?;
                deb_in(&dir)?.with_context(|| format!("apt-get left no package in {}", dir.display()))?
            }
        };
        Self::unpacked(&file, cache)
    }

    /// Unpacks a package once; its file name holds its version.
    fn unpacked(deb: &Path, cache: &Path) -> anyhow::Result<Self> {
        let name = deb.file_stem().context("a package file has a name")?;
        let root = cache.join("kernels").join(name);
        if !root.is_dir() {
            let half = root.with_extension("unpacking");
            if half.exists() {
                fs::remove_dir_all(&half).with_context(|| format!("cannot remove {}", half.display()))?;
            }
            fs::create_dir_all(&half).with_context(|| format!("cannot make {}", half.display()))?;
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("--extract").arg(deb).arg(&half);
            tool::output_of(unpack, UNPACK)?;
            fs::rename(&half, &root).with_context(|| format!("cannot make {}", root.display()))?;
        }
        Self::in_folder(&root)
    }

    fn in_folder(root: &Path) -> anyhow::Result<Self> {
        let modules = ["lib/modules", "usr/lib/modules"].map(|path| root.join(path));
        let modules = modules.iter().find(|path| path.is_dir());
        let modules = modules.with_context(|| format!("{} has no lib/modules", root.display()))?;
        let release = only_entry(modules)?;
        let images = [format!("boot/vmlinuz-{release}"), format!("vmlinuz-{release}"), "vmlinuz".to_owned()];
        let image = images.iter().map(|path| root.join(path)).find(|path| path.is_file());
        let image = image.with_context(|| {
            format!("{} has no kernel image: none of {}", root.display(), images.join(", "))
        })?;
        let root = modules.ancestors().nth(2).unwrap_or(root).to_owned();
        let kernel = Self { release, image, root };
        kernel.index_modules()?;
        Ok(kernel)
    }

    /// Packages leave it to the machine to write which module needs which.
    fn index_modules(&self) -> anyhow::Result<()> {
        if self.root.join("lib/modules").join(&self.release).join("modules.dep.bin").is_file() {
            return Ok(());
        }
        let mut index = Command::new(kmod("depmod"));
        index.arg("--basedir").arg(&self.root).arg(&self.release);
        tool::output_of(index, UNPACK).map(drop)
    }

    /// The files of modules and of those that they need, in the order in which they are loaded; built-in ones have none.
    pub(super) fn module_files(&self, names: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
        let mut ask = Command::new(kmod("modprobe"));
        ask.arg("--dirname").arg(&self.root).args(["--set-version", &self.release]);
        ask.args(["--show-depends", "--all"]).args(names);
        let answer = tool::output_of(ask, UNPACK).with_context(|| {
            format!("Linux {} has no modules to reach the host's files with", self.release)
        })?;
        let mut files = Vec::new();
        for line in answer.lines() {
            let file = line.strip_prefix("insmod ").map(|file| PathBuf::from(file.trim()));
            files.extend(file.filter(|file| !files.contains(file)));
        }
        Ok(files)
    }
}

/// A program of kmod, which is not in every user's PATH.
fn kmod(name: &str) -> PathBuf {
    portolan_testbed::find_program(name).unwrap_or_else(|| Path::new("/usr/sbin").join(name))
}

fn deb_in(dir: &Path) -> anyhow::Result<Option<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files = entries.filter_map(Result::ok).map(|entry| entry.path());
    Ok(files.find(|path| path.extension().is_some_and(|extension| extension == "deb")))
}

fn only_entry(dir: &Path) -> anyhow::Result<String> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut names =
        entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name),
        (Some(_), Some(_)) => {
            bail!("{} holds modules of several kernels; name a folder of one", dir.display())
        }
        _ => bail!("{} is empty", dir.display()),
    }
}

/// All numbers in a name, so that 6.1.0-100 is newer than 6.1.0-56.
fn numbers(name: &str) -> Vec<u64> {
    name.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_the_one_with_the_greatest_numbers() {
        let names =
            ["linux-image-6.1.0-56-amd64", "linux-image-6.1.0-100-amd64", "linux-image-6.1.0-9-amd64"];
        assert_eq!(names.into_iter().max_by_key(|name| numbers(name)), Some("linux-image-6.1.0-100-amd64"));
    }

    #[test]
    fn a_folder_without_a_kernel_is_refused_with_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |dir: &Path| Kernel::in_folder(dir).err().unwrap().to_string();
        assert!(refused(dir.path()).ends_with("has no lib/modules"));
        fs::create_dir_all(dir.path().join("lib/modules/6.1.0")).unwrap();
        assert!(refused(dir.path()).contains("has no kernel image: none of boot/vmlinuz-6.1.0"));
        fs::create_dir_all(dir.path().join("lib/modules/6.2.0")).unwrap();
        assert!(refused(dir.path()).contains("several kernels"));
    }
}
