//! The few bpf(2) commands that aya does not offer: a link of an iterator over a map, an iterator's file, and reading a hash
//! table in batches.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use zerocopy::{Immutable, IntoBytes};

const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_ITER_CREATE: libc::c_int = 33;
const BPF_MAP_LOOKUP_BATCH: libc::c_int = 24;
const BPF_MAP_LOOKUP_AND_DELETE_BATCH: libc::c_int = 25;
const BPF_TRACE_ITER: u32 = 28;

/// `bpf_attr.link_create` for an iterator.
#[repr(C)]
#[derive(IntoBytes, Immutable)]
struct LinkCreate {
    program_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    iterator_info: u64,
    iterator_info_len: u32,
    reserved: u32,
}

/// `bpf_attr.iter_create`.
#[repr(C)]
#[derive(IntoBytes, Immutable)]
struct IterCreate {
    link_fd: u32,
    flags: u32,
}

/// `bpf_attr.batch`.
#[repr(C)]
#[derive(IntoBytes, Immutable)]
struct BatchAttributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    element_flags: u64,
    flags: u64,
}

/// Calls bpf(2); `attributes` are read and written by the kernel up to their size.
fn bpf<T: IntoBytes + Immutable>(command: libc::c_int, attributes: &mut T) -> io::Result<libc::c_long> {
    let size = size_of::<T>();
    // SAFETY: the kernel reads and writes at most `size` bytes at the pointer; pointers inside are the callers' affair.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn fd_number(fd: BorrowedFd<'_>) -> io::Result<u32> {
    u32::try_from(fd.as_raw_fd()).map_err(io::Error::other)
}

fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let fd = RawFd::try_from(result).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// What an iterator goes through.
#[derive(Debug, Clone, Copy)]
pub(super) enum Over<'a> {
    All,
    Map(BorrowedFd<'a>),
    /// What belongs to this process.
    Itself,
}

/// A link of an iterator program.
pub(super) fn create_iterator_link(program: BorrowedFd<'_>, over: Over<'_>) -> io::Result<OwnedFd> {
    // union bpf_iter_link_info: of a map its descriptor, of tasks the number of a thread and that of a process; 16 bytes hold every variant.
    let info = match over {
        Over::All => None,
        Over::Map(map) => Some([fd_number(map)?, 0, 0, 0]),
        Over::Itself => Some([0, std::process::id(), 0, 0]),
    };
    let mut attributes = LinkCreate {
        program_fd: fd_number(program)?,
        target_fd: 0,
        attach_type: BPF_TRACE_ITER,
        flags: 0,
        iterator_info: 0,
        iterator_info_len: 0,
        reserved: 0,
    };
    if let Some(info) = &info {
        attributes.iterator_info = address(info.as_ptr().cast());
        attributes.iterator_info_len = u32::try_from(size_of_val(info)).map_err(io::Error::other)?;
    }
    owned(bpf(BPF_LINK_CREATE, &mut attributes)?)
}

/// A file that runs the iterator once while it is read.
pub(super) fn open_iterator(link: BorrowedFd<'_>) -> io::Result<File> {
    let mut attributes = IterCreate { link_fd: fd_number(link)?, flags: 0 };
    owned(bpf(BPF_ITER_CREATE, &mut attributes)?).map(File::from)
}

/// Whether reading entries leaves them in the table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Batch {
    Read,
    Take,
}

/// Reads up to `room` entries of a hash table into the buffers.
///
/// Returns how many, and whether those were the last. `cursor` starts as zeros and is handed on.
pub(super) fn read_batch(
    map: BorrowedFd<'_>,
    batch: Batch,
    cursor: &mut Option<u64>,
    keys: &mut [u8],
    values: &mut [u8],
    room: u32,
) -> io::Result<(u32, bool)> {
    let mut next = 0_u64;
    let mut attributes = BatchAttributes {
        in_batch: cursor.as_ref().map_or(0, |cursor| address(std::ptr::from_ref(cursor).cast())),
        out_batch: address(std::ptr::from_mut(&mut next).cast_const().cast()),
        keys: address(keys.as_mut_ptr().cast_const()),
        values: address(values.as_mut_ptr().cast_const()),
        count: room,
        map_fd: fd_number(map)?,
        element_flags: 0,
        flags: 0,
    };
    let command = match batch {
        Batch::Read => BPF_MAP_LOOKUP_BATCH,
        Batch::Take => BPF_MAP_LOOKUP_AND_DELETE_BATCH,
    };
    let ended = match bpf(command, &mut attributes) {
        Ok(_) => false,
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
        Err(error) => return Err(error),
    };
    *cursor = Some(next);
    Ok((attributes.count, ended))
}

fn address(pointer: *const u8) -> u64 {
    // A pointer fits 64 bits on every architecture that Linux runs on.
    u64::try_from(pointer.addr()).unwrap_or_default()
}
