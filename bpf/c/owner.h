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

/* Whether they are the task's process and user; all threads of the kernel are one owner. */
static __always_inline int is_of(struct task_struct *task, const struct portolan_owner *owner, __u32 uid)
{
	if (uid != task->cred->uid.val)
		return 0;
	if (owner->pid == (__u32)task->tgid)
		return owner->exec_generation == task->self_exec_id &&
		       owner->started_ns == task->group_leader->start_boottime;
	return !owner->pid && task->flags & PF_KTHREAD;
}

#endif
