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
#include "sockets.h"

/* The peer of this call: as the cgroup hook saw it, else as the socket is connected, else unknown (all 0). */
static __always_inline void take_remote(struct sock *sk, __u8 address[16], __u16 *port)
{
	struct peer *peer = bpf_task_storage_get(&peers, bpf_get_current_task_btf(), 0, 0);

	*port = 0;
	__builtin_memset(address, 0, 16);
	if (peer && peer->valid) {
		peer->valid = 0;
		__builtin_memcpy(address, peer->address, 16);
		*port = peer->port;
		return;
	}
	*port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (sk->__sk_common.skc_family == AF_INET6)
		BPF_CORE_READ_INTO((__u8(*)[16])address, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	else if (sk->__sk_common.skc_daddr)
		map_ipv4(address, sk->__sk_common.skc_daddr);
}

/* The cell becomes the current task's when nobody has used it yet. */
static __always_inline void claim(struct sock *sk, struct portolan_cell *cell)
{
	if (__sync_val_compare_and_swap(&cell->state, PORTOLAN_CELL_PROVISIONAL, PORTOLAN_CELL_CLAIMED) !=
	    PORTOLAN_CELL_PROVISIONAL)
		return;
	owner_of(bpf_get_current_task_btf(), &cell->flow.owner);
	cell->flow.uid = (__u32)bpf_get_current_uid_gid();
	describe_socket(sk, &cell->flow);
	__sync_lock_test_and_set(&cell->state, PORTOLAN_CELL_READY);
}

static __always_inline int is_mine(const struct portolan_cell *cell)
{
	struct portolan_owner owner;

	owner_of(bpf_get_current_task_btf(), &owner);
	return cell->state == PORTOLAN_CELL_READY && same_owner(&owner, &cell->flow.owner);
}

static __always_inline void charge_stream(struct sock *sk, struct portolan_cell *cell, __u64 tx, __u64 rx)
{
	struct portolan_flow flow;

	if (cell && cell->state == PORTOLAN_CELL_LISTENING)
		begin_early(sk, cell);
	if (cell && cell->state == PORTOLAN_CELL_PROVISIONAL)
		claim(sk, cell);
	if (cell && is_mine(cell)) {
		add(&cell->counters, tx, rx);
		return;
	}
	describe_flow(sk, &flow, cell ? cell->flow.direction : PORTOLAN_DIRECTION_UNKNOWN);
	settle_use(&flow, tx, rx);
}

static __always_inline int same_address(const __u8 *a, const __u8 *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

static __always_inline void charge_datagram(struct sock *sk, __u64 tx, __u64 rx)
{
	__u8 direction = tx ? PORTOLAN_DIRECTION_OUTBOUND : PORTOLAN_DIRECTION_INBOUND;
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct portolan_cell fresh;
	struct portolan_flow flow;
	__u64 address[2];
	__u16 port;

	take_remote(sk, (__u8 *)address, &port);
	if (cell && is_mine(cell) && cell->flow.remote_port == port &&
	    same_address(cell->flow.remote_address, (__u8 *)address)) {
		add(&cell->counters, tx, rx);
		return;
	}
	/* Who opened the socket's first flow opened the others: a server answers many peers. */
	describe_flow(sk, &flow, cell ? cell->flow.direction : direction);
	__builtin_memcpy(flow.remote_address, address, 16);
	flow.remote_port = port;
	if (!cell && flow.family != AF_PACKET) {
		__builtin_memset(&fresh, 0, sizeof(fresh));
		fresh.flow = flow;
		fresh.counters.opened_ns = bpf_ktime_get_boot_ns();
		fresh.state = PORTOLAN_CELL_READY;
		cell = bpf_sk_storage_get(&cells, sk, &fresh, BPF_SK_STORAGE_GET_F_CREATE);
		if (!cell) {
			lose(PORTOLAN_LOSS_CELLS, 1);
		} else if (is_mine(cell) && cell->flow.remote_port == port &&
			   same_address(cell->flow.remote_address, (__u8 *)address)) {
			add(&cell->counters, tx, rx);
			return;
		} /* else another thread was first, with another peer */
	}
	settle_use(&flow, tx, rx);
}

static __always_inline int is_counted(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6 || family == AF_PACKET;
}

/* A call that failed still has to forget the peer that its cgroup hook left. */
static __always_inline void forget_peer(void)
{
	struct peer *peer = bpf_task_storage_get(&peers, bpf_get_current_task_btf(), 0, 0);

	if (peer)
		peer->valid = 0;
}

/* A send call moved length bytes; negative: it failed. */
static __always_inline void charge_sent(struct sock *sk, long length)
{
	if (!is_counted(sk))
		return;
	if (is_tcp(sk)) {
		if (length > 0)
			charge_stream(sk, bpf_sk_storage_get(&cells, sk, 0, 0), length, 0);
	} else if (length > 0) {
		charge_datagram(sk, length, 0);
	} else {
		forget_peer();
	}
}

/* A receive call gave length bytes; negative: it failed. */
static __always_inline void charge_received(struct sock *sk, long length, int flags)
{
	if (!is_counted(sk))
		return;
	if (is_tcp(sk)) { /* on_consumed, but for the urgent byte, which is read apart */
		if (length > 0 && flags & MSG_OOB && !(flags & MSG_PEEK))
			charge_stream(sk, bpf_sk_storage_get(&cells, sk, 0, 0), 0, length);
		return;
	}
	/* The error queue gives back what was sent; who only looks will receive it again. */
	if (length > 0 && !(flags & (MSG_ERRQUEUE | MSG_PEEK)))
		charge_datagram(sk, 0, length);
	else
		forget_peer();
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

/* Whether the urgent byte, which only MSG_OOB reads, lies between two sequence numbers. 0: there never was one. */
static __always_inline int skipped_urgent(struct sock *sk, __u32 from, __u32 to)
{
	__u32 urgent = BPF_CORE_READ((struct tcp_sock *)sk, urg_seq);

	return urgent && urgent - from < to - from && !(sk->__sk_common.skc_flags & SOCK_URGINLINE);
}

/* Whether it comes next: the kernel passes over it without a word when another one follows. */
static __always_inline int urgent_is_next(struct sock *sk, __u32 at)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	return BPF_CORE_READ(tcp, urg_seq) == at && BPF_CORE_READ(tcp, urg_data) &&
	       !(sk->__sk_common.skc_flags & SOCK_URGINLINE);
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_consumed, struct sock *sk)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	__u32 now = consumed(sk), grown;

	if (!cell) {
		/* A socket that no process held when the daemon started: counted from here on. */
		cell = open_cell(sk, PORTOLAN_DIRECTION_UNKNOWN, PORTOLAN_CELL_READY);
		if (cell)
			cell->copied_seq = now;
		return 0;
	}
	if (cell->state == PORTOLAN_CELL_LISTENING)
		begin_early(sk, cell);
	grown = now - cell->copied_seq;
	if ((__s32)grown <= 0) /* negative: the urgent byte that comes next has been passed over in advance */
		return 0;
	grown -= skipped_urgent(sk, cell->copied_seq, now);
	cell->copied_seq = now + urgent_is_next(sk, now);
	if (grown)
		charge_stream(sk, cell, 0, grown);
	return 0;
}

#endif
