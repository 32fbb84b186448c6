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

static __always_inline void charge_stream_sent(struct sock *sk, __u64 length, enum witness how)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct portolan_truth *mine = my_truth();

	if (mine)
		witness(&mine->tcp_tx_bytes, length, how);
	if (cell && is_mine(cell))
		add(&cell->counters, length, 0);
	else
		charge_stream_apart(sk, cell, length, 0);
	if (cell && !cell->heard)
		look_at_sent(sk, cell, length);
}

/*
 * What of a stream only the call tells: MPTCP, and urgent bytes, which are no part of it (on_consumed sees the rest, and alone adds
 * to the cell).
 */
static __noinline int charge_stream_received(struct sock *sk, __u64 length, int is_urgent, enum witness how)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct portolan_truth *mine = my_truth();

	if (mine)
		witness(&mine->tcp_rx_apart_bytes, length, how);
	if (is_urgent)
		return settle_stream(sk, cell, 0, length);
	return charge_stream_apart(sk, cell, 0, length);
}

/* How a datagram was moved. */
enum moved {
	MOVED_SENT = 1,
	MOVED_WITH_CELL = 2, /* the call named the peer of the cell */
};

/* Charges a datagram of another program or another peer than the cell's. */
static __noinline int charge_datagram_apart(struct sock *sk, struct portolan_cell *cell, const struct peer *peer,
					    __u32 moved, __u64 length)
{
	int sent = moved & MOVED_SENT;
	__u8 direction = sent ? PORTOLAN_DIRECTION_OUTBOUND : PORTOLAN_DIRECTION_INBOUND;
	__u64 tx = sent ? length : 0, rx = sent ? 0 : length;
	struct portolan_cell fresh = {};
	int is_first = 0;

	/* Who opened the socket's first flow opened the others: a server answers many peers. */
	describe_flow(sk, &fresh.flow, cell ? cell->flow.direction : direction);
	if (peer) {
		__builtin_memcpy(fresh.flow.remote_address, peer->address, 16);
		fresh.flow.remote_port = peer->port;
	} else if (cell && moved & MOVED_WITH_CELL) {
		__builtin_memcpy(fresh.flow.remote_address, cell->flow.remote_address, 16);
		fresh.flow.remote_port = cell->flow.remote_port;
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
static __always_inline void charge_datagram(struct sock *sk, int sent, __u64 length, enum witness how)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct task_struct *task = bpf_get_current_task_btf();
	struct portolan_truth *mine = my_truth();
	int with_cell = take_named(task, cell);
	struct peer *peer = with_cell ? 0 : peer_of_call(task, sk, cell);

	if (mine)
		witness_datagram(mine, sk, sent, length, how);
	if (cell && is_used_by(task, cell) && (with_cell || is_with(&cell->flow, sk, peer))) {
		add(&cell->counters, sent ? length : 0, sent ? 0 : length);
		if (is_worth_a_look(cell, &cell->flow, sent))
			look_at_datagram(sk, cell, &cell->flow, length, sent);
	} else {
		charge_datagram_apart(sk, cell, peer, sent | (with_cell ? MOVED_WITH_CELL : 0), length);
	}
	if (peer)
		peer->socket = 0;
}

/* A call that failed still has to forget the peer that its cgroup hook left. */
static __always_inline void forget_peer(struct sock *sk)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct task_struct *task = bpf_get_current_task_btf();
	struct peer *peer = take_named(task, cell) ? 0 : peer_of_call(task, sk, cell);

	if (peer)
		peer->socket = 0;
}

/* The rest of quick_sent. */
static __always_inline void charge_sent(struct sock *sk, long length, enum witness how)
{
	if (is_stream(sk))
		charge_stream_sent(sk, length, how);
	else if (length >= 0)
		charge_datagram(sk, MOVED_SENT, length, how);
	else
		forget_peer(sk);
}

/* The rest of quick_received. */
static __always_inline void charge_received(struct sock *sk, long length, int flags, enum witness how)
{
	if (is_stream(sk)) {
		int is_mptcp = sk->sk_protocol == IPPROTO_MPTCP;

		if (is_mptcp || flags & MSG_OOB)
			charge_stream_received(sk, length, !is_mptcp, how);
		if ((is_mptcp || !(flags & MSG_OOB)) && sk->__sk_common.skc_dport == bpf_htons(DNS_PORT))
			look_at_answers(sk, length, flags);
	} else if (length >= 0 && !(flags & (MSG_PEEK | MSG_ERRQUEUE))) {
		charge_datagram(sk, 0, length, how);
	} else {
		forget_peer(sk);
	}
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_sent, struct sock *sk, int length, int flags)
{
	charge_sent(sk, length, WITNESS_ALONE);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_received, struct sock *sk, int length, int flags)
{
	charge_received(sk, length, flags, WITNESS_ALONE);
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
	struct portolan_truth *mine = my_truth();
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
	begin_sequence(cell, tcp);
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
	if (mine)
		witness(&mine->tcp_rx_bytes, grown, WITNESS_ALONE);
	if (is_mine(cell))
		cell->counters.rx_bytes += grown;
	else
		charge_stream_apart(sk, cell, 0, grown);
	return 0;
}

#endif
