/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The call that a program is in, as its registers say: which one, and where its bytes are. */
#ifndef PORTOLAN_CALL_H
#define PORTOLAN_CALL_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "kernel.h"

enum call_shape {
	CALL_OTHER = 0,		/* sendfile, splice, io_uring: no buffer of the caller's */
	CALL_BUFFER = 1,	/* at, of count bytes */
	CALL_VECTORS = 2,	/* count struct iovec at */
	CALL_MESSAGES = 3,	/* struct message at, each MESSAGE_STRIDE after the one before */
};

struct call {
	__u64 at;
	__u64 count;
	__u32 shape;	/* enum call_shape */
	__u32 messages;	/* 1 for a buffer and for vectors */
	__u32 descriptor;
	__u32 reserved;
};

/* The beginning of struct user_msghdr, which struct mmsghdr begins with. */
struct message {
	__u64 name; /* an address, or 0 */
	__u64 name_length;
	__u64 vectors;
	__u64 vectors_count;
};

#define MESSAGE_STRIDE 64 /* sizeof(struct mmsghdr) */

/*
 * The numbers of one architecture: of a buffer, of a socket's, of vectors, of a message and of several. No call of a 32-bit program
 * that sends or receives has one of them.
 */
#define SHAPE(number, one, ones, two, three, threes)				\
	((number) == (one) || (number) == (ones)     ? CALL_BUFFER		\
	 : (number) == (two)			     ? CALL_VECTORS		\
	 : (number) == (three) || (number) == (threes) ? CALL_MESSAGES		\
						     : CALL_OTHER)

static __always_inline void read_x86(struct pt_regs___x86 *registers, int sent, struct call *call)
{
	__u64 number = registers->orig_ax;

	call->at = registers->si;
	call->count = registers->dx;
	/* write, sendto, writev, sendmsg, sendmmsg; read, recvfrom, readv, recvmsg, recvmmsg */
	call->shape = sent ? SHAPE(number, 1, 44, 20, 46, 307) : SHAPE(number, 0, 45, 19, 47, 299);
	if (number == 307 || number == 299)
		call->messages = call->count;
	call->descriptor = registers->di;
}

static __always_inline void read_arm64(struct pt_regs___arm64 *registers, int sent, struct call *call)
{
	__u32 number = registers->syscallno;

	call->at = registers->regs[1];
	call->count = registers->regs[2];
	call->shape = sent ? SHAPE(number, 64, 206, 66, 211, 269) : SHAPE(number, 63, 207, 65, 212, 243);
	if (number == 269 || number == 243)
		call->messages = call->count;
	call->descriptor = registers->orig_x0;
}

/* Whether the task has registers of its own: a worker's are a copy of its maker's. */
static __always_inline int has_call(struct task_struct *task)
{
	return !(task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER));
}

/* The call by which the current task sends, or receives; 0 when it is none that has a buffer. */
static __noinline int find_call(int sent, struct call *call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	void *registers;

	call->shape = CALL_OTHER;
	call->messages = 1;
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs) || !has_call(task))
		return 0;
	registers = (void *)bpf_task_pt_regs(task);
	if (bpf_core_field_exists(((struct pt_regs___x86 *)0)->orig_ax))
		read_x86(registers, sent, call);
	else if (bpf_core_field_exists(((struct pt_regs___arm64 *)0)->orig_x0))
		read_arm64(registers, sent, call);
	return call->shape != CALL_OTHER;
}

/* Whether the call's descriptor is the socket's: what io_uring does at the end of another call is not that call's. */
static __noinline int is_call_on(struct sock *sk, const struct call *call)
{
	struct files_struct *files = bpf_get_current_task_btf()->files;
	struct fdtable *table = files ? files->fdt : 0;
	void *socket = sk->sk_socket;
	struct file *file;

	if (!table || call->descriptor >= table->max_fds ||
	    bpf_probe_read_kernel(&file, sizeof(file), table->fd + call->descriptor))
		return 0;
	return BPF_CORE_READ(file, private_data) == socket;
}

#endif
