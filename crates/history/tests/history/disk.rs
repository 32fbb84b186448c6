//! Filesystems of a test's own, which can be filled, and lose their power.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A mounted filesystem. Dropping it unmounts it, which gives its loop device back.
pub(crate) struct Disk {
    place: PathBuf,
    image: Option<PathBuf>,
}

impl Disk {
    /// ext4 in a file.
    pub(crate) fn of_blocks(folder: &Path, megabytes: u64) -> Self {
        let image = folder.join("disk.image");
        fs::File::create(&image).unwrap().set_len(megabytes << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()]);
        let place = folder.join("disk");
        fs::create_dir_all(&place).unwrap();
        let disk = Self { place, image: Some(image) };
        disk.mount();
        disk
    }

    /// In memory.
    pub(crate) fn of_memory(folder: &Path, size: &str) -> Self {
        let place = folder.join("disk");
        fs::create_dir_all(&place).unwrap();
        let options = format!("size={size},mode=0700");
        run("mount", &["-t", "tmpfs", "-o", &options, "portolan-test", place.to_str().unwrap()]);
        Self { place, image: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place
    }

    pub(crate) fn remount(&self, option: &str) {
        run("mount", &["-o", &format!("remount,{option}"), self.place.to_str().unwrap()]);
    }

    /// Everything that it takes to cut the power at one moment.
    pub(crate) fn fuse(&self) -> Fuse {
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: no crate offers it without unsafe code.
        let shutdown = "my $how = pack('L', 2); open(my $d, '<', $ARGV[0]) or die $!; $| = 1; print \"ready\\n\"; \
                        <STDIN>; ioctl($d, 0x8004587d, $how) or die $!";
        let mut perl = Command::new("perl");
        let perl = perl.args(["-e", shutdown]).arg(&self.place);
        let mut perl = perl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(perl.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        Fuse(perl)
    }

    /// The filesystem finds what reached the disk. Nobody may have a file open on it.
    pub(crate) fn power_on(&self) {
        run("umount", &[self.place.to_str().unwrap()]);
        self.mount();
    }

    fn mount(&self) {
        let image = self.image.as_ref().unwrap();
        run("mount", &["-o", "loop", image.to_str().unwrap(), self.place.to_str().unwrap()]);
    }
}

/// Cuts the power of a disk.
pub(crate) struct Fuse(Child);

impl Fuse {
    /// From now on nothing reaches the disk, not even what the filesystem has in its journal; all who ask get an I/O error.
    ///
    /// What was on its way to the disk may or may not have arrived.
    pub(crate) fn blow(mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.place).status());
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
