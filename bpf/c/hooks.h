/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What is attached. Each hook holds a program that jumps to the one that its table names, so that a daemon that takes over from
 * another (after a crash, an upgrade) replaces the program of a hook in one step: each event is counted by exactly one version. What
 * is cheaper than the jump, and what nearly every call needs, is done before it (quick.h). Not BPF_LINK_UPDATE: links of tracepoints refuse it. Not two programs side by side: an event that is under way
 * could be counted by both. The jump has a constant index, which the JIT makes a direct one.
 *
 * Tables: written by the daemon at its start, read by the kernel; one entry. Filled before the hook is attached.
 */
#ifndef PORTOLAN_HOOKS_H
#define PORTOLAN_HOOKS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "quick.h"

struct program_table {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};

#define HOOK(section, name, otherwise) QUICK_HOOK(section, name, otherwise, 0)

/* One that jumps only when is_done is 0. */
#define QUICK_HOOK(section, name, otherwise, is_done)	\
	struct program_table name##_now SEC(".maps");	\
	SEC(section)					\
	int at_##name(void *ctx)			\
	{						\
		if (!(is_done))				\
			bpf_tail_call(ctx, &name##_now, 0); \
		return otherwise;			\
	}

/* What a tracepoint has at hand. */
#define ARGUMENT(number) (((__u64 *)ctx)[number])
#define SOCK ((struct sock *)ARGUMENT(0))

HOOK("tp_btf/sched_process_fork", fork, 0)
HOOK("tp_btf/sched_prepare_exec", prepare, 0)
HOOK("tp_btf/sched_process_exec", exec, 0)
HOOK("tp_btf/sched_process_exit", exit, 0)
HOOK("tp_btf/cgroup_attach_task", moved, 0)
QUICK_HOOK("tp_btf/sock_send_length", sent, 0, quick_sent(SOCK, (int)ARGUMENT(1), WITNESS_ALONE))
QUICK_HOOK("tp_btf/sock_recv_length", received, 0, quick_received(SOCK, (int)ARGUMENT(1), ARGUMENT(2), WITNESS_ALONE))
QUICK_HOOK("tp_btf/tcp_rcv_space_adjust", consumed, 0, quick_consumed(SOCK))
QUICK_HOOK("tp_btf/inet_sock_set_state", tcp_state, 0, quick_state(ARGUMENT(1), ARGUMENT(2)))
HOOK("cgroup/sock_release", release, 1)
QUICK_HOOK("cgroup/sendmsg4", sendmsg4, 1, quick_ipv4(ctx))
QUICK_HOOK("cgroup/sendmsg6", sendmsg6, 1, quick_ipv6(ctx))
QUICK_HOOK("cgroup/recvmsg4", recvmsg4, 1, quick_ipv4(ctx))
QUICK_HOOK("cgroup/recvmsg6", recvmsg6, 1, quick_ipv6(ctx))

/* Where one of the above is missing: older.h. */
HOOK("fexit/inet_sendmsg", inet_sendmsg, 0)
HOOK("fexit/inet6_sendmsg", inet6_sendmsg, 0)
HOOK("fentry/inet_sendpage", inet_sendpage_entry, 0)
HOOK("fexit/sock_no_sendpage", sock_no_sendpage, 0)
HOOK("fexit/inet_sendpage", inet_sendpage, 0)
HOOK("fexit/packet_sendmsg", packet_sendmsg, 0)
HOOK("fexit/packet_sendmsg_spkt", packet_sendmsg_spkt, 0)
HOOK("fexit/inet_recvmsg", inet_recvmsg, 0)
HOOK("fexit/inet6_recvmsg", inet6_recvmsg, 0)
HOOK("fexit/sock_common_recvmsg", sock_common_recvmsg, 0)
HOOK("fexit/packet_recvmsg", packet_recvmsg, 0)
HOOK("fentry/udp_sendmsg", udp_sendmsg, 0)
HOOK("fentry/udpv6_sendmsg", udpv6_sendmsg, 0)
HOOK("fexit/udp_recvmsg", udp_recvmsg, 0)
HOOK("fexit/udpv6_recvmsg", udpv6_recvmsg, 0)

#endif
