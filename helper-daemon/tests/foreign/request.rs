//! A request as the recorder would make it, from /proc.

use std::{
    fs, io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use portolan_core::{ApplicationKey, Executable, MonotonicNs, Pid, ProcessKey, Sha256Digest, Uid, Untrusted};
use portoland::{
    clock::{Moment, Now},
    foreign::{Markers, Request},
};
use sha2::{Digest, Sha256};

/// For a process that runs now.
pub(crate) fn request(pid: u32) -> io::Result<Request> {
    let stat = fs::read(format!("/proc/{pid}/stat"))?;
    let end = stat.iter().rposition(|byte| *byte == b')').ok_or(io::ErrorKind::InvalidData)?;
    let ticks = stat[end + 2..].split(|byte| *byte == b' ').nth(19).ok_or(io::ErrorKind::InvalidData)?;
    let ticks: u64 = String::from_utf8_lossy(ticks).parse().map_err(io::Error::other)?;
    let mut path = fs::read_link(format!("/proc/{pid}/exe"))?.into_os_string().into_vec();
    if path.ends_with(b" (deleted)") {
        path.truncate(path.len() - 10);
    }
    let sha256 = Sha256Digest(Sha256::digest(fs::read(format!("/proc/{pid}/exe"))?).into());
    let environment = fs::read(format!("/proc/{pid}/environ"))?;
    let marker = |name: &str| {
        let start = format!("{name}=");
        let variables = environment.split(|byte| *byte == 0);
        variables
            .filter_map(|variable| variable.strip_prefix(start.as_bytes()))
            .next()
            .map(Untrusted::from_bytes)
    };
    let (started, now) = (MonotonicNs(ticks * 10_000_000), Now::read());
    let arguments = fs::read(format!("/proc/{pid}/cmdline"))?;
    let folder = fs::read_link(format!("/proc/{pid}/cwd"))?;
    let script = arguments.split(|byte| *byte == 0).nth(1).filter(|name| name.contains(&b'/'));
    let script = script.map(|name| folder.join(PathBuf::from(std::ffi::OsStr::from_bytes(name))));
    let executable = Executable { path: Untrusted::from_bytes(&path), sha256 };
    Ok(Request {
        application: ApplicationKey::of_path(&executable),
        process: ProcessKey { pid: Pid(pid), started, exec_generation: 0 },
        uid: Uid(std::os::unix::fs::MetadataExt::uid(&fs::metadata(format!("/proc/{pid}"))?)),
        executable,
        script: script.map(|script| Untrusted::from_bytes(script.as_os_str().as_bytes())),
        markers: Markers {
            preload: marker("LD_PRELOAD"),
            audit: marker("LD_AUDIT"),
            library_path: marker("LD_LIBRARY_PATH"),
        },
        executed: now.earlier(Moment { at: started, stamp: started }),
    })
}
