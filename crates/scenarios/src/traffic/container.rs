//! 17: a program in a container, whose path is another file's on the host.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use rustix::mount::{UnmountFlags, unmount};

use crate::{Expected, Pace, Place, Scenario, Trial, address::PEER_V4, sha256};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 17,
    name: "container",
    special: "own pid, mount, net namespaces, overlayfs root: the path means another file",
    pace: Pace::Quick,
    run,
}];

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let to = format!("to={PEER_V4}:{}", peer.port("tcp"));
    // The overlay as Docker mounts it and as rootless Podman does, and the program in the image and in the container's layer.
    for (name, mounted, layer) in
        [("docker", "outside", "lower"), ("podman", "inside", "lower"), ("changed", "inside", "upper")]
    {
        contain(trial, name, mounted, layer, &to)?;
    }
    trial.end(peer)
}

fn contain(trial: &mut Trial<'_>, name: &str, mounted: &str, layer: &str, to: &str) -> anyhow::Result<()> {
    let runtime = trial.copy(&format!("{name}-runtime"))?;
    // What the container has under these two paths, the host has not: its files there are others.
    let (init, program) = (trial.copy(&format!("{name}-init"))?, trial.copy(&format!("{name}-program"))?);
    let image = Image::new(trial, name)?;
    image.add_libraries(&runtime)?;
    for (path, layer, parent) in [(&init, "lower", &runtime), (&program, layer, &init)] {
        let own =
            trial.copy(&format!("{name}-{layer}-of-{}", path.file_name().unwrap_or_default().display()))?;
        let inside = image.add(layer, &own, path)?;
        let sha256 = sha256(&inside)?;
        let parent = Some(parent.clone());
        trial.expect(Expected { sha256, parent, ..Expected::of(path) });
    }
    let cgroup = Cgroup::new(trial)?;
    let words = [
        format!("lower={}", image.folder("lower").display()),
        format!("upper={}", image.folder("upper").display()),
        format!("work={}", image.folder("work").display()),
        format!("root={}", image.folder("root").display()),
        format!("cgroup={}", cgroup.0.display()),
        format!("mounted={mounted}"),
        format!("init={}", init.display()),
        format!("program={}", program.display()),
        to.to_owned(),
        format!("up={}", trial.random(1..=3_000_000)),
        format!("down={}", trial.random(0..=2_000_000)),
    ];
    let words: Vec<&str> = std::iter::once("container").chain(words.iter().map(String::as_str)).collect();
    let running = trial.start(Place::Host, &runtime, &words)?;
    trial.finish(running)?;
    for path in [runtime, init] {
        trial.expected(&path)?.flows = Some(0);
    }
    Ok(())
}

/// The folders of an overlay: `lower`, `upper`, `work`, and `root` where it is mounted.
struct Image(PathBuf);

impl Image {
    fn new(trial: &Trial<'_>, name: &str) -> anyhow::Result<Self> {
        let image = Self(trial.folder().join(format!("{name}-image")));
        for folder in ["lower/usr/lib", "lower/usr/lib64", "lower/tmp", "upper", "work", "root"] {
            fs::create_dir_all(image.folder(folder)).context("cannot make a container's folders")?;
        }
        for folder in ["lib", "lib64"] {
            symlink(format!("usr/{folder}"), image.0.join("lower").join(folder))
                .context("cannot make a container's folders")?;
        }
        Ok(image)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Puts a file into a layer; where it is then, as the host sees it.
    fn add(&self, layer: &str, file: &Path, path: &Path) -> anyhow::Result<PathBuf> {
        let to = self.folder(layer).join(path.strip_prefix("/").unwrap_or(path));
        fs::create_dir_all(to.parent().unwrap_or(&to)).context("cannot make a container's folders")?;
        fs::copy(file, &to).with_context(|| format!("cannot make {}", to.display()))?;
        Ok(to)
    }

    /// Puts in what the dynamic linker needs to start a program of ours.
    fn add_libraries(&self, program: &Path) -> anyhow::Result<()> {
        let output = Command::new("ldd").arg(program).output().context("ldd could not be started")?;
        let listing = String::from_utf8_lossy(&output.stdout).into_owned();
        for library in listing.split_whitespace().filter(|word| word.starts_with('/')) {
            self.add("lower", Path::new(library), Path::new(library))?;
        }
        Ok(())
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // Mounted only when the container was of the kind that mounts outside; nothing else can be wrong here.
        let _ = unmount(self.folder("root"), UnmountFlags::DETACH);
    }
}

/// A cgroup with the name that Docker gives under systemd.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(trial: &mut Trial<'_>) -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read the list of mounts")?;
        let root = mounts.lines().find_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            after.starts_with("cgroup2 ").then(|| before.split(' ').nth(4))?
        });
        let root = root.context("no cgroup2 filesystem is mounted")?;
        let mut id = String::new();
        for _ in 0..4 {
            id.push_str(&format!("{:016x}", trial.random(0..=u64::MAX)));
        }
        let path = Path::new(root).join(format!("docker-{id}.scope"));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Its processes have ended with the runtime; the kernel may need a moment to notice.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
