use std::{io, ptr};

use rustix::{
    mm::{MapFlags, ProtFlags, mmap, munmap},
    net::{SendFlags, send},
};
use socket2::Socket;

use crate::{moved::Failure, option};

const FRAME: u32 = 2048;
const BLOCK: u32 = 4096;
/// Where the frame begins in its slot: after the header, which is aligned to 16 bytes.
const OFFSET: usize = size_of::<libc::tpacket_hdr>().next_multiple_of(16);

/// Memory shared with the kernel, whose slots are used one after the other.
pub(super) struct Ring {
    next: u32,
    memory: *mut libc::c_void,
    size: usize,
}

impl Ring {
    pub(super) fn new(socket: &Socket) -> Result<Self, Failure> {
        let request = libc::tpacket_req {
            tp_block_size: BLOCK,
            tp_block_nr: 1,
            tp_frame_size: FRAME,
            tp_frame_nr: BLOCK / FRAME,
        };
        option::set(socket, libc::SOL_PACKET, libc::PACKET_TX_RING, request, "PACKET_TX_RING")?;
        let size = usize::try_from(BLOCK).map_err(io::Error::other)?;
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory of ours.
        let memory = unsafe {
            mmap(ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, socket, 0)
        }?;
        Ok(Self { next: 0, memory, size })
    }

    /// Puts a frame into the next slot and tells the kernel; what that call returned.
    pub(super) fn send(&mut self, socket: &Socket, frame: &[u8]) -> Result<usize, Failure> {
        let slot = self.free_slot()?;
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
        if frame.len() + OFFSET > usize::try_from(FRAME).map_err(io::Error::other)? {
            return Err(Failure::Usage("the frame is larger than a slot of the ring".to_owned()));
        }
        // SAFETY: the slot is ours until its status says that it is to be sent, holds FRAME bytes and is aligned to a page or
        // half of one; the frame fits behind the header.
        unsafe {
            ptr::copy_nonoverlapping(frame.as_ptr(), slot.cast::<u8>().add(OFFSET), frame.len());
            (*slot).tp_len = length;
            ptr::write_volatile(&raw mut (*slot).tp_status, libc::TP_STATUS_SEND_REQUEST.into());
        }
        // Without data, the call sends what is in the ring, and waits until it is sent.
        Ok(send(socket, &[], SendFlags::empty())?)
    }

    /// The slot that the kernel looks at next.
    fn free_slot(&mut self) -> Result<*mut libc::tpacket_hdr, Failure> {
        let at = usize::try_from(self.next * FRAME).map_err(io::Error::other)?;
        self.next = (self.next + 1) % (BLOCK / FRAME);
        // SAFETY: the slot begins inside of the mapping and is larger than its header.
        let slot: *mut libc::tpacket_hdr = unsafe { self.memory.cast::<u8>().add(at) }.cast();
        // SAFETY: the header is inside of the mapping; the kernel may write its status at any time.
        let status = unsafe { ptr::read_volatile(&raw const (*slot).tp_status) };
        if status == libc::TP_STATUS_AVAILABLE.into() {
            Ok(slot)
        } else {
            Err(Failure::Missing("the next slot of the ring is not free".to_owned()))
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that was made, and nobody has a pointer into it any more. When it fails, it stays until
        // the process ends.
        let _ = unsafe { munmap(self.memory, self.size) };
    }
}
