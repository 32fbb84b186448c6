/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The peer of a datagram on a socket that is not connected.
 *
 * cgroup/sendmsg4,6: since Linux 4.18; cgroup/recvmsg4,6: since Linux 5.2. They run in the caller's context, before the
 * length tracepoint of the same call, and only when the call names an address. Not cgroup_skb: it runs per packet, also
 * in softirq, where the caller is not known. Linux 6.12 lets them use no task storage, 6.18 does: before,
 * older.h. Without both the bytes stay exact and the peer is not known.
 */
#ifndef PORTOLAN_PEERS_H
#define PORTOLAN_PEERS_H

#include "flows.h"

static __always_inline struct peer *peer_of_thread(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct peer *peer = bpf_task_storage_get(&peers, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!peer)
		lose(PORTOLAN_LOSS_PEERS, 1);
	return peer;
}

static __always_inline int remember_ipv4(struct bpf_sock_addr *ctx)
{
	struct peer *peer = peer_of_thread();

	if (!peer)
		return 1;
	map_ipv4(peer->address, ctx->user_ip4);
	peer->port = bpf_ntohs((__u16)ctx->user_port);
	peer->valid = 1;
	return 1;
}

static __always_inline int remember_ipv6(struct bpf_sock_addr *ctx)
{
	struct peer *peer = peer_of_thread();
	__u32 *words;

	if (!peer)
		return 1;
	words = (__u32 *)peer->address;
	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
	peer->port = bpf_ntohs((__u16)ctx->user_port);
	peer->valid = 1;
	return 1;
}

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx)
{
	return remember_ipv4(ctx);
}

SEC("cgroup/sendmsg6")
int on_sendmsg6(struct bpf_sock_addr *ctx)
{
	return remember_ipv6(ctx);
}

SEC("cgroup/recvmsg4")
int on_recvmsg4(struct bpf_sock_addr *ctx)
{
	return remember_ipv4(ctx);
}

SEC("cgroup/recvmsg6")
int on_recvmsg6(struct bpf_sock_addr *ctx)
{
	return remember_ipv6(ctx);
}

#endif
