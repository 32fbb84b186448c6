//! The calls that no crate offers as they are made here.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd},
    ptr,
};

/// A message of a call: parts, and where it goes.
pub(super) struct Message<'a> {
    pub(super) parts: Vec<&'a mut [u8]>,
    pub(super) to: Option<SocketAddr>,
}

impl<'a> Message<'a> {
    pub(super) fn of(part: &'a mut [u8]) -> Self {
        Self { parts: vec![part], to: None }
    }
}

/// sendmmsg(2); how many were sent.
pub(super) fn send_all(socket: impl AsFd, messages: &mut [Message<'_>]) -> usize {
    with_headers(messages, |headers, count| {
        // SAFETY: there are `count` headers, which point to what lives longer.
        unsafe { libc::sendmmsg(socket.as_fd().as_raw_fd(), headers, count, 0) }
    })
}

/// recvmmsg(2) of what is there; how many were received.
pub(super) fn receive_all(socket: impl AsFd, messages: &mut [Message<'_>]) -> usize {
    with_headers(messages, |headers, count| {
        let (socket, now) = (socket.as_fd().as_raw_fd(), ptr::null_mut());
        // SAFETY: as above; the buffers are not shared.
        unsafe { libc::recvmmsg(socket, headers, count, libc::MSG_WAITFORONE, now) }
    })
}

fn with_headers(
    messages: &mut [Message<'_>],
    call: impl FnOnce(*mut libc::mmsghdr, libc::c_uint) -> libc::c_int,
) -> usize {
    let mut parts: Vec<Vec<libc::iovec>> = messages
        .iter_mut()
        .map(|message| {
            let parts = message.parts.iter_mut();
            parts
                .map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() })
                .collect()
        })
        .collect();
    let mut names: Vec<Option<libc::sockaddr_in>> =
        messages.iter().map(|message| message.to.map(name)).collect();
    let mut headers: Vec<libc::mmsghdr> = Vec::new();
    for (parts, name) in parts.iter_mut().zip(&mut names) {
        // SAFETY: a header of zeroes is one without anything.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_iov = parts.as_mut_ptr();
        header.msg_hdr.msg_iovlen = parts.len();
        if let Some(name) = name {
            header.msg_hdr.msg_name = ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = u32::try_from(size_of_val(name)).unwrap();
        }
        headers.push(header);
    }
    let done = call(headers.as_mut_ptr(), u32::try_from(headers.len()).unwrap());
    usize::try_from(done).map_err(|_| io::Error::last_os_error()).unwrap()
}

fn name(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(address) = address else { panic!("{address} is not of IPv4") };
    libc::sockaddr_in {
        sin_family: u16::try_from(libc::AF_INET).unwrap(),
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

/// write(2) as a program of 32 bits calls it. The buffer has to be in the first 4 GiB.
#[cfg(target_arch = "x86_64")]
pub(super) fn write_of_32_bits(socket: impl AsFd, buffer: &[u8]) -> i32 {
    let mut result: i32 = 4;
    // SAFETY: the kernel reads the buffer; rbx, which the compiler keeps for itself, is what it was.
    unsafe {
        std::arch::asm!(
            "push rbx", "mov ebx, edi", "int 0x80", "pop rbx",
            inout("eax") result, in("edi") socket.as_fd().as_raw_fd(), in("rcx") buffer.as_ptr(),
            in("rdx") buffer.len(), out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result
}
