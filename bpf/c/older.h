/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What stands in for hooks that older kernels do not have. Each program is loaded only when the hook that it replaces could not
 * be attached (monitor/places.rs has the table), and calls the same code.
 *
 * fentry, fexit: since Linux 5.5 (x86), 6.0 (arm64); they need BTF, and a kernel that lets its functions be traced.
 * Bytes, before Linux 6.3 (no sock_send_length): fexit on the functions that every socket call of a family goes through.
 * Not sock_sendmsg: sendmmsg() goes past it. Not tcp_sendmsg, udp_sendmsg …: as many as there are protocols.
 * Peers, where the cgroup hooks may not use task storage (Linux 6.12 refuses it, 6.18 does not): fentry and fexit on UDP's own functions. Not a hash
 * keyed by thread in the cgroup hooks: somebody would have to end its entries.
 * A program is not run again in the middle of itself: on a kernel with full preemption, the call of a task that takes the CPU in
 * the middle of another's counting is missed. The kernel counts them, and the daemon says how many (calls_not_counted).
 */
#ifndef PORTOLAN_OLDER_H
#define PORTOLAN_OLDER_H

#include "accounting.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct msghdr {
	void *msg_name; /* in the kernel: the address that send was given, or where receive writes it; NULL: none */
};

#pragma clang attribute pop

/*
 * Whether the thread's sendpage fell back on sendmsg, which has counted. Written and read within one call of inet_sendpage,
 * freed with the thread. When there is no memory for it, such a call is counted twice.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} fallbacks SEC(".maps");

static __always_inline int sent(struct socket *sock, long length)
{
	struct sock *sk = sock->sk;

	if (sk && !quick_sent(sk, length, WITNESS_AMONG_OTHERS))
		charge_sent(sk, length, WITNESS_AMONG_OTHERS);
	return 0;
}

static __always_inline int received(struct socket *sock, long length, int flags)
{
	struct sock *sk = sock->sk;

	if (sk && !quick_received(sk, length, flags, WITNESS_AMONG_OTHERS))
		charge_received(sk, length, flags, WITNESS_AMONG_OTHERS);
	return 0;
}

/* Everything over IPv4; raw and ICMP over IPv6. */
SEC("fexit/inet_sendmsg")
int BPF_PROG(on_inet_sendmsg, struct socket *sock, struct msghdr *msg, unsigned long size, int length)
{
	return sent(sock, length);
}

/* TCP and UDP over IPv6. */
SEC("fexit/inet6_sendmsg")
int BPF_PROG(on_inet6_sendmsg, struct socket *sock, struct msghdr *msg, unsigned long size, int length)
{
	return sent(sock, length);
}

/* sendfile() and splice() into a socket, until Linux 6.5: page by page. */
SEC("fentry/inet_sendpage")
int BPF_PROG(on_inet_sendpage_entry)
{
	__u32 *fell_back = bpf_task_storage_get(&fallbacks, bpf_get_current_task_btf(), 0, 0);

	if (fell_back)
		*fell_back = 0;
	return 0;
}

/* Protocols without sendpage, and UDP on devices that cannot gather: through sendmsg. */
SEC("fexit/sock_no_sendpage")
int BPF_PROG(on_sock_no_sendpage)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 *fell_back = bpf_task_storage_get(&fallbacks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (fell_back)
		*fell_back = 1;
	return 0;
}

SEC("fexit/inet_sendpage")
int BPF_PROG(on_inet_sendpage, struct socket *sock, void *page, int offset, unsigned long size, int flags,
	     long length)
{
	__u32 *fell_back = bpf_task_storage_get(&fallbacks, bpf_get_current_task_btf(), 0, 0);

	return fell_back && *fell_back ? 0 : sent(sock, length);
}

SEC("fexit/inet_recvmsg")
int BPF_PROG(on_inet_recvmsg, struct socket *sock, struct msghdr *msg, unsigned long size, int flags, int length)
{
	return received(sock, length, flags);
}

SEC("fexit/inet6_recvmsg")
int BPF_PROG(on_inet6_recvmsg, struct socket *sock, struct msghdr *msg, unsigned long size, int flags, int length)
{
	return received(sock, length, flags);
}

/* Raw and ICMP over IPv6, L2TP. */
SEC("fexit/sock_common_recvmsg")
int BPF_PROG(on_sock_common_recvmsg, struct socket *sock, struct msghdr *msg, unsigned long size, int flags,
	     int length)
{
	return received(sock, length, flags);
}

/* Frames: only where AF_PACKET is part of the kernel and not a module, whose functions the kernel's BTF does not name. */
SEC("fexit/packet_sendmsg")
int BPF_PROG(on_packet_sendmsg, struct socket *sock, struct msghdr *msg, unsigned long size, int length)
{
	return sent(sock, length);
}

/* SOCK_PACKET, the old kind. */
SEC("fexit/packet_sendmsg_spkt")
int BPF_PROG(on_packet_sendmsg_spkt, struct socket *sock, struct msghdr *msg, unsigned long size, int length)
{
	return sent(sock, length);
}

SEC("fexit/packet_recvmsg")
int BPF_PROG(on_packet_recvmsg, struct socket *sock, struct msghdr *msg, unsigned long size, int flags, int length)
{
	return received(sock, length, flags);
}

/* Keeps the address of a call for the length that follows in the same call, as the cgroup hooks do. */
static __always_inline int remember_name(struct sock *sk, struct msghdr *msg)
{
	struct internet_name name = {};
	void *from = msg->msg_name;
	struct peer named = {};

	/* What is behind a short address is not used. */
	if (!from || bpf_probe_read_kernel(&name, 8, from))
		return 0;
	if (name.family == AF_INET6 && bpf_probe_read_kernel(&name, sizeof(name), from))
		return 0;
	if (name.family != AF_INET && name.family != AF_INET6)
		return 0;
	named.socket = (__u64)sk;
	named.port = bpf_ntohs(name.port);
	if (name.family == AF_INET6)
		__builtin_memcpy(named.address, name.ipv6, 16);
	else
		map_ipv4(named.address, name.ipv4);
	if (!quick_name(sk, &named, 0))
		name_peer(sk, is_connected(sk), &named);
	return 0;
}

/* At the entry: for an IPv4 address in IPv6's form, udpv6_sendmsg leaves another one behind. */
SEC("fentry/udp_sendmsg")
int BPF_PROG(on_udp_sendmsg, struct sock *sk, struct msghdr *msg)
{
	return remember_name(sk, msg);
}

SEC("fentry/udpv6_sendmsg")
int BPF_PROG(on_udpv6_sendmsg, struct sock *sk, struct msghdr *msg)
{
	return remember_name(sk, msg);
}

SEC("fexit/udp_recvmsg")
int BPF_PROG(on_udp_recvmsg, struct sock *sk, struct msghdr *msg)
{
	return remember_name(sk, msg);
}

SEC("fexit/udpv6_recvmsg")
int BPF_PROG(on_udpv6_recvmsg, struct sock *sk, struct msghdr *msg)
{
	return remember_name(sk, msg);
}

#endif
