use std::{fs, path::Path};

use rustix::thread::{CapabilitySet, capabilities};

/// Why root may not load kernel programs here; `None` when nothing speaks against it. Loads nothing.
pub(crate) fn missing() -> Option<String> {
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Some("the kernel does not describe its types (no /sys/kernel/btf/vmlinux)".to_owned());
    }
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if lockdown.contains("[confidentiality]") {
        return Some("the kernel is locked down (confidentiality)".to_owned());
    }
    // Only the first user namespace maps all ids onto themselves; capabilities in any other do not count for bpf().
    let uid_map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if !uid_map.split_whitespace().eq(["0", "0", "4294967295"]) {
        return Some("this is a user namespace, whose root may not load kernel programs".to_owned());
    }
    // Without root there is nothing to look at: then the sudo that runs the test decides.
    let needed =
        CapabilitySet::BPF | CapabilitySet::PERFMON | CapabilitySet::NET_ADMIN | CapabilitySet::SYS_ADMIN;
    let held = capabilities(None).ok()?.effective;
    (rustix::process::geteuid().is_root() && !held.contains(needed))
        .then(|| format!("root lacks {:?} here (a container?)", needed - held))
}
