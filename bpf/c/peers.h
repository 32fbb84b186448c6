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

/* Keeps the peer of this call for the tracepoint, in the thread's storage. */
static __noinline int keep_peer(struct task_struct *task, const struct peer *named)
{
	struct peer *peer = bpf_task_storage_get(&peers, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (peer)
		*peer = *named;
	else
		lose(PORTOLAN_LOSS_PEERS, 1);
	return 0;
}

/* The same, of a call that does not name the peer of the cell, or while another thread does (quick_name). */
static __always_inline void name_peer(void *sk, int is_connected, const struct peer *named)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct task_struct *task = bpf_get_current_task_btf();

	if (cell && has_named(task, cell)) /* in a call that was not counted */
		cell->named_by = 0;
	if (cell && is_connected) /* the tracepoint asks the thread's storage only when told to */
		cell->flags |= PORTOLAN_CELL_NAMED;
	keep_peer(task, named);
}

/* Whether this call has named the peer of the cell; once. */
static __always_inline int take_named(struct task_struct *task, struct portolan_cell *cell)
{
	if (!cell || !has_named(task, cell))
		return 0;
	cell->named_by = 0;
	return 1;
}

/* What the hook of this call has left in the thread's storage; NULL when it did not run. */
static __always_inline struct peer *peer_of_call(struct task_struct *task, struct sock *sk,
						 const struct portolan_cell *cell)
{
	struct peer *peer;

	if (cell && is_connected(sk) && !(cell->flags & PORTOLAN_CELL_NAMED))
		return 0;
	peer = bpf_task_storage_get(&peers, task, 0, 0);
	return peer && peer->socket == (__u64)sk ? peer : 0;
}

/* Whether the flow's peer is that of this call: as its cgroup hook saw it, else as the socket is connected. */
static __always_inline int is_with(const struct portolan_flow *flow, struct sock *sk, const struct peer *peer)
{
	if (peer)
		return flow->remote_port == peer->port && same_address(flow->remote_address, peer->address);
	return is_with_peer_of(sk, flow);
}

static __always_inline int remember_ipv4(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct peer named;

	if (!sk)
		return 1;
	read_ipv4(ctx, sk, &named);
	name_peer(sk, sk->state == TCP_ESTABLISHED, &named);
	return 1;
}

static __always_inline int remember_ipv6(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct peer named;

	if (!sk)
		return 1;
	read_ipv6(ctx, sk, &named);
	name_peer(sk, sk->state == TCP_ESTABLISHED, &named);
	return 1;
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
