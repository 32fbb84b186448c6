//! 17: a program in a container that this one makes with the kernel's own means, as engines do.
//!
//! Three steps, because a pid namespace begins with the next child and a root can only be changed from inside: `container`
//! makes the namespaces, `container-enter` is their first process and changes the root, `container-init` is what the
//! container's image has as its first program.

use std::{
    ffi::CString,
    fs, io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use rustix::{
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount},
    process::{chdir, pivot_root},
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::{
    launch::Launched,
    moved::{Failure, Moved},
    words::Words,
};

/// `container lower= upper= work= root= cgroup= mounted=outside|inside init= program= to= up= down=`
///
/// `lower`, `upper` and `work` are the overlay's folders and `root` where it is mounted: in the machine's mount namespace, as
/// Docker does, or only in the container's, as rootless Podman does. `init` and `program` are paths in the container.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let cgroup = words.text("cgroup")?;
    if !cgroup.is_empty() {
        fs::write(Path::new(cgroup).join("cgroup.procs"), "0")?;
    }
    let outside = words.text("mounted")? == "outside";
    if outside {
        mount_overlay(words)?;
    }
    let namespaces = UnshareFlags::NEWPID
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWCGROUP
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWIPC;
    // SAFETY: the table of descriptors stays shared, and there is no other thread.
    unsafe { unshare_unsafe(namespaces) }.map_err(io::Error::from)?;
    // From here on nothing that is mounted reaches the machine's mount namespace.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(io::Error::from)?;
    if !outside {
        mount_overlay(words)?;
    }
    let mut inner = vec!["container-enter".to_owned()];
    for key in ["root", "init", "program", "to", "up", "down"] {
        inner.push(format!("{key}={}", words.text(key)?));
    }
    let itself = std::env::current_exe()?;
    let itself = itself.to_string_lossy();
    Launched::start(&itself, words.text("init")?, &inner, Stdio::null())?.finish()?;
    Ok(Moved::default())
}

fn mount_overlay(words: &Words) -> Result<(), Failure> {
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        words.text("lower")?,
        words.text("upper")?,
        words.text("work")?
    );
    let options = CString::new(options).map_err(io::Error::other)?;
    mount("overlay", words.text("root")?, "overlay", MountFlags::empty(), options.as_c_str())
        .map_err(|error| io::Error::other(format!("cannot mount the overlay: {error}")))?;
    Ok(())
}

/// The first process of the container's pid namespace: changes the root and becomes the image's first program.
pub(crate) fn enter(words: &Words) -> Result<Moved, Failure> {
    let step = |what: &str| {
        let what = what.to_owned();
        move |error: rustix::io::Errno| io::Error::other(format!("cannot {what}: {error}"))
    };
    chdir(words.text("root")?).map_err(step("enter the root"))?;
    fs::create_dir_all("old")?;
    fs::create_dir_all("proc")?;
    pivot_root(".", "old").map_err(step("change the root"))?;
    chdir("/").map_err(step("enter the new root"))?;
    mount("proc", "/proc", "proc", MountFlags::empty(), None).map_err(step("mount /proc"))?;
    unmount("/old", UnmountFlags::DETACH).map_err(step("leave the old root"))?;
    let mut inner = vec!["container-init".to_owned()];
    for key in ["program", "to", "up", "down"] {
        inner.push(format!("{key}={}", words.text(key)?));
    }
    Err(Command::new(words.text("init")?).args(inner).exec().into())
}

/// Starts the container's program and waits for it.
pub(crate) fn init(words: &Words) -> Result<Moved, Failure> {
    if std::process::id() != 1 {
        return Err(io::Error::other("the container has no pid namespace of its own").into());
    }
    let program = words.text("program")?;
    let mut inner = vec!["tcp".to_owned()];
    for key in ["to", "up", "down"] {
        inner.push(format!("{key}={}", words.text(key)?));
    }
    // There is no /dev in the image.
    Launched::start(program, program, &inner, Stdio::inherit())?.finish()?;
    Ok(Moved::default())
}
