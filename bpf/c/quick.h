/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What nearly every call needs, in the attached programs themselves: the jump from them costs half as much as all that is here. Each of
 * these functions either does everything that is to be done, and is not 0, or does nothing: then the rest is the program's to which
 * the hook jumps.
 *
 * A daemon that takes over cannot replace what is here: who attached it first stays. So this file, and what it includes, is part of the
 * layout of the tables (build.rs): programs with another one are detached, as with other tables (decision 6).
 */
#ifndef PORTOLAN_QUICK_H
#define PORTOLAN_QUICK_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"
#include "owner.h"
#include "truth.h"

#define DNS_PORT 53

static __always_inline int is_counted(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6 || family == AF_PACKET;
}

static __always_inline int is_connected(struct sock *sk)
{
	return sk->__sk_common.skc_state == TCP_ESTABLISHED;
}

/* TCP, and MPTCP's socket as the program sees it. Not a raw socket of the same protocol. */
static __always_inline int is_stream(struct sock *sk)
{
	__u16 protocol = sk->sk_protocol;

	return sk->sk_type == SOCK_STREAM && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

static __always_inline int is_used_by(struct task_struct *task, const struct portolan_cell *cell)
{
	return cell->state == PORTOLAN_CELL_READY && is_of(task, &cell->flow.owner, cell->flow.uid);
}

/* A stream sent length bytes; negative: the call failed. */
static __always_inline int quick_stream_sent(struct sock *sk, long length, enum witness how)
{
	struct portolan_cell *cell;
	struct portolan_truth *mine;
	struct task_struct *task;

	if (length <= 0)
		return 1;
	cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	if (!cell || !cell->heard)
		return 0;
	task = bpf_get_current_task_btf();
	mine = my_truth();
	if (!mine || !is_used_by(task, cell))
		return 0;
	witness(&mine->tcp_tx_bytes, length, how);
	__sync_fetch_and_add(&cell->counters.tx_bytes, length);
	return 1;
}

static __always_inline int same_address(const __u8 *a, const __u8 *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

/* Whether the flow's peer is the one that the socket is connected to. */
static __always_inline int is_with_peer_of(struct sock *sk, const struct portolan_flow *flow)
{
	const __u32 *words = (const __u32 *)flow->remote_address;
	struct in6_addr *address = &sk->__sk_common.skc_v6_daddr;

	if (flow->remote_port != bpf_ntohs(sk->__sk_common.skc_dport))
		return 0;
	if (sk->__sk_common.skc_family == AF_INET6)
		return words[0] == address->in6_u.u6_addr32[0] && words[1] == address->in6_u.u6_addr32[1] &&
		       words[2] == address->in6_u.u6_addr32[2] && words[3] == address->in6_u.u6_addr32[3];
	return words[3] == sk->__sk_common.skc_daddr && words[2] == bpf_htonl(0xffff);
}

/* Whether a datagram of this flow may say something (said.h). */
static __always_inline int is_worth_a_look(const struct portolan_cell *cell, const struct portolan_flow *flow, int sent)
{
	return flow->remote_port == DNS_PORT || (sent && cell->looks < PORTOLAN_LOOKS_MAX);
}

/* Whether the call of this task names the peer of the cell's flow. */
static __always_inline int has_named(struct task_struct *task, const struct portolan_cell *cell)
{
	return cell->named_by == (__u64)task;
}

/* An empty datagram is one too: the flow is known by it. */
static __always_inline int quick_datagram(struct sock *sk, int sent, long length, enum witness how)
{
	struct portolan_cell *cell;
	struct portolan_truth *mine;
	struct task_struct *task;

	if (length < 0)
		return 0;
	cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	if (!cell || is_worth_a_look(cell, &cell->flow, sent))
		return 0;
	task = bpf_get_current_task_btf();
	mine = my_truth();
	if (!mine || !is_used_by(task, cell))
		return 0;
	if (has_named(task, cell))
		cell->named_by = 0;
	else if (!is_connected(sk) || cell->flags & PORTOLAN_CELL_NAMED || !is_with_peer_of(sk, &cell->flow))
		return 0;
	witness_datagram(mine, sk, sent, length, how);
	__sync_fetch_and_add(sent ? &cell->counters.tx_bytes : &cell->counters.rx_bytes, length);
	return 1;
}

/* A send call moved length bytes; negative: it failed. */
static __always_inline int quick_sent(struct sock *sk, long length, enum witness how)
{
	if (!is_counted(sk))
		return 1;
	return is_stream(sk) ? quick_stream_sent(sk, length, how) : quick_datagram(sk, 1, length, how);
}

/* A receive call gave length bytes; negative: it failed. */
static __always_inline int quick_received(struct sock *sk, long length, int flags, enum witness how)
{
	int is_nothing = flags & (MSG_PEEK | MSG_ERRQUEUE); /* what will be received again; what was sent */

	if (!is_counted(sk))
		return 1;
	if (!is_stream(sk))
		return !is_nothing && quick_datagram(sk, 0, length, how);
	return is_nothing || length <= 0 ||
	       (sk->sk_protocol == IPPROTO_TCP && !(flags & MSG_OOB) &&
		sk->__sk_common.skc_dport != bpf_htons(DNS_PORT));
}

/* What the program has consumed, as a sequence number. A FIN takes one too, which is no byte. */
static __always_inline __u32 consumed(struct sock *sk, struct tcp_sock *tcp)
{
	__u32 copied = tcp->copied_seq;

	if (sk->__sk_common.skc_flags & SOCK_DONE && copied == tcp->rcv_nxt)
		copied--;
	return copied;
}

/* Where the stream begins, once; a FIN is in both numbers. */
static __always_inline void begin_sequence(struct portolan_cell *cell, struct tcp_sock *tcp)
{
	if (cell->flags & PORTOLAN_CELL_SEQUENCED)
		return;
	cell->copied_seq = tcp->rcv_nxt - (__u32)tcp->bytes_received;
	cell->flags |= PORTOLAN_CELL_SEQUENCED;
}

/* Runs with the socket locked: nobody else adds to rx_bytes. */
static __always_inline int quick_consumed(struct sock *sk)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct portolan_truth *mine;
	struct task_struct *task;
	struct tcp_sock *tcp;
	__u32 now, grown;

	if (!cell || cell->state != PORTOLAN_CELL_READY)
		return 0;
	task = bpf_get_current_task_btf();
	tcp = bpf_skc_to_tcp_sock(sk);
	mine = my_truth();
	if (!tcp || !mine || tcp->urg_seq || !is_used_by(task, cell))
		return 0;
	begin_sequence(cell, tcp);
	now = consumed(sk, tcp);
	grown = now - cell->copied_seq;
	if ((__s32)grown <= 0)
		return 1;
	cell->copied_seq = now;
	witness(&mine->tcp_rx_bytes, grown, WITNESS_ALONE);
	cell->counters.rx_bytes += grown;
	return 1;
}

static __always_inline int quick_state(int old_state, int new_state)
{
	return new_state != TCP_SYN_SENT && new_state != TCP_LISTEN && new_state != TCP_ESTABLISHED &&
	       !(new_state == TCP_CLOSE && old_state == TCP_SYN_SENT);
}

/*
 * The call on sk names a peer. Mostly it is the cell's: then the cell remembers who said so, one thread at a time, which is cheaper
 * than the thread's storage. The kernel locks the socket for the cgroup hooks, so no two of them name at once; is_locked is 0 where
 * they may.
 */
static __always_inline int quick_name(void *sk, const struct peer *named, int is_locked)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	__u64 me = (__u64)bpf_get_current_task_btf(), before;

	if (!cell || cell->flow.remote_port != named->port ||
	    !same_address(cell->flow.remote_address, named->address))
		return 0;
	if (!is_locked) {
		before = __sync_val_compare_and_swap(&cell->named_by, 0, me);
		return !before || before == me;
	}
	before = *(volatile __u64 *)&cell->named_by;
	if (before && before != me)
		return 0;
	*(volatile __u64 *)&cell->named_by = me;
	return 1;
}

static __always_inline void map_ipv4(__u8 to[16], __be32 address)
{
	__u32 *words = (__u32 *)to;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

/* The peer that a call over IPv4 names. */
static __always_inline void read_ipv4(struct bpf_sock_addr *ctx, struct bpf_sock *sk, struct peer *named)
{
	*named = (struct peer){ .socket = (__u64)sk, .port = bpf_ntohs((__u16)ctx->user_port) };
	map_ipv4(named->address, ctx->user_ip4);
}

static __always_inline void read_ipv6(struct bpf_sock_addr *ctx, struct bpf_sock *sk, struct peer *named)
{
	__u32 *words = (__u32 *)named->address;

	*named = (struct peer){ .socket = (__u64)sk, .port = bpf_ntohs((__u16)ctx->user_port) };
	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
}

static __always_inline int quick_ipv4(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct peer named;

	if (!sk)
		return 1;
	read_ipv4(ctx, sk, &named);
	return quick_name(sk, &named, 1);
}

static __always_inline int quick_ipv6(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct peer named;

	if (!sk)
		return 1;
	read_ipv6(ctx, sk, &named);
	return quick_name(sk, &named, 1);
}

#endif
