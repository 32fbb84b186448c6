/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef PORTOLAN_MAPS_H
#define PORTOLAN_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

/*
 * The counters of a live socket. Written by the accounting programs, read by dump_cells. An accepted socket starts with a
 * copy of its listener's cell. When no memory is left, the socket is counted flow by flow (PORTOLAN_LOSS_CELLS).
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct portolan_cell);
} cells SEC(".maps");

/*
 * Flows of closed sockets, and uses of a socket by others than its first owner and peer. Two tables: programs add to the
 * active one; the daemon makes the other one active, waits until no program can still hold the old choice (an RCU grace
 * period), then reads and clears it alone. When full: the owner's cell in the overflow table below.
 */
struct closed_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PORTOLAN_CLOSED_MAX);
	__type(key, struct portolan_flow);
	__type(value, struct portolan_counters);
};
struct closed_table closed_0 SEC(".maps");
struct closed_table closed_1 SEC(".maps");

/* Bytes by owner alone, of flows that found no room. Swapped with the above. When full: PORTOLAN_LOSS_OVERFLOW_*. */
struct overflow_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PORTOLAN_OVERFLOW_MAX);
	__type(key, struct portolan_owner);
	__type(value, struct portolan_counters);
};
struct overflow_table overflow_0 SEC(".maps");
struct overflow_table overflow_1 SEC(".maps");

/*
 * Sockets in the order they were closed: most are of a flow of their own, and to put one at the end of a list costs a tenth of
 * making an entry in a table. Swapped with the above. When full: the table of flows.
 */
struct closings {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORTOLAN_CLOSINGS_MAX);
	__type(key, __u32);
	__type(value, struct portolan_closing);
};
struct closings closings_0 SEC(".maps");
struct closings closings_1 SEC(".maps");

/* How many were put into each list, or would have been. Counted by the programs, set to 0 by the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} closings_used SEC(".maps");

/* How often the tables were swapped; the last bit says which one is active. Written by the daemon, read by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} active SEC(".maps");

/*
 * Never read: the kernel lets who puts a map into it wait until no program runs that began before. Written by the daemon, which
 * waits so after it has made the other tables active.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__type(key, __u32);
		__type(value, __u32);
	});
} grace SEC(".maps");

/*
 * Names this set of tables: 0 until the daemon that made them has written when that was (CLOCK_BOOTTIME). Written and read by
 * daemons, to know whether their notes are about these counters.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} instance SEC(".maps");

/* Who reads the cells: never 0, and another one for who has forgotten what it was shown. Written by the daemon alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} reader SEC(".maps");

/*
 * The peer of the datagram that a thread is sending or has just received, between the cgroup hook that knows it and the
 * tracepoint of the same call that knows the length. Freed with the thread.
 */
struct peer {
	__u8 address[16];
	__u64 socket; /* whose call it is, a pointer only to compare; 0 when the tracepoint has read it */
	__u16 port; /* host order */
	__u16 reserved[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct peer);
} peers SEC(".maps");

/* Process events to the daemon. When full: PORTOLAN_LOSS_EVENTS, and the daemon asks the task iterator. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PORTOLAN_RING_BYTES);
} events SEC(".maps");

/* Room to build an event in, too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct portolan_message);
} scratch SEC(".maps");

/* The same for the iterator, of which one runs at a time: it can be preempted, and its CPU's scratch overwritten. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct portolan_message);
} task_scratch SEC(".maps");

/*
 * The truth that the tables are checked against. Written where a call is charged, read by the daemon. Each CPU adds to its own
 * and each field is one hook's (truth.h). It has room for every byte: it is never full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct portolan_truth);
} truth SEC(".maps");

/* What was refused: cumulative, read by the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORTOLAN_LOSS_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

static __always_inline void lose(__u32 kind, __u64 count)
{
	__u64 *counter = bpf_map_lookup_elem(&losses, &kind);

	if (counter)
		__sync_fetch_and_add(counter, count);
}

#endif
