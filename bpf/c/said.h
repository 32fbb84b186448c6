/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What programs say that names may be found in, copied from their memory and only recognised here (decision 14): DNS answers and
 * the questions that they answer, the beginning of what a TCP connection sends, QUIC's first datagrams.
 *
 * Called by the programs that count a call, in the caller's context, when its buffer has been read or filled. Where that is, the
 * caller's registers say (bpf_task_pt_regs: since Linux 5.15; before, nothing is copied). Not the kernel's own copy of the call:
 * no hook has it at hand with the length. Workers of io_uring have no call to look at, 32-bit programs have another kind of it.
 */
#ifndef PORTOLAN_SAID_H
#define PORTOLAN_SAID_H

#include <bpf/bpf_core_read.h>
#include "call.h"
#include "peers.h"

#define GREETING_MAX 16 /* bytes of what an accepted connection sends first */
#define QUESTION_MAX 512 /* bytes of a question to a DNS server */
#define BEGINNING 8 /* bytes that tell whether the rest matters */
#define VECTORS_MAX 8 /* parts of a buffer, and … */
#define MESSAGES_MAX 4 /* … messages of one call that are looked at */

/* What was said. Read by the daemon at each tick, and when a quarter is full. When full: PORTOLAN_LOSS_SAID. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PORTOLAN_SAID_RING_BYTES);
} said SEC(".maps");

/* Room to copy to, and how many records this CPU has made in this second. Twice the bytes, so that the verifier sees no end. */
struct said_room {
	__u32 is_busy; /* another program may take the CPU, or interrupt */
	__u32 records;
	__u64 second;
	struct call call;
	struct portolan_said said;
	__u8 bytes[2 * PORTOLAN_SAID_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct said_room);
} said_scratch SEC(".maps");

/* The room with the current call in it; NULL when there is nothing to look at. To be left. */
static __always_inline struct said_room *enter_room(__u16 way)
{
	__u32 zero = 0;
	struct said_room *room = bpf_map_lookup_elem(&said_scratch, &zero);

	if (!room)
		return 0;
	if (__sync_lock_test_and_set(&room->is_busy, 1)) {
		lose(PORTOLAN_LOSS_SAID, 1);
		return 0;
	}
	if (!find_call(way == PORTOLAN_WAY_SENT, &room->call)) {
		room->is_busy = 0;
		return 0;
	}
	room->said.way = way;
	room->said.offset = 0;
	return room;
}

static __always_inline void leave_room(struct said_room *room)
{
	room->is_busy = 0;
}

/* Copies at most length bytes behind those that are there; not 0 when the caller's memory cannot be read. */
static __always_inline long copy(struct said_room *room, __u64 from, __u64 length)
{
	__u32 at = room->said.bytes_len;

	if (at >= PORTOLAN_SAID_MAX)
		return -1;
	barrier_var(length); /* the compiler may know the bound already; the verifier of Linux 6.1 does not */
	if (length > PORTOLAN_SAID_MAX)
		length = PORTOLAN_SAID_MAX;
	if (bpf_probe_read_user(room->bytes + at, length, (void *)from))
		return -1;
	room->said.bytes_len = at + length;
	return 0;
}

/* Copies the beginning of what count vectors hold, at most limit bytes. */
static __always_inline void copy_vectors(struct said_room *room, __u64 vectors, __u64 count, __u64 limit)
{
	struct {
		__u64 base;
		__u64 length;
	} vector;
	__u32 i;

	for (i = 0; i < VECTORS_MAX; i++) {
		if (i >= count || bpf_probe_read_user(&vector, sizeof(vector), (void *)(vectors + i * sizeof(vector))))
			break;
		if (vector.length > limit)
			vector.length = limit;
		if (copy(room, vector.base, vector.length))
			break;
		limit -= vector.length;
	}
}

/*
 * Copies the beginning of the call's bytes, or of its message's. Global, as say: the verifier looks at a global function once, not
 * for each way to it.
 */
__noinline int copy_call(struct said_room *room, __u64 message, __u64 limit)
{
	struct message header;

	if (!room)
		return 0;
	room->said.bytes_len = 0;
	if (limit > PORTOLAN_SAID_MAX)
		limit = PORTOLAN_SAID_MAX;
	if (room->call.shape == CALL_BUFFER) {
		copy(room, room->call.at, room->call.count < limit ? room->call.count : limit);
	} else if (room->call.shape == CALL_VECTORS) {
		copy_vectors(room, room->call.at, room->call.count, limit);
	} else if (!bpf_probe_read_user(&header, sizeof(header), (void *)message)) {
		copy_vectors(room, header.vectors, header.vectors_count, limit);
	}
	return 0;
}

/* Sends what is in the room. */
__noinline int say(struct said_room *room)
{
	__u64 size, flags = BPF_RB_NO_WAKEUP;

	if (!room)
		return 0;
	room->said.at_ns = bpf_ktime_get_boot_ns();
	if (room->second != room->said.at_ns >> 30) {
		room->second = room->said.at_ns >> 30;
		room->records = 0;
	}
	if (room->records >= PORTOLAN_SAID_PER_SECOND) {
		lose(PORTOLAN_LOSS_SAID_TOO_OFTEN, 1);
		return 0;
	}
	room->records++;
	size = room->said.bytes_len;
	if (size > PORTOLAN_SAID_MAX)
		size = PORTOLAN_SAID_MAX;
	if (bpf_ringbuf_query(&said, BPF_RB_AVAIL_DATA) >= PORTOLAN_SAID_RING_BYTES / 4)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&said, &room->said, sizeof(room->said) + size, flags))
		lose(PORTOLAN_LOSS_SAID, 1);
	return 0;
}

#define WORD(a, b, c, d) bpf_htonl((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* Whether length bytes, of which these are the first, can begin something that has a name in it, or tells what is spoken. */
static __always_inline int begins_known(__u32 length, __u32 word)
{
	__u32 mask = ~0U;

	if (!length)
		return 0;
	if (length < 4) /* the rest comes with the next call */
		mask = bpf_htonl(~0U << (32 - 8 * length));
#define BEGINS(a, b, c, d) (!((word ^ WORD(a, b, c, d)) & mask))
	return BEGINS('G', 'E', 'T', ' ') || BEGINS('P', 'O', 'S', 'T') || BEGINS('H', 'E', 'A', 'D') ||
	       BEGINS('P', 'U', 'T', ' ') || BEGINS('C', 'O', 'N', 'N') || BEGINS('D', 'E', 'L', 'E') ||
	       BEGINS('O', 'P', 'T', 'I') || BEGINS('P', 'A', 'T', 'C') || BEGINS('T', 'R', 'A', 'C') ||
	       BEGINS('P', 'R', 'I', ' ') || BEGINS('H', 'T', 'T', 'P') || BEGINS('S', 'S', 'H', '-') ||
	       !((word ^ WORD(0x16, 0x03, 0, 0)) & mask & WORD(0xff, 0xff, 0, 0));
}

/* An Initial packet of QUIC: RFC 9000, RFC 9369, and the drafts before. */
static __always_inline int begins_quic(const struct said_room *room)
{
	__u32 version;

	if (room->said.bytes_len < 5)
		return 0;
	version = (__u32)room->bytes[1] << 24 | room->bytes[2] << 16 | room->bytes[3] << 8 | room->bytes[4];
	if (version == 0x6b3343cf)
		return (room->bytes[0] & 0xf0) == 0xd0;
	return (version == 1 || version >> 8 == 0xff0000) && (room->bytes[0] & 0xf0) == 0xc0;
}

/* A question to a DNS server: one, as it is asked for addresses. */
static __always_inline int begins_question(const struct said_room *room)
{
	return room->said.bytes_len >= 6 && !(room->bytes[2] & 0xf8) && !room->bytes[4] && room->bytes[5] == 1;
}

/* Whose the bytes of a stream are: as they were charged. */
static __always_inline void describe_speaker(struct sock *sk, const struct portolan_cell *cell, struct portolan_flow *flow)
{
	if (is_mine(cell))
		*flow = cell->flow;
	else
		describe_flow(sk, flow, cell->flow.direction);
}

/*
 * Whether the current call sends nothing that is known, as nearly all do: asked without the room, which is far away. 0 when this does
 * not tell.
 */
static __always_inline int sends_unknown(__u64 length)
{
	struct call call;
	__u32 word;

	if (!find_call(1, &call))
		return 1;
	if (call.shape != CALL_BUFFER || call.count < sizeof(word) || length < sizeof(word))
		return 0;
	return bpf_probe_read_user(&word, sizeof(word), (void *)call.at) || !begins_known(sizeof(word), word);
}

/* A stream sent length bytes. Of what a program opened, the first calls; of what it accepted, how the first one begins. */
static __noinline int look_at_sent(struct sock *sk, struct portolan_cell *cell, __u64 length)
{
	int is_outbound = cell->flow.direction == PORTOLAN_DIRECTION_OUTBOUND;
	__u64 limit = is_outbound ? PORTOLAN_SAID_MAX : GREETING_MAX, offset = cell->said_tx;
	struct said_room *room;

	if (length >= PORTOLAN_SAID_MAX - offset || !is_outbound)
		cell->heard = PORTOLAN_HEARD_ENOUGH;
	else
		cell->said_tx += length;
	if (cell->looks >= PORTOLAN_LOOKS_MAX) {
		lose(PORTOLAN_LOSS_SAID_TOO_OFTEN, 1);
		cell->heard = PORTOLAN_HEARD_ENOUGH; /* the rest is of no use without */
		return 0;
	}
	cell->looks++;
	room = is_of_kernel(sk) || (!offset && sends_unknown(length)) ? 0 : enter_room(PORTOLAN_WAY_SENT);
	if (!room) {
		cell->heard = PORTOLAN_HEARD_ENOUGH;
		return 0;
	}
	room->said.bytes_len = 0;
	if (room->call.messages == 1 && !offset)
		copy_call(room, room->call.at, length < BEGINNING ? length : BEGINNING);
	if (room->call.messages == 1 && (offset || begins_known(room->said.bytes_len, *(__u32 *)room->bytes)) &&
	    is_call_on(sk, &room->call))
		copy_call(room, room->call.at, length < limit ? length : limit);
	else
		room->said.bytes_len = 0;
	if (room->said.bytes_len) {
		describe_speaker(sk, cell, &room->said.flow);
		room->said.offset = offset;
		say(room);
	} else {
		cell->heard = PORTOLAN_HEARD_ENOUGH;
	}
	leave_room(room);
	return 0;
}

/* Whether one more call with a DNS server is looked at. */
static __always_inline int may_look_at_dns(struct portolan_cell *cell)
{
	if (cell->dns_looks >= PORTOLAN_DNS_LOOKS_MAX) {
		lose(PORTOLAN_LOSS_SAID_TOO_OFTEN, 1);
		return 0;
	}
	cell->dns_looks++;
	return 1;
}

/*
 * A stream that a program opened received length bytes, perhaps from a name server. Calls for nobody (MSG_TRUNC) move on, but leave
 * nothing to read.
 */
static __noinline int look_at_answers(struct sock *sk, __u64 length, int flags)
{
	struct portolan_cell *cell = bpf_sk_storage_get(&cells, sk, 0, 0);
	struct said_room *room;
	__u32 offset;

	if (!cell || cell->heard & PORTOLAN_HEARD_MIDWAY || is_of_kernel(sk) ||
	    cell->flow.direction != PORTOLAN_DIRECTION_OUTBOUND)
		return 0;
	offset = cell->said_rx;
	cell->said_rx += length;
	room = flags & MSG_TRUNC || !may_look_at_dns(cell) ? 0 : enter_room(PORTOLAN_WAY_RECEIVED);
	if (!room)
		return 0;
	room->said.bytes_len = 0;
	if (room->call.messages == 1 && is_call_on(sk, &room->call))
		copy_call(room, room->call.at, length);
	if (room->said.bytes_len) {
		describe_speaker(sk, cell, &room->said.flow);
		room->said.offset = offset;
		say(room);
	}
	leave_room(room);
	return 0;
}

/* Whether a message of a call of several goes where the flow goes. */
static __noinline int is_for(struct sock *sk, struct said_room *room, __u64 at)
{
	struct internet_name name = {};
	struct message message;
	struct peer peer = {};

	if (bpf_probe_read_user(&message, sizeof(message), (void *)at))
		return 0;
	if (!message.name)
		return is_with(&room->said.flow, sk, 0);
	if (bpf_probe_read_user(&name, 8, (void *)message.name))
		return 0;
	if (name.family == AF_INET)
		map_ipv4(peer.address, name.ipv4);
	else if (!bpf_probe_read_user(&name, sizeof(name), (void *)message.name))
		__builtin_memcpy(peer.address, name.ipv6, 16);
	peer.port = bpf_ntohs(name.port);
	return is_with(&room->said.flow, sk, &peer);
}

/* Whether what is in the room is what datagrams of its flow are looked at for. */
static __always_inline int begins_wanted(const struct said_room *room)
{
	return room->said.flow.remote_port == DNS_PORT ? begins_question(room) : begins_quic(room);
}

/* The flow is in the room. */
static __always_inline void look_at_datagrams_sent(struct sock *sk, struct said_room *room, __u64 length)
{
	__u64 limit = room->said.flow.remote_port == DNS_PORT ? QUESTION_MAX : PORTOLAN_SAID_MAX;
	__u64 at = room->call.at;
	__u32 i;

	if (room->call.messages == 1 && length < limit)
		limit = length;
	for (i = 0; i < MESSAGES_MAX; i++, at += MESSAGE_STRIDE) {
		if (i >= room->call.messages)
			break;
		copy_call(room, at, BEGINNING);
		if (!begins_wanted(room) || !is_call_on(sk, &room->call))
			continue;
		/* Which of them this is, nobody says. */
		if (room->call.messages > 1 && !is_for(sk, room, at))
			continue;
		copy_call(room, at, limit);
		if (begins_wanted(room)) /* still: the program can change it meanwhile */
			say(room);
	}
}

/* A datagram was sent, or came from a name server. */
static __noinline int look_at_datagram(struct sock *sk, struct portolan_cell *cell, const struct portolan_flow *flow,
				       __u64 length, int sent)
{
	struct said_room *room;

	if (flow->remote_port != DNS_PORT)
		cell->looks++;
	else if (!may_look_at_dns(cell))
		return 0;
	if (flow->protocol != IPPROTO_UDP || is_of_kernel(sk))
		return 0;
	room = enter_room(sent ? PORTOLAN_WAY_SENT : PORTOLAN_WAY_RECEIVED);
	if (!room)
		return 0;
	room->said.flow = *flow;
	if (sent) {
		look_at_datagrams_sent(sk, room, length);
	} else if ((room->call.messages == 1 || is_connected(sk)) && is_call_on(sk, &room->call)) {
		/* The first one of several: it has been received whichever of them this is. */
		copy_call(room, room->call.at, length);
		if (room->said.bytes_len)
			say(room);
	}
	leave_room(room);
	return 0;
}

#endif
