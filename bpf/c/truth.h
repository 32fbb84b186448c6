/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What calls moved, whoever made them: independent of every cell and table. */
#ifndef PORTOLAN_TRUTH_H
#define PORTOLAN_TRUTH_H

#include "kernel.h"
#include "maps.h"

#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136

/*
 * How a hook counts. The kernel does not run a hook's program in the middle of itself on one CPU, so what a single hook adds to
 * its CPU's truth is a plain addition, a third of the price of an atomic one. Of hooks that stand in for another, several add to
 * one field, and one may interrupt the other.
 */
enum witness {
	WITNESS_ALONE,
	WITNESS_AMONG_OTHERS,
};

static __always_inline void witness(__u64 *field, __u64 bytes, enum witness how)
{
	if (how == WITNESS_ALONE)
		*field += bytes;
	else
		__sync_fetch_and_add(field, bytes);
	barrier(); /* a reader that finds the bytes in a cell finds them here */
}

/* This CPU's. */
static __always_inline struct portolan_truth *my_truth(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&truth, &zero);
}

static __always_inline void witness_datagram(struct portolan_truth *mine, struct sock *sk, int sent, __u64 length,
					     enum witness how)
{
	__u16 protocol = sk->sk_protocol;

	if (sk->sk_type == SOCK_DGRAM && (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE))
		witness(sent ? &mine->udp_tx_bytes : &mine->udp_rx_bytes, length, how);
	else
		witness(sent ? &mine->other_tx_bytes : &mine->other_rx_bytes, length, how);
}

#endif
