/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Bytes: what a program moved at a socket, charged to the program that moved it.
 *
 * tp_btf/sock_send_length, sock_recv_length: since Linux 6.3. In the caller's context, for every call and every protocol.
 * Not kprobes on *_sendmsg: absent from locked-down kernels. Not cgroup_skb: wire bytes, without a caller.
 * tp_btf/tcp_rcv_space_adjust: since Linux 4.17; after a program consumed TCP data by any call, splice included, which
 * sock_recv_length misses. Fallback for older kernels: older.h.
 */
#ifndef PORTOLAN_ACCOUNTING_H
#define PORTOLAN_ACCOUNTING_H

#include "flows.h"
#include "peers.h"
#include "said.h"
#include "sockets.h"

/* The cell becomes the current task's, or the kernel's, when nobody has used it yet. */
static __always_inline void claim(struct sock *sk, struct portolan_cell *cell)
{
	if (__sync_val_compare_and_swap(&cell->state, PORTOLAN_CELL_PROVISIONAL, PORTOLAN_CELL_CLAIMED) !=
	    PORTOLAN_CELL_PROVISIONAL)
		return;
	describe_owner(sk, &cell->flow);
	describe_socket(sk, &cell->flow);
	__sync_lock_test_and_set(&cell->state, is_of_kernel(sk) ? PORTOLAN_CELL_KERNEL : PORTOLAN_CELL_READY);
}

/* Puts a use of a stream into the table, apart from its cell. */
static __noinline int settle_stream(struct sock *sk, struct portolan_cell *cell, __u64 tx, __u64 rx)
{
	struct portolan_flow flow;

	describe_flow(sk, &flow, cell ? cell->flow.direction : PORTOLAN_DIRECTION_UNKNOWN);
	settle_use(&flow, tx, rx);
	return 0;
}

/* Charges a stream whose cell is not the current task's, or not yet. */
static __noinline int charge_stream_apart(struct sock *sk, struct portolan_cell *cell, __u64 tx, __u64 rx)
{
	if (cell && cell->state == PORTOLAN_CELL_LISTENING) /* used before it is established (TCP Fast Open) */
		begin_accepted(sk, cell);
	if (cell && cell->state == PORTOLAN_CELL_PROVISIONAL)
		claim(sk, cell);
	if (cell && is_mine(cell)) {
		add(&cell->counters, tx, rx);
		return 0;
	}
	return settle_stream(sk, cell, tx, rx);
}

static __always_inline void charge_stream(struct sock *sk, __u64 tx, __u64 rx)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);

	witness_stream(tx, rx);
	if (cell && is_mine(cell))
		add(&cell->counters, tx, rx);
	else
		charge_stream_apart(sk, cell, tx, rx);
	if (tx && cell && !cell->heard)
		look_at_sent(sk, cell, tx);
}

/* Charges a datagram of another program or another peer than the cell's. */
static __noinline int charge_datagram_apart(struct sock *sk, struct portolan_cell *cell, const struct peer *peer,
					    int sent, __u64 length)
{
	__u8 direction = sent ? PORTOLAN_DIRECTION_OUTBOUND : PORTOLAN_DIRECTION_INBOUND;
	__u64 tx = sent ? length : 0, rx = sent ? 0 : length;
	struct portolan_cell fresh = {};
	int is_first = 0;

	/* Who opened the socket's first flow opened the others: a server answers many peers. */
	describe_flow(sk, &fresh.flow, cell ? cell->flow.direction : direction);
	if (peer) {
		__builtin_memcpy(fresh.flow.remote_address, peer->address, 16);
		fresh.flow.remote_port = peer->port;
	}
	/* What never reaches cgroup/sock_release has no cell that could be lost: frames, and the kernel's own sockets. */
	if (!cell && fresh.flow.family != AF_PACKET && !is_of_kernel(sk)) {
		fresh.counters.opened_ns = bpf_ktime_get_boot_ns();
		fresh.state = PORTOLAN_CELL_READY;
		if (peer && is_connected(sk))
			fresh.flags = PORTOLAN_CELL_NAMED;
		cell = bpf_sk_storage_get(&cells, sk, &fresh, BPF_SK_STORAGE_GET_F_CREATE);
		if (!cell)
			lose(PORTOLAN_LOSS_CELLS, 1);
		else /* unless another thread was first, with another peer */
			is_first = is_mine(cell) && is_with(&cell->flow, sk, peer);
	}
	if (is_first)
		add(&cell->counters, tx, rx);
	else
		settle_use(&fresh.flow, tx, rx);
	if (cell && is_worth_a_look(cell, &fresh.flow, sent))
		look_at_datagram(sk, cell, &fresh.flow, length, sent);
	return 0;
}

/* An empty datagram is one too: the flow is known by it. */
static __always_inline void charge_datagram(struct sock *sk, int sent, __u64 length)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct task_struct *task = bpf_get_current_task_btf();
	struct peer *peer = peer_of_call(task, sk, cell);

	witness_datagram(sk, sent ? length : 0, sent ? 0 : length);
	if (cell && is_used_by(task, cell) && is_with(&cell->flow, sk, peer)) {
		add(&cell->counters, sent ? length : 0, sent ? 0 : length);
		if (is_worth_a_look(cell, &cell->flow, sent))
			look_at_datagram(sk, cell, &cell->flow, length, sent);
	} else {
		charge_datagram_apart(sk, cell, peer, sent, length);
	}
	if (peer)
		peer->socket = 0;
}

/* A call that failed still has to forget the peer that its cgroup hook left. */
static __always_inline void forget_peer(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct peer *peer = peer_of_call(task, sk, bpf_sk_storage_get(&cells, sk, 0, 0));

	if (peer)
		peer->socket = 0;
}

static __always_inline int is_counted(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6 || family == AF_PACKET;
}

/* A send call moved length bytes; negative: it failed. */
static __always_inline void charge_sent(struct sock *sk, long length)
{
	if (!is_counted(sk))
		return;
	if (is_stream(sk)) {
		if (length > 0)
			charge_stream(sk, length, 0);
	} else if (length >= 0) {
		charge_datagram(sk, 1, length);
	} else {
		forget_peer(sk);
	}
}

/* A receive call gave length bytes; negative: it failed. */
static __always_inline void charge_received(struct sock *sk, long length, int flags)
{
	if (!is_counted(sk))
		return;
	if (flags & (MSG_PEEK | MSG_ERRQUEUE)) /* what will be received again; what was sent */
		length = -1;
	if (is_stream(sk)) {
		if (length <= 0)
			return;
		if (sk->sk_protocol == IPPROTO_MPTCP) {
			charge_stream(sk, 0, length);
		} else if (flags & MSG_OOB) { /* on_consumed sees the rest, and alone adds to the cell */
			witness_stream(0, length);
			settle_stream(sk, bpf_sk_storage_get(&cells, sk, 0, 0), 0, length);
			return; /* it is no part of the stream */
		}
		if (sk->__sk_common.skc_dport == bpf_htons(DNS_PORT))
			look_at_answers(sk, length, flags);
	} else if (length >= 0) {
		charge_datagram(sk, 0, length);
	} else {
		forget_peer(sk);
	}
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_sent, struct sock *sk, int length, int flags)
{
	charge_sent(sk, length);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_received, struct sock *sk, int length, int flags)
{
	charge_received(sk, length, flags);
	return 0;
}

/* Takes out the urgent byte, which only MSG_OOB reads, when it lies within what has been consumed. */
static __noinline __u32 without_urgent(struct sock *sk, struct tcp_sock *tcp, __u32 from, __u32 grown)
{
	if (tcp->urg_seq - from < grown && !(sk->__sk_common.skc_flags & SOCK_URGINLINE))
		grown--;
	return grown;
}

/* Whether it comes next: the kernel passes over it without a word when another one follows. */
static __always_inline int urgent_is_next(struct sock *sk, struct tcp_sock *tcp, __u32 at)
{
	return tcp->urg_seq == at && tcp->urg_data && !(sk->__sk_common.skc_flags & SOCK_URGINLINE);
}

/* Runs with the socket locked: nobody else adds to rx_bytes. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_consumed, struct sock *sk)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u32 now, grown;

	if (!tcp)
		return 0;
	now = consumed(sk, tcp);
	if (!cell) {
		/* A socket that no process held when the daemon started: counted from here on. */
		if (is_subflow(sk))
			return 0;
		cell = open_cell(sk, PORTOLAN_DIRECTION_UNKNOWN,
				 is_of_kernel(sk) ? PORTOLAN_CELL_KERNEL : PORTOLAN_CELL_READY);
		if (cell) {
			cell->copied_seq = now;
			cell->flags = PORTOLAN_CELL_SEQUENCED;
			cell->heard = PORTOLAN_HEARD_ENOUGH | PORTOLAN_HEARD_MIDWAY;
		}
		return 0;
	}
	if (!(cell->flags & PORTOLAN_CELL_SEQUENCED)) { /* its beginning; a FIN is in both */
		cell->copied_seq = tcp->rcv_nxt - (__u32)tcp->bytes_received;
		cell->flags |= PORTOLAN_CELL_SEQUENCED;
	}
	grown = now - cell->copied_seq;
	if ((__s32)grown <= 0) /* negative: the urgent byte that comes next has been passed over in advance */
		return 0;
	if (tcp->urg_seq) { /* there was one */
		grown = without_urgent(sk, tcp, cell->copied_seq, grown);
		now += urgent_is_next(sk, tcp, now);
	}
	cell->copied_seq = now;
	if (!grown)
		return 0;
	witness_stream(0, grown);
	if (is_mine(cell))
		cell->counters.rx_bytes += grown;
	else
		charge_stream_apart(sk, cell, 0, grown);
	return 0;
}

#endif
