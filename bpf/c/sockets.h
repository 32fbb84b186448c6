/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The life of a socket's cell: TCP's states, sockets that were there before, close, and reading all cells.
 *
 * tp_btf/inet_sock_set_state: since Linux 4.16. Runs in the caller's context for connect and listen, in softirq for what the
 * network does; an accepted socket has a copy of its listener's cell by then. Not sockops: it costs a call per ACK class.
 * cgroup/sock_release: since Linux 5.9. Runs at the last close of every IPv4 and IPv6 socket, but not of AF_PACKET ones.
 * Not inet_sock_set_state to CLOSE: it may come long after the program closed the socket, and only for TCP.
 * Without it closed sockets lose their counts: there is no fallback.
 */
#ifndef PORTOLAN_SOCKETS_H
#define PORTOLAN_SOCKETS_H

#include <bpf/bpf_tracing.h>
#include "flows.h"

static __always_inline __u32 consumed(struct sock *sk)
{
	return BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
}

/* A cell for the current task's use of the socket. */
static __noinline struct portolan_cell *open_cell(struct sock *sk, __u8 direction, __u32 state)
{
	struct portolan_cell fresh = {};
	struct portolan_cell *cell;

	describe_flow(sk, &fresh.flow, direction);
	fresh.counters.opened_ns = bpf_ktime_get_boot_ns();
	fresh.state = state;
	cell = bpf_sk_storage_get(&cells, sk, &fresh, BPF_SK_STORAGE_GET_F_CREATE);
	if (!cell)
		lose(PORTOLAN_LOSS_CELLS, 1);
	return cell;
}

static __always_inline void on_established(struct sock *sk, int inbound)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);

	if (!cell) {
		cell = open_cell(sk, PORTOLAN_DIRECTION_UNKNOWN, PORTOLAN_CELL_PROVISIONAL);
		if (!cell)
			return;
		/* in softirq the current task is a bystander */
		__builtin_memset(&cell->flow.owner, 0, sizeof(cell->flow.owner));
	}
	cell->copied_seq = consumed(sk);
	if (cell->state == PORTOLAN_CELL_READY)
		return; /* data went with the SYN (TCP Fast Open): the flow is already in use */
	describe_socket(sk, &cell->flow);
	cell->flow.direction = inbound ? PORTOLAN_DIRECTION_INBOUND : PORTOLAN_DIRECTION_OUTBOUND;
	cell->counters.opened_ns = bpf_ktime_get_boot_ns();
	/* An accepted connection belongs to whom uses it first; one that was connected has its owner. */
	cell->state = inbound || !cell->flow.owner.pid ? PORTOLAN_CELL_PROVISIONAL : PORTOLAN_CELL_READY;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old_state, int new_state)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (new_state == TCP_SYN_SENT)
		open_cell(sk, PORTOLAN_DIRECTION_OUTBOUND, PORTOLAN_CELL_PROVISIONAL);
	else if (new_state == TCP_LISTEN)
		open_cell(sk, PORTOLAN_DIRECTION_UNKNOWN, PORTOLAN_CELL_LISTENING);
	else if (new_state == TCP_ESTABLISHED)
		on_established(sk, old_state != TCP_SYN_SENT);
	return 0;
}

SEC("cgroup/sock_release")
int on_release(struct bpf_sock *ctx)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, ctx, 0, 0);
	__u32 state;

	if (!cell || cell->state == PORTOLAN_CELL_LISTENING)
		return 1;
	/* Closed before settled: a reader that comes in between misses the bytes until the next reading, never sees them twice. */
	state = __sync_lock_test_and_set(&cell->state, PORTOLAN_CELL_CLOSED);
	if (state == PORTOLAN_CELL_PROVISIONAL && !cell->flow.owner.pid)
		owner_of(bpf_get_current_task_btf(), &cell->flow.owner);
	if (state == PORTOLAN_CELL_CLOSED)
		return 1;
	cell->counters.closed_sockets = 1;
	settle(&cell->flow, &cell->counters);
	return 1;
}

/* Gives a cell to each TCP socket that a process holds. Since Linux 5.8 (bpf_sock_from_file: 5.11). */
SEC("iter/task_file")
int adopt_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct portolan_cell fresh = {};
	struct socket *socket;
	struct sock *sk;
	__u8 tcp_state;
	__u16 family;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	family = sk->__sk_common.skc_family;
	tcp_state = sk->__sk_common.skc_state;
	if ((family != AF_INET && family != AF_INET6) || sk->sk_protocol != IPPROTO_TCP || tcp_state == TCP_CLOSE)
		return 0;
	owner_of(task, &fresh.flow.owner);
	fresh.flow.uid = task->cred->uid.val;
	describe_socket(sk, &fresh.flow);
	fresh.counters.opened_ns = bpf_ktime_get_boot_ns();
	fresh.copied_seq = consumed(sk);
	if (tcp_state == TCP_LISTEN)
		fresh.state = PORTOLAN_CELL_LISTENING;
	else if (tcp_state == TCP_SYN_SENT)
		fresh.state = PORTOLAN_CELL_PROVISIONAL;
	else
		fresh.state = PORTOLAN_CELL_READY;
	if (!bpf_sk_storage_get(&cells, sk, &fresh, BPF_SK_STORAGE_GET_F_CREATE))
		lose(PORTOLAN_LOSS_CELLS, 1);
	return 0;
}

/* Writes every cell in use as a portolan_cell. Since Linux 5.8. */
SEC("iter/bpf_sk_storage_map")
int dump_cells(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct portolan_cell *cell = ctx->value;

	if (!ctx->sk || !cell || cell->state != PORTOLAN_CELL_READY)
		return 0;
	bpf_seq_write(ctx->meta->seq, cell, sizeof(*cell));
	return 0;
}

#endif
