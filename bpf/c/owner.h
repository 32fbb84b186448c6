/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef PORTOLAN_OWNER_H
#define PORTOLAN_OWNER_H

#include "abi.h"
#include "kernel.h"

/* The process of a task (a pointer that the verifier trusts to read through); all 0 for a thread of the kernel. */
static __always_inline void owner_of(struct task_struct *task, struct portolan_owner *owner)
{
	__builtin_memset(owner, 0, sizeof(*owner));
	if (task->flags & PF_KTHREAD)
		return;
	owner->pid = task->tgid;
	owner->started_ns = task->group_leader->start_boottime;
	owner->exec_generation = task->self_exec_id;
}

static __always_inline int same_owner(const struct portolan_owner *a, const struct portolan_owner *b)
{
	return a->pid == b->pid && a->exec_generation == b->exec_generation && a->started_ns == b->started_ns;
}

#endif
