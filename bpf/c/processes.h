/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Processes: fork, exec, exit, and those that were there before.
 *
 * tp_btf/sched_process_{fork,exec,exit}: since Linux 5.5 (BTF tracepoints); they fire for every process, in its own context.
 * Not syscalls/sys_enter_execve: it knows neither whether the exec succeeded nor which file was executed in the end.
 * Without them (no BTF) nothing can be attributed: there is no fallback.
 */
#ifndef PORTOLAN_PROCESSES_H
#define PORTOLAN_PROCESSES_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "maps.h"
#include "owner.h"

static __always_inline void describe_file(struct mm_struct *mm, struct portolan_file *to)
{
	struct inode *inode = BPF_CORE_READ(mm, exe_file, f_inode);

	__builtin_memset(to, 0, sizeof(*to));
	if (!inode)
		return;
	to->inode = BPF_CORE_READ(inode, i_ino);
	to->size = BPF_CORE_READ(inode, i_size);
	to->generation = BPF_CORE_READ(inode, i_generation);
	to->device = BPF_CORE_READ(inode, i_sb, s_dev);
	if (bpf_core_field_exists(struct inode, i_ctime_sec)) {
		to->changed_s = BPF_CORE_READ(inode, i_ctime_sec);
		to->changed_ns = BPF_CORE_READ(inode, i_ctime_nsec);
		if (BPF_CORE_READ(inode, i_sb, s_type, fs_flags) & FS_MGTIME) {
			to->stamps = PORTOLAN_STAMPS_MULTIGRAIN;
			if (to->changed_ns & I_CTIME_QUERIED)
				to->stamps |= PORTOLAN_STAMPS_QUERIED;
		}
		to->changed_ns &= ~I_CTIME_QUERIED;
	} else if (bpf_core_field_exists(struct inode___6_6, __i_ctime)) {
		to->changed_s = BPF_CORE_READ((struct inode___6_6 *)inode, __i_ctime.tv_sec);
		to->changed_ns = BPF_CORE_READ((struct inode___6_6 *)inode, __i_ctime.tv_nsec);
	} else if (bpf_core_field_exists(struct inode___old, i_ctime)) {
		to->changed_s = BPF_CORE_READ((struct inode___old *)inode, i_ctime.tv_sec);
		to->changed_ns = BPF_CORE_READ((struct inode___old *)inode, i_ctime.tv_nsec);
	}
}

/* All but the arguments. */
static __always_inline void describe(struct portolan_event *event, __u32 kind, struct task_struct *task)
{
	event->kind = kind;
	event->uid = task->cred->uid.val;
	owner_of(task, &event->process);
	owner_of(task->real_parent, &event->parent);
	event->at_ns = bpf_ktime_get_boot_ns();
	describe_file(task->mm, &event->file);
	event->kernel_thread = !!(task->flags & PF_KTHREAD);
	event->arguments_len = 0;
	event->arguments_truncated = 0;
	event->name_len = 0;
}

static __always_inline void emit(struct portolan_event *event)
{
	__u32 size = event->arguments_len + event->name_len;

	if (size > sizeof(event->text))
		size = sizeof(event->text);
	size += offsetof(struct portolan_event, text);
	if (bpf_ringbuf_output(&events, event, size, 0))
		lose(PORTOLAN_LOSS_EVENTS, 1);
}

static __always_inline struct portolan_event *room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct portolan_event *event;

	if (child->pid != child->tgid)
		return 0; /* a thread */
	event = room();
	if (!event)
		return 0;
	describe(event, PORTOLAN_EVENT_FORK, child);
	/* real_parent is the reaper's child under CLONE_PARENT; who called fork is who started it */
	owner_of(parent, &event->parent);
	emit(event);
	return 0;
}

/* The name by which the executed file was opened, after the arguments. */
static __always_inline void add_name(struct portolan_event *event, struct linux_binprm *binprm)
{
	__u32 at = event->arguments_len;
	long len;

	if (at > PORTOLAN_ARGUMENTS_MAX)
		return;
	len = bpf_probe_read_kernel_str(event->text + at, PORTOLAN_NAME_MAX, BPF_CORE_READ(binprm, interp));
	if (len > 1 && len < PORTOLAN_NAME_MAX) /* else empty, or perhaps cut off */
		event->name_len = len - 1;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	struct portolan_event *event = room();
	unsigned long start, end;
	__u32 len;

	if (!event)
		return 0;
	describe(event, PORTOLAN_EVENT_EXEC, task);
	start = task->mm->arg_start;
	end = task->mm->arg_end;
	if (end > start) {
		event->arguments_truncated = end - start > PORTOLAN_ARGUMENTS_MAX;
		len = event->arguments_truncated ? PORTOLAN_ARGUMENTS_MAX : end - start;
		if (len <= PORTOLAN_ARGUMENTS_MAX && !bpf_probe_read_user(event->text, len, (void *)start))
			event->arguments_len = len;
	}
	add_name(event, binprm);
	emit(event);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct portolan_event *event;

	if (task->signal->live.counter > 0)
		return 0; /* other threads go on */
	event = room();
	if (!event)
		return 0;
	describe(event, PORTOLAN_EVENT_EXIT, task);
	emit(event);
	return 0;
}

/* Every process that exists, as portolan_event without arguments. Since Linux 5.8. */
SEC("iter/task")
int dump_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct portolan_event *event;
	__u32 zero = 0;

	if (!task || task->pid != task->tgid)
		return 0;
	event = bpf_map_lookup_elem(&task_scratch, &zero);
	if (!event)
		return 0;
	describe(event, PORTOLAN_EVENT_TASK, task);
	bpf_seq_write(ctx->meta->seq, event, offsetof(struct portolan_event, text));
	return 0;
}

#endif
