use std::{
    net::UdpSocket,
    os::fd::AsRawFd,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use io_uring::{IoUring, opcode, squeue::Flags, types::Fd};
use portolan_bpf::{Way, abi};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::{calls::write_of_32_bits, initial, listen};
use crate::unusual::connected;

const PAGE: usize = 4096;

#[test]
#[ignore = "needs root and eBPF"]
fn a_flood_is_heard_up_to_a_bound_and_the_rest_is_counted() {
    listen(|ear| {
        let server = UdpSocket::bind("127.0.0.1:53").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect("127.0.0.1:53").unwrap();
        let before = ear.lost();
        let mut buffer = vec![0; PAGE];
        let count = 5000;
        for _ in 0..count {
            server.send_to(&buffer, client.local_addr().unwrap()).unwrap();
            client.recv(&mut buffer).unwrap();
        }
        let after = ear.lost();
        let (without_room, too_often) = (after.0 - before.0, after.1 - before.1);
        let mut heard = 0;
        // Two thirds of a mebibyte or so at once, as the ring is read in parts that are as large as it.
        loop {
            match ear.heard().len() {
                0 => break,
                some => heard += some,
            }
        }
        assert!(without_room > 0, "the ring holds 1 MiB, and a thousand were more");
        let room = usize::try_from(abi::PORTOLAN_SAID_RING_BYTES).unwrap() / PAGE;
        assert!(heard > room / 2 && heard < room, "{heard}");
        assert_eq!(u64::try_from(heard).unwrap() + without_room + too_often, count);
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn a_socket_is_looked_at_so_often_between_two_readings() {
    listen(|ear| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        let looks = usize::try_from(abi::PORTOLAN_LOOKS_MAX).unwrap();
        for _ in 0..2 {
            for _ in 0..looks + 10 {
                client.send(&initial(1, 100)).unwrap();
            }
            assert_eq!(ear.heard().len(), looks);
            ear.read_cells();
        }
        // With a DNS server more often, both ways together.
        let server = UdpSocket::bind("127.0.0.1:53").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect("127.0.0.1:53").unwrap();
        let looks_at_dns = usize::try_from(abi::PORTOLAN_DNS_LOOKS_MAX).unwrap();
        let exchange = || {
            client.send(&[0, 7, 1, 0, 0, 1]).unwrap();
            server.send_to(b"answer", client.local_addr().unwrap()).unwrap();
            client.recv(&mut [0; 100]).unwrap();
        };
        let before = ear.lost();
        (0..looks_at_dns / 2 + 10).for_each(|_| exchange());
        assert_eq!(ear.heard().len(), looks_at_dns);
        assert_eq!(ear.lost(), (before.0, before.1 + 20));
        ear.read_cells();
        exchange();
        assert_eq!(ear.heard().len(), 2);
        let (mut client, _server) = connected();
        let before = ear.lost().1;
        for byte in b"GET / HTTP/1.1\r\nHost: a.test\r\n" {
            std::io::Write::write_all(&mut client, &[*byte]).unwrap();
        }
        assert_eq!((ear.heard().len(), ear.lost().1 - before), (looks, 1));
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn memory_that_comes_and_goes_does_no_harm() {
    listen(|ear| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: new memory, where nothing is.
        let page = unsafe { mmap_anonymous(ptr::null_mut(), PAGE, access, MapFlags::PRIVATE) }.unwrap();
        let address = page.addr();
        let (is_over, packet) = (AtomicBool::new(false), initial(7, 1200));
        let mut sent = 0;
        thread::scope(|scope| {
            scope.spawn(|| {
                let page = ptr::with_exposed_provenance_mut(address);
                while !is_over.load(Ordering::Relaxed) {
                    // SAFETY: the same memory, which nobody holds a reference to.
                    unsafe {
                        mmap_anonymous(page, PAGE, access, MapFlags::PRIVATE | MapFlags::FIXED).unwrap();
                        ptr::copy_nonoverlapping(packet.as_ptr(), page.cast(), packet.len());
                        munmap(page, PAGE).unwrap();
                    }
                }
            });
            for turn in 0..20_000 {
                // SAFETY: the kernel says EFAULT when nothing is there.
                let result = unsafe {
                    libc::send(
                        client.as_raw_fd(),
                        ptr::with_exposed_provenance(address),
                        packet.len(),
                        libc::MSG_DONTWAIT,
                    )
                };
                sent += usize::from(result > 0);
                if turn % 100 == 0 {
                    ear.read_cells();
                }
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let heard = ear.heard_as(Way::Sent);
        assert!(sent > 0 && heard.len() <= sent, "{} of {sent}", heard.len());
        for (_, bytes) in heard {
            assert!(bytes.len() == packet.len() && bytes.starts_with(&packet[..5]));
        }
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn what_io_uring_sends_is_not_heard() {
    listen(|ear| {
        let Ok(mut ring) = IoUring::new(4) else { return };
        let request = b"GET / HTTP/1.1\r\n";
        for flags in [Flags::empty(), Flags::ASYNC] {
            let (client, _server) = connected();
            let length = u32::try_from(request.len()).unwrap();
            let entry = opcode::Send::new(Fd(client.as_raw_fd()), request.as_ptr(), length).build();
            // SAFETY: the request lives longer than the ring.
            unsafe { ring.submission().push(&entry.flags(flags)) }.unwrap();
            ring.submit_and_wait(1).unwrap();
            assert_eq!(ring.completion().next().unwrap().result(), 16);
        }
        assert_eq!(ear.heard(), []);
    });
}

#[cfg(target_arch = "x86_64")]
#[test]
#[ignore = "needs root and eBPF"]
fn a_call_of_32_bits_is_not_heard() {
    listen(|ear| {
        let (mut client, _server) = connected();
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let low = MapFlags::PRIVATE | MapFlags::from_bits_retain(0x40); // MAP_32BIT
        // SAFETY: new memory, which is this test's alone.
        let memory = unsafe {
            let page = mmap_anonymous(ptr::null_mut(), PAGE, access, low).unwrap();
            std::slice::from_raw_parts_mut(page.cast::<u8>(), PAGE)
        };
        memory[..16].copy_from_slice(b"GET / HTTP/1.1\r\n");
        let written = write_of_32_bits(&client, &memory[..16]);
        if written == -libc::ENOSYS {
            return; // a kernel without
        }
        assert_eq!(written, 16);
        std::io::Write::write_all(&mut client, b"GET / HTTP/1.1\r\n").unwrap();
        assert_eq!(ear.heard(), []);
    });
}
