use std::{io, os::fd::AsRawFd as _, ptr};

use socket2::Socket;

use crate::moved::Failure;

/// Sets a socket option that is a structure of C, for which the crates that we use have no function.
pub(crate) fn set<T: Copy>(
    socket: &Socket,
    level: libc::c_int,
    name: libc::c_int,
    value: T,
    what: &str,
) -> Result<(), Failure> {
    let size = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the kernel reads `size` bytes at the pointer, which is to a value of that size.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, ptr::from_ref(&value).cast(), size) };
    if result == 0 { Ok(()) } else { Err(Failure::of_feature(what, io::Error::last_os_error())) }
}
