/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* From a socket and a task to a flow, and from a flow to its place in the tables. */
#ifndef PORTOLAN_FLOWS_H
#define PORTOLAN_FLOWS_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "maps.h"
#include "owner.h"
#include "truth.h"

static __always_inline void map_ipv4(__u8 to[16], __be32 address)
{
	__builtin_memset(to, 0, 16);
	to[10] = 0xff;
	to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

/* The addresses and ports that the socket itself knows; what it does not know stays 0. */
static __always_inline void describe_socket(struct sock *sk, struct portolan_flow *flow)
{
	__u16 family = sk->__sk_common.skc_family;

	flow->family = family;
	flow->protocol = sk->sk_protocol;
	flow->network_namespace = sk->__sk_common.skc_net.net->ns.inum;
	if (family == AF_PACKET)
		return;
	if (sk->sk_type != SOCK_RAW) /* there it is the protocol */
		flow->local_port = sk->__sk_common.skc_num;
	flow->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&flow->local_address, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&flow->remote_address, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
		return;
	}
	map_ipv4(flow->local_address, sk->__sk_common.skc_rcv_saddr);
	map_ipv4(flow->remote_address, sk->__sk_common.skc_daddr);
}

/* The flow between the current task and the socket's peer. */
static __always_inline void describe_flow(struct sock *sk, struct portolan_flow *flow, __u8 direction)
{
	__builtin_memset(flow, 0, sizeof(*flow));
	owner_of(bpf_get_current_task_btf(), &flow->owner);
	flow->uid = (__u32)bpf_get_current_uid_gid();
	flow->direction = direction;
	describe_socket(sk, flow);
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

/* Puts bytes into the table of closed flows, the overflow table, or the count of bytes without an owner. */
static __always_inline void settle(const struct portolan_flow *flow, const struct portolan_counters *moved)
{
	__u32 zero = 0;
	__u32 *choice = bpf_map_lookup_elem(&active, &zero);
	int second = choice && *(volatile __u32 *)choice & 1;

	if (!(second ? add_to(&closed_1, flow, moved) : add_to(&closed_0, flow, moved)))
		return;
	lose(PORTOLAN_LOSS_CLOSED, 1);
	if (!(second ? add_to(&overflow_1, &flow->owner, moved) : add_to(&overflow_0, &flow->owner, moved)))
		return;
	lose(PORTOLAN_LOSS_OVERFLOW, 1);
	lose(PORTOLAN_LOSS_OVERFLOW_TX_BYTES, moved->tx_bytes);
	lose(PORTOLAN_LOSS_OVERFLOW_RX_BYTES, moved->rx_bytes);
}

/* Puts a use of a socket apart from its cell. */
static __always_inline void settle_use(const struct portolan_flow *flow, __u64 tx, __u64 rx)
{
	struct portolan_counters moved = { .tx_bytes = tx, .rx_bytes = rx, .opened_ns = bpf_ktime_get_boot_ns() };

	settle(flow, &moved);
}

#endif
