//! Many datagrams with one call: sendmmsg and recvmmsg.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd as _, RawFd},
    ptr,
    time::Duration,
};

use socket2::{Domain, SockAddr};

use crate::{
    moved::{Failure, Moved},
    udp,
    words::Words,
};

const PATIENCE: Duration = Duration::from_secs(5);
/// How many datagrams go into one call.
const BATCH: usize = 32;

/// `to= count= size= [answers= answer_size=]`: sends `count` datagrams in batches, of which each asks for `answers`, and
/// receives those in batches as well.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let to: SocketAddr = words.address("to")?;
    let (answers, answer_size) = (words.number_or("answers", 0)?, words.number_or("answer_size", 0)?);
    let data = udp::request(words.size("size")?, answers, answer_size);
    let socket = udp::socket(Domain::for_address(to))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let to = SockAddr::from(to);
    let mut left = words.size("count")?;
    while left > 0 {
        let mut buffers = vec![data.clone(); left.min(BATCH)];
        let sent = batch(socket.as_raw_fd(), &mut buffers, Some(&to))?;
        sent.iter().for_each(|length| moved.sent(*length));
        left -= sent.len();
        let mut waiting = sent.len() * usize::try_from(answers).unwrap_or_default();
        while waiting > 0 {
            let mut buffers = vec![vec![0; udp::LARGEST]; waiting.min(BATCH)];
            let received = batch(socket.as_raw_fd(), &mut buffers, None)?;
            received.iter().for_each(|length| moved.received(*length));
            waiting -= received.len();
        }
    }
    Ok(moved)
}

/// Sends the buffers to `to`, or fills them when there is none; the lengths of those that were.
fn batch(socket: RawFd, buffers: &mut [Vec<u8>], to: Option<&SockAddr>) -> io::Result<Vec<usize>> {
    let mut pieces: Vec<libc::iovec> = buffers
        .iter_mut()
        .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() })
        .collect();
    let mut headers: Vec<libc::mmsghdr> = pieces
        .iter_mut()
        .map(|piece| {
            // SAFETY: a header of zeroes is one without address, data and control messages.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_iov = ptr::from_mut(piece);
            header.msg_hdr.msg_iovlen = 1;
            if let Some(to) = to {
                header.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
                header.msg_hdr.msg_namelen = to.len();
            }
            header
        })
        .collect();
    let count = u32::try_from(headers.len()).map_err(io::Error::other)?;
    let done = if to.is_some() {
        // SAFETY: `count` headers point to buffers and an address that live until the end of this function; the kernel only
        // reads the address and the buffers.
        unsafe { libc::sendmmsg(socket, headers.as_mut_ptr(), count, 0) }
    } else {
        // SAFETY: `count` headers point to buffers of their lengths, which nobody else uses meanwhile; there is no timeout.
        unsafe { libc::recvmmsg(socket, headers.as_mut_ptr(), count, libc::MSG_WAITFORONE, ptr::null_mut()) }
    };
    let done = usize::try_from(done).map_err(|_| io::Error::last_os_error())?;
    headers
        .iter()
        .take(done)
        .map(|header| usize::try_from(header.msg_len).map_err(io::Error::other))
        .collect()
}
