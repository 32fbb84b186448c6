use std::{io, path::PathBuf};

/// Why the kernel cannot be watched at all.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// No type information of the running kernel.
    #[error(
        "this kernel has no type information (/sys/kernel/btf/vmlinux), which Portolan's kernel programs need. \
         Use a kernel built with CONFIG_DEBUG_INFO_BTF (every current distribution's is): {0}"
    )]
    NoTypeInformation(#[source] aya::BtfError),
    /// The object or its maps were refused.
    #[error(
        "the kernel refused Portolan's kernel programs; the daemon must run as root or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN: {0}"
    )]
    Load(#[source] Box<aya::EbpfError>),
    /// A part of the object is not there: a fault of the build.
    #[error("this build of portoland is broken: its kernel object has no “{0}”")]
    Missing(&'static str),
    /// A map could not be used.
    #[error("the kernel's table “{name}” cannot be used: {source}")]
    Map {
        /// Which.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<aya::maps::MapError>,
    },
    /// Another daemon keeps its programs in the same folder.
    #[error("another portoland keeps its kernel programs in {}. Stop that one first, or give this one another --pin-dir", dir.display())]
    PinsInUse {
        /// Which folder.
        dir: PathBuf,
    },
    /// A hook without which nothing can be attributed.
    #[error("the kernel offers no {hook}, without which no traffic can be attributed: {reason}")]
    Essential {
        /// Which.
        hook: &'static str,
        /// Why not.
        reason: String,
    },
    /// Reading what the programs wrote failed.
    #[error("cannot read {what} from the kernel: {source}")]
    Read {
        /// What was read.
        what: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// What was read is not of this build.
    #[error(transparent)]
    Decode(#[from] portolan_bpf::DecodeError),
}

pub(super) fn cannot_wait(source: io::Error) -> MonitorError {
    MonitorError::Read { what: "what there is to wait for", source }
}
