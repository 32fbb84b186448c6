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

/* A TCP connection inside MPTCP's: what it carries is counted at MPTCP's socket. Also where MPTCP fell back to TCP. */
static __always_inline int is_subflow(struct sock *sk)
{
	struct tcp_sock *tcp = is_of_kernel(sk) ? bpf_skc_to_tcp_sock(sk) : 0;

	return tcp && bpf_core_field_exists(tcp->is_mptcp) && tcp->is_mptcp;
}

/* A cell for the current task's use of a socket that has none; somebody else's, when they were first. */
static __noinline struct portolan_cell *open_cell(struct sock *sk, __u8 direction, __u32 state)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!cell) {
		lose(PORTOLAN_LOSS_CELLS, 1);
		return 0;
	}
	if (__sync_val_compare_and_swap(&cell->state, PORTOLAN_CELL_PROVISIONAL, PORTOLAN_CELL_CLAIMED) !=
	    PORTOLAN_CELL_PROVISIONAL)
		return cell;
	describe_flow(sk, &cell->flow, direction);
	cell->counters.opened_ns = bpf_ktime_get_boot_ns();
	__sync_lock_test_and_set(&cell->state, state);
	return cell;
}

/* Moves the cell's counters to the closed flows; not 0 when somebody did before. */
static __always_inline int close_cell(struct portolan_cell *cell)
{
	/* Closed before settled: a reader that comes in between misses the bytes until the next reading, never sees them twice. */
	if (__sync_lock_test_and_set(&cell->state, PORTOLAN_CELL_CLOSED) == PORTOLAN_CELL_CLOSED)
		return -1;
	cell->counters.closed_sockets = 1;
	settle_closed(&cell->flow, &cell->counters);
	return 0;
}

/*
 * The socket connects or listens. It may have done so before (after a refusal, or connect(AF_UNSPEC)): that was another
 * flow, and accepted sockets must not copy its counters.
 */
static __always_inline void begin(struct sock *sk, __u8 direction, __u32 state)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);

	if (!cell) {
		open_cell(sk, direction, state);
		return;
	}
	if (cell->state != PORTOLAN_CELL_LISTENING && cell->state != PORTOLAN_CELL_KERNEL)
		close_cell(cell);
	describe_flow(sk, &cell->flow, direction);
	__builtin_memset(&cell->counters, 0, sizeof(cell->counters));
	cell->flags = 0;
	cell->shown_to = 0;
	cell->heard = 0;
	cell->said_tx = 0;
	cell->said_rx = 0;
	cell->counters.opened_ns = bpf_ktime_get_boot_ns();
	__sync_lock_test_and_set(&cell->state, state);
}

/* The copy of its listener's cell becomes a socket's own: nobody's, until somebody uses it. */
static __always_inline void begin_accepted(struct sock *sk, struct portolan_cell *cell)
{
	describe_addresses(sk, &cell->flow);
	cell->flow.direction = PORTOLAN_DIRECTION_INBOUND;
	cell->counters.opened_ns = bpf_ktime_get_boot_ns();
	__sync_lock_test_and_set(&cell->state, PORTOLAN_CELL_PROVISIONAL);
}

/*
 * The tracepoint of a state may be missed: the kernel runs no program in the middle of itself, and packets interrupt a
 * connect(). What is here is for the people who look at the connection; the first use completes it all the same.
 */
static __always_inline void on_established(struct sock *sk, int inbound)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);

	if (cell && cell->flow.direction == PORTOLAN_DIRECTION_OUTBOUND)
		inbound = 0; /* both sides connected at once */
	if (!cell) {
		cell = open_cell(sk, PORTOLAN_DIRECTION_UNKNOWN, PORTOLAN_CELL_PROVISIONAL);
		if (!cell)
			return;
		/* in softirq the current task is a bystander */
		if (cell->state == PORTOLAN_CELL_PROVISIONAL)
			__builtin_memset(&cell->flow.owner, 0, sizeof(cell->flow.owner));
	}
	/* data went with the SYN (TCP Fast Open): the flow is already in use */
	if (cell->state == PORTOLAN_CELL_READY || cell->state == PORTOLAN_CELL_KERNEL)
		return;
	if (inbound) { /* an accepted connection belongs to whom uses it first */
		begin_accepted(sk, cell);
		return;
	}
	describe_addresses(sk, &cell->flow);
	cell->flow.direction = PORTOLAN_DIRECTION_OUTBOUND;
	if (cell->flags & PORTOLAN_CELL_RELEASED) { /* the answer came while it was given up */
		close_cell(cell);
		return;
	}
	cell->state = cell->flow.owner.pid ? PORTOLAN_CELL_READY : PORTOLAN_CELL_PROVISIONAL;
}

/*
 * A connection that nobody answered, or that was given up. The kernel chose its port after it said SYN_SENT, and has just taken
 * it back; what it was still stands in inet_sport.
 */
static __always_inline void on_unanswered(struct sock *sk)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	if (!cell || cell->state != PORTOLAN_CELL_PROVISIONAL)
		return;
	describe_socket(sk, &cell->flow);
	if (tcp)
		cell->flow.local_port = bpf_ntohs(tcp->inet_conn.icsk_inet.inet_sport);
	if (cell->flags & PORTOLAN_CELL_RELEASED)
		close_cell(cell);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old_state, int new_state)
{
	int unanswered = new_state == TCP_CLOSE; /* quick_state lets no other end through */

	if (!is_stream(sk) || is_subflow(sk))
		return 0;
	if (unanswered)
		on_unanswered(sk);
	else if (new_state == TCP_SYN_SENT)
		begin(sk, PORTOLAN_DIRECTION_OUTBOUND, PORTOLAN_CELL_PROVISIONAL);
	else if (new_state == TCP_LISTEN)
		begin(sk, PORTOLAN_DIRECTION_UNKNOWN, PORTOLAN_CELL_LISTENING);
	else
		on_established(sk, old_state != TCP_SYN_SENT);
	return 0;
}

SEC("cgroup/sock_release")
int on_release(struct bpf_sock *ctx)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, ctx, 0, 0);
	struct portolan_owner owner;

	if (!cell || cell->state == PORTOLAN_CELL_LISTENING)
		return 1;
	if (cell->state == PORTOLAN_CELL_PROVISIONAL &&
	    (cell->flow.direction != PORTOLAN_DIRECTION_OUTBOUND || !cell->flow.owner.pid)) {
		/* Accepted and never used: of who closes it. Who listened may be another program (inetd, systemd). */
		owner_of(bpf_get_current_task_btf(), &owner);
		if (owner.pid || !cell->flow.owner.pid) {
			cell->flow.owner = owner;
			cell->flow.uid = (__u32)bpf_get_current_uid_gid();
		}
	}
	if (cell->state == PORTOLAN_CELL_PROVISIONAL && ctx->state == TCP_SYN_SENT) {
		cell->flags |= PORTOLAN_CELL_RELEASED; /* its end comes next, and says more: on_unanswered */
		return 1;
	}
	close_cell(cell);
	return 1;
}

#define WAITING_MAX 65535 /* connections of one listener */

struct waiting {
	struct request_sock *next;
	struct portolan_cell fresh;
};

static long adopt_next(__u64 index, struct waiting *waiting)
{
	struct request_sock *request = waiting->next;
	struct sock *sk;

	if (!request)
		return 1;
	waiting->next = request->dl_next;
	sk = request->sk;
	if (!sk)
		return 0;
	describe_socket(sk, &waiting->fresh.flow);
	if (!bpf_sk_storage_get(&cells, sk, &waiting->fresh, BPF_SK_STORAGE_GET_F_CREATE))
		lose(PORTOLAN_LOSS_CELLS, 1);
	return 0;
}

/*
 * Connections that wait to be accepted: no process holds them, and what they have received is still to be read. Their memory stays a
 * socket's while a program runs; of one that is accepted meanwhile the cell is whoever's was first. Since Linux 5.17 (bpf_loop).
 */
static __always_inline void adopt_waiting(struct tcp_sock *listener)
{
	struct waiting waiting = { .fresh.state = PORTOLAN_CELL_PROVISIONAL };

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		return;
	waiting.next = listener->inet_conn.icsk_accept_queue.rskq_accept_head;
	waiting.fresh.counters.opened_ns = bpf_ktime_get_boot_ns();
	waiting.fresh.flow.direction = PORTOLAN_DIRECTION_INBOUND;
	bpf_loop(WAITING_MAX, adopt_next, &waiting, 0);
}

/* Gives a cell to each TCP and MPTCP socket that a process holds, or could accept. Since Linux 5.8 (bpf_sock_from_file: 5.11). */
SEC("iter/task_file")
int adopt_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct portolan_cell fresh = {};
	struct socket *socket;
	struct tcp_sock *tcp;
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
	if ((family != AF_INET && family != AF_INET6) || !is_stream(sk) || tcp_state == TCP_CLOSE)
		return 0;
	owner_of(task, &fresh.flow.owner);
	fresh.flow.uid = task->cred->uid.val;
	describe_socket(sk, &fresh.flow);
	fresh.counters.opened_ns = bpf_ktime_get_boot_ns();
	tcp = bpf_skc_to_tcp_sock(sk);
	if (tcp && tcp_state == TCP_LISTEN)
		adopt_waiting(tcp);
	if (tcp && tcp_state != TCP_LISTEN) {
		fresh.copied_seq = consumed(sk, tcp);
		fresh.flags = PORTOLAN_CELL_SEQUENCED;
		fresh.heard = PORTOLAN_HEARD_ENOUGH | PORTOLAN_HEARD_MIDWAY;
	}
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

/*
 * Writes every cell in use as a portolan_socket. Since Linux 5.8. A cell that is given to another flow while it is copied
 * is left out: its bytes come with the closed ones.
 *
 * Between two reads of at most 32 KiB the kernel goes through its list of cells again to find its place: what is written of
 * each has to be short.
 */
SEC("iter/bpf_sk_storage_map")
int dump_cells(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct portolan_cell *cell = ctx->value;
	struct sock *sk = ctx->sk;
	struct {
		struct portolan_socket socket;
		struct portolan_flow flow;
	} copy;
	__u32 zero = 0, size = sizeof(copy.socket);
	__u32 *shown_to = bpf_map_lookup_elem(&reader, &zero);
	__u64 opened_ns;

	if (cell && (cell->looks || cell->dns_looks))
		cell->looks = cell->dns_looks = 0;
	if (!sk || !cell || !shown_to || *(volatile __u32 *)&cell->state != PORTOLAN_CELL_READY)
		return 0;
	opened_ns = *(volatile __u64 *)&cell->counters.opened_ns;
	copy.socket.address = (__u64)sk;
	copy.socket.opened_ns = opened_ns;
	copy.socket.tx_bytes = *(volatile __u64 *)&cell->counters.tx_bytes;
	copy.socket.rx_bytes = *(volatile __u64 *)&cell->counters.rx_bytes;
	if (cell->shown_to != *shown_to) {
		copy.socket.opened_ns |= PORTOLAN_WITH_FLOW;
		copy.flow = cell->flow;
		size = sizeof(copy);
	}
	barrier();
	if (*(volatile __u32 *)&cell->state != PORTOLAN_CELL_READY ||
	    *(volatile __u64 *)&cell->counters.opened_ns != opened_ns)
		return 0;
	/* What finds no room is shown again by the next read. */
	if (!bpf_seq_write(ctx->meta->seq, &copy, size))
		cell->shown_to = *shown_to;
	return 0;
}

#endif
