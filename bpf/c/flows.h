/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* From a socket and a task to a flow, and from a flow to its place in the tables. */
#ifndef PORTOLAN_FLOWS_H
#define PORTOLAN_FLOWS_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "maps.h"
#include "owner.h"
#include "quick.h"

static __always_inline void copy_ipv6(__u8 to[16], struct in6_addr *from)
{
	__u32 *words = (__u32 *)to;

	words[0] = from->in6_u.u6_addr32[0];
	words[1] = from->in6_u.u6_addr32[1];
	words[2] = from->in6_u.u6_addr32[2];
	words[3] = from->in6_u.u6_addr32[3];
}

/* Of NFS, a tunnel, MPTCP's subflows: whoever runs when it moves something is a bystander. */
static __always_inline int is_of_kernel(struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(sk, sk_kern_sock);
}

/* The addresses and ports that the socket itself knows; what it does not know stays 0. */
static __always_inline void describe_addresses(struct sock *sk, struct portolan_flow *flow)
{
	if (sk->sk_type != SOCK_RAW) { /* there they are the protocol, and whatever connect() was given */
		flow->local_port = sk->__sk_common.skc_num;
		flow->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	}
	if (sk->__sk_common.skc_family == AF_INET6) {
		copy_ipv6(flow->local_address, &sk->__sk_common.skc_v6_rcv_saddr);
		copy_ipv6(flow->remote_address, &sk->__sk_common.skc_v6_daddr);
		return;
	}
	map_ipv4(flow->local_address, sk->__sk_common.skc_rcv_saddr);
	map_ipv4(flow->remote_address, sk->__sk_common.skc_daddr);
}

/* All that the socket knows of its flow. */
static __always_inline void describe_socket(struct sock *sk, struct portolan_flow *flow)
{
	__u16 protocol = sk->sk_protocol;

	flow->family = sk->__sk_common.skc_family;
	flow->protocol = protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol;
	flow->network_namespace = sk->__sk_common.skc_net.net->ns.inum;
	if (flow->family != AF_PACKET)
		describe_addresses(sk, flow);
}

/* The owner of what moves at the socket now: the current task, or the kernel. */
static __always_inline void describe_owner(struct sock *sk, struct portolan_flow *flow)
{
	if (is_of_kernel(sk)) {
		__builtin_memset(&flow->owner, 0, sizeof(flow->owner));
		flow->uid = 0;
		return;
	}
	owner_of(bpf_get_current_task_btf(), &flow->owner);
	flow->uid = (__u32)bpf_get_current_uid_gid();
}

/* The flow between the current task, or the kernel, and the socket's peer. */
static __always_inline void describe_flow(struct sock *sk, struct portolan_flow *flow, __u8 direction)
{
	__builtin_memset(flow, 0, sizeof(*flow));
	describe_owner(sk, flow);
	flow->direction = direction;
	describe_socket(sk, flow);
}

static __always_inline int is_mine(const struct portolan_cell *cell)
{
	return is_used_by(bpf_get_current_task_btf(), cell);
}

static __always_inline void add(struct portolan_counters *to, __u64 tx, __u64 rx)
{
	if (tx)
		__sync_fetch_and_add(&to->tx_bytes, tx);
	if (rx)
		__sync_fetch_and_add(&to->rx_bytes, rx);
}

/* Adds to the entry of key, which is made when missing. Not 0 when the table has no room. */
static __always_inline int add_to(void *table, const void *key, const struct portolan_counters *moved)
{
	struct portolan_counters *found = bpf_map_lookup_elem(table, key);

	if (!found) {
		if (!bpf_map_update_elem(table, key, moved, BPF_NOEXIST))
			return 0;
		found = bpf_map_lookup_elem(table, key); /* another CPU was first, or there is no room */
		if (!found)
			return -1;
	}
	add(found, moved->tx_bytes, moved->rx_bytes);
	__sync_fetch_and_add(&found->closed_sockets, moved->closed_sockets);
	return 0;
}

/* Which of two tables is filled: 0 or 1. It stays so until the program ends, for the daemon waits for that. */
static __always_inline __u32 filled_table(void)
{
	__u32 zero = 0;
	__u32 *choice = bpf_map_lookup_elem(&active, &zero);

	return choice ? *(volatile __u32 *)choice & 1 : 0;
}

/* Puts bytes into the table of closed flows, the overflow table, or the count of bytes without an owner. */
static __always_inline void settle(const struct portolan_flow *flow, const struct portolan_counters *moved)
{
	__u32 second = filled_table();

	if (!(second ? add_to(&closed_1, flow, moved) : add_to(&closed_0, flow, moved)))
		return;
	lose(PORTOLAN_LOSS_CLOSED, 1);
	if (!(second ? add_to(&overflow_1, &flow->owner, moved) : add_to(&overflow_0, &flow->owner, moved)))
		return;
	lose(PORTOLAN_LOSS_OVERFLOW, 1);
	lose(PORTOLAN_LOSS_OVERFLOW_TX_BYTES, moved->tx_bytes);
	lose(PORTOLAN_LOSS_OVERFLOW_RX_BYTES, moved->rx_bytes);
}

/* Puts what a closed socket has left at the end of the list, or into the table. */
static __always_inline void settle_closed(const struct portolan_flow *flow, const struct portolan_counters *moved)
{
	struct portolan_closing *closing = 0;
	__u32 second = filled_table(), at;
	__u64 *used = bpf_map_lookup_elem(&closings_used, &second);
	__u64 place = used ? __sync_fetch_and_add(used, 1) : PORTOLAN_CLOSINGS_MAX;

	if (place < PORTOLAN_CLOSINGS_MAX) {
		at = place;
		closing = second ? bpf_map_lookup_elem(&closings_1, &at) : bpf_map_lookup_elem(&closings_0, &at);
	}
	if (!closing) {
		settle(flow, moved);
		return;
	}
	closing->flow = *flow;
	closing->counters = *moved;
}

/* Puts a use of a socket apart from its cell. */
static __always_inline void settle_use(const struct portolan_flow *flow, __u64 tx, __u64 rx)
{
	struct portolan_counters moved = { .tx_bytes = tx, .rx_bytes = rx, .opened_ns = bpf_ktime_get_boot_ns() };

	settle(flow, &moved);
}

#endif
