/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What calls moved, whoever made them: independent of every cell and table. */
#ifndef PORTOLAN_TRUTH_H
#define PORTOLAN_TRUTH_H

#include "kernel.h"
#include "maps.h"

#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136

/* Called once for each call that is charged, before it is. */
static __always_inline void witness_stream(__u64 tx, __u64 rx)
{
	__u32 zero = 0;
	struct portolan_truth *mine = bpf_map_lookup_elem(&truth, &zero);

	if (!mine)
		return;
	mine->tcp_tx_bytes += tx;
	mine->tcp_rx_bytes += rx;
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
		mine->udp_tx_bytes += tx;
		mine->udp_rx_bytes += rx;
	} else {
		mine->other_tx_bytes += tx;
		mine->other_rx_bytes += rx;
	}
}

#endif
