/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What calls moved, whoever made them: independent of every cell and table. */
#ifndef PORTOLAN_TRUTH_H
#define PORTOLAN_TRUTH_H

#include "kernel.h"
#include "maps.h"

#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136

/* Atomic although it is this CPU's: an interrupt may count between reading and writing. */
#define ADD(field, bytes)					\
	do {						\
		if (bytes)				\
			__sync_fetch_and_add(&(field), bytes); \
	} while (0)

/* Called once for each call that is charged, before it is. */
static __always_inline void witness_stream(__u64 tx, __u64 rx)
{
	__u32 zero = 0;
	struct portolan_truth *mine = bpf_map_lookup_elem(&truth, &zero);

	if (!mine)
		return;
	ADD(mine->tcp_tx_bytes, tx);
	ADD(mine->tcp_rx_bytes, rx);
}

/* The same for what is no stream. */
static __always_inline void witness_datagram(struct sock *sk, __u64 tx, __u64 rx)
{
	__u32 zero = 0;
	struct portolan_truth *mine = bpf_map_lookup_elem(&truth, &zero);
	int udp = sk->sk_type == SOCK_DGRAM && (sk->sk_protocol == IPPROTO_UDP || sk->sk_protocol == IPPROTO_UDPLITE);

	if (!mine)
		return;
	if (udp) {
		ADD(mine->udp_tx_bytes, tx);
		ADD(mine->udp_rx_bytes, rx);
	} else {
		ADD(mine->other_tx_bytes, tx);
		ADD(mine->other_rx_bytes, rx);
	}
}

#endif
