/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The peer of a datagram on a socket that is not connected.
 *
 * cgroup/sendmsg4,6: since Linux 4.18; cgroup/recvmsg4,6: since Linux 5.2. They run in the caller's context, before the
 * length tracepoint of the same call, and only when the call names an address. Not cgroup_skb: it runs per packet, also
 * in softirq, where the caller is not known. Linux 6.12 lets them use no task storage, 6.18 does: before,
 * older.h. Without both the bytes stay exact and the peer is not known.
 */
#ifndef PORTOLAN_PEERS_H
#define PORTOLAN_PEERS_H

#include "flows.h"

/* The beginning of struct sockaddr_in, and struct sockaddr_in6. */
struct internet_name {
	__u16 family;
	__be16 port;
	__be32 ipv4; /* IPv6: its flow label */
	__u8 ipv6[16];
};

/* Where to put the address of the peer of this call on sk; NULL when there is no room. */
static __always_inline struct peer *begin_peer(void *sk, int is_connected, __u16 port)
{
	struct portolan_cell *cell;
	struct peer *peer;

	if (is_connected) { /* the tracepoint looks here only when told to */
		cell = bpf_sk_storage_get(&cells, sk, 0, 0);
		if (cell)
			cell->flags |= PORTOLAN_CELL_NAMED;
	}
	peer = bpf_task_storage_get(&peers, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!peer) {
		lose(PORTOLAN_LOSS_PEERS, 1);
		return 0;
	}
	peer->socket = (__u64)sk;
	peer->port = port;
	return peer;
}

static __always_inline int remember_ipv4(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct peer *peer;

	if (!sk)
		return 1;
	peer = begin_peer(sk, sk->state == TCP_ESTABLISHED, bpf_ntohs((__u16)ctx->user_port));
	if (peer)
		map_ipv4(peer->address, ctx->user_ip4);
	return 1;
}

static __always_inline int remember_ipv6(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct peer *peer;
	__u32 *words;

	if (!sk)
		return 1;
	peer = begin_peer(sk, sk->state == TCP_ESTABLISHED, bpf_ntohs((__u16)ctx->user_port));
	if (!peer)
		return 1;
	words = (__u32 *)peer->address;
	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
	return 1;
}

/* What the hook of this call has left; NULL when it did not run. */
static __always_inline struct peer *peer_of_call(struct task_struct *task, struct sock *sk,
						 const struct portolan_cell *cell)
{
	struct peer *peer;

	if (cell && is_connected(sk) && !(cell->flags & PORTOLAN_CELL_NAMED))
		return 0;
	peer = bpf_task_storage_get(&peers, task, 0, 0);
	return peer && peer->socket == (__u64)sk ? peer : 0;
}

static __always_inline int same_address(const __u8 *a, const __u8 *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

/* Whether the flow's peer is that of this call: as its cgroup hook saw it, else as the socket is connected. */
static __always_inline int is_with(const struct portolan_flow *flow, struct sock *sk, const struct peer *peer)
{
	const __u32 *words = (const __u32 *)flow->remote_address;
	struct in6_addr *address = &sk->__sk_common.skc_v6_daddr;

	if (peer)
		return flow->remote_port == peer->port && same_address(flow->remote_address, peer->address);
	if (flow->remote_port != bpf_ntohs(sk->__sk_common.skc_dport))
		return 0;
	if (sk->__sk_common.skc_family == AF_INET6)
		return words[0] == address->in6_u.u6_addr32[0] && words[1] == address->in6_u.u6_addr32[1] &&
		       words[2] == address->in6_u.u6_addr32[2] && words[3] == address->in6_u.u6_addr32[3];
	return words[3] == sk->__sk_common.skc_daddr && words[2] == bpf_htonl(0xffff);
}

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx)
{
	return remember_ipv4(ctx);
}

SEC("cgroup/sendmsg6")
int on_sendmsg6(struct bpf_sock_addr *ctx)
{
	return remember_ipv6(ctx);
}

SEC("cgroup/recvmsg4")
int on_recvmsg4(struct bpf_sock_addr *ctx)
{
	return remember_ipv4(ctx);
}

SEC("cgroup/recvmsg6")
int on_recvmsg6(struct bpf_sock_addr *ctx)
{
	return remember_ipv6(ctx);
}

#endif
