/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Processes: fork, exec, exit, and those that were there before.
 *
 * tp_btf/sched_process_{fork,exec,exit}: since Linux 5.5 (BTF tracepoints); they fire for every process, in its own context.
 * tp_btf/cgroup_attach_task: the same; after a process was moved, in the context of who moved it. Not cgroup_mkdir: names are
 * read from the process's own cgroup each time, so that it is named even when it is gone before anybody looks.
 * tp_btf/sched_prepare_exec: what an unguarded file was when its exec began (decision 8), and who has let go of the one before.
 * Not syscalls/sys_enter_execve: it knows neither whether the exec succeeded nor which file was executed in the end.
 * Without them (no BTF) nothing can be attributed: there is no fallback.
 */
#ifndef PORTOLAN_PROCESSES_H
#define PORTOLAN_PROCESSES_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "arguments.h"
#include "directory.h"
#include "environment.h"
#include "executed.h"
#include "maps.h"
#include "owner.h"

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return BPF_CORE_READ(node, __parent);
	return BPF_CORE_READ((struct kernfs_node___old *)node, parent);
}

/* The cgroup in the v2 hierarchy; for a process at its root, the first of the v1 hierarchies where it is in another than the root. */
static __always_inline struct kernfs_node *cgroup_of(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct kernfs_node *node = BPF_CORE_READ(set, dfl_cgrp, kn);
	struct cgroup_subsys_state *controller;
	struct kernfs_node *other;
	__u32 i;

	if (node && parent_of(node))
		return node;
	for (i = 0; i < 16; i++) {
		if (i >= bpf_core_field_size(set->subsys) / sizeof(void *))
			break;
		if (bpf_probe_read_kernel(&controller, sizeof(controller),
					  (void *)set + bpf_core_field_offset(set->subsys) + i * sizeof(void *)))
			break;
		other = BPF_CORE_READ(controller, cgroup, kn);
		if (other && parent_of(other))
			return other;
	}
	return node;
}

#define CGROUP_DEPTH 32
#define CGROUP_NAME_MAX 256 /* with its NUL */

static __always_inline void describe_cgroup(struct portolan_message *message, struct task_struct *task)
{
	struct portolan_event *event = &message->event;
	struct kernfs_node *node = cgroup_of(task), *parent;
	__u32 len = 0, i;
	long added;

	event->cgroup_unknown = 1;
	for (i = 0; i < CGROUP_DEPTH && node; i++) {
		parent = parent_of(node);
		if (!parent) {
			event->cgroup_unknown = 0;
			break;
		}
		if (len > PORTOLAN_CGROUP_MAX - CGROUP_NAME_MAX)
			break;
		added = bpf_probe_read_kernel_str(message->text + len, CGROUP_NAME_MAX, BPF_CORE_READ(node, name));
		if (added <= 0)
			break;
		len += added;
		node = parent;
	}
	event->cgroup_len = event->cgroup_unknown ? 0 : len;
}

/* In this order: what comes between makes the jiffies seem earlier, never later. */
static __always_inline void note_time(struct portolan_instant *at)
{
	at->jiffies = bpf_jiffies64();
	at->boot_ns = bpf_ktime_get_boot_ns();
	at->monotonic_ns = bpf_ktime_get_ns();
}

/* All but the text. */
static __always_inline void describe(struct portolan_event *event, __u32 kind, struct task_struct *task)
{
	event->kind = kind;
	event->uid = task->cred->uid.val;
	owner_of(task, &event->process);
	owner_of(task->real_parent, &event->parent);
	note_time(&event->at);
	describe_file(executed_by(task), &event->file);
	if (kind == PORTOLAN_EVENT_TASK && event->file.stamps & PORTOLAN_STAMPS_OVERLAID) {
		__u64 since = executed_since(task);

		if (since) {
			event->at.boot_ns = since;
			event->at.jiffies = 0;
		} else {
			event->file.stamps |= PORTOLAN_STAMPS_UNSEEN;
		}
	}
	if (has_let_go(task))
		event->file.stamps |= PORTOLAN_STAMPS_LET_GO;
	event->kernel_thread = !!(task->flags & PF_KTHREAD);
	event->arguments_len = 0;
	event->arguments_truncated = 0;
	event->name_len = 0;
	event->cgroup_len = 0;
	event->cgroup_unknown = 1;
	event->mount_namespace = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	event->mounting_users = BPF_CORE_READ(task, nsproxy, mnt_ns, user_ns, ns.inum);
	event->reserved = 0;
	event->directory_len = 0;
	event->directory_unknown = 1;
	event->environment_len = 0;
	event->environment = PORTOLAN_ENVIRONMENT_UNSEARCHED;
	event->script_len = 0;
	event->root.inode = 0;
	event->root.mount = 0;
}

/* How many bytes of the event are sent. */
static __always_inline __u32 size_of(const struct portolan_message *message)
{
	const struct portolan_event *event = &message->event;
	__u32 size = event->cgroup_len + event->arguments_len + event->name_len + event->script_len +
		     event->directory_len + event->environment_len;

	if (size > sizeof(message->text))
		size = sizeof(message->text);
	return size + sizeof(*event);
}

/*
 * A record that wakes the daemon costs some 7 us (the kernel interrupts its own CPU to do that outside the tracepoint). An
 * exec is worth it: its file may be gone soon. What else happens to a process is read at the next tick, or when a
 * quarter of the ring is full.
 */
static __always_inline void emit(struct portolan_message *message)
{
	__u64 flags = BPF_RB_FORCE_WAKEUP;

	if (message->event.kind != PORTOLAN_EVENT_EXEC &&
	    bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < PORTOLAN_RING_BYTES / 4)
		flags = BPF_RB_NO_WAKEUP;
	if (bpf_ringbuf_output(&events, message, size_of(message), flags))
		lose(PORTOLAN_LOSS_EVENTS, 1);
}

static __always_inline struct portolan_message *room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct portolan_message *message;

	if (child->pid != child->tgid)
		return 0; /* a thread */
	message = room();
	if (!message)
		return 0;
	describe(&message->event, PORTOLAN_EVENT_FORK, child);
	/* real_parent is the reaper's child under CLONE_PARENT; who called fork is who started it */
	owner_of(parent, &message->event.parent);
	describe_cgroup(message, child);
	emit(message);
	return 0;
}

/*
 * An unguarded file as it was when its exec began. Written by on_prepare, taken out by on_exec, freed with the thread. When no
 * memory is left: the content is not known.
 */
struct prepared {
	struct portolan_file file;
	struct portolan_instant at;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct prepared);
} prepared SEC(".maps");

/*
 * Since Linux 6.10; before anybody can notice the exec: later, descriptors are closed and who called vfork goes on, and that is
 * before sched_process_exec. A write through a mapping shows only when it is the mapping's first to that page.
 */
SEC("tp_btf/sched_prepare_exec")
int BPF_PROG(on_prepare, struct task_struct *task, struct linux_binprm *binprm)
{
	struct inode *inode = binprm->file->f_inode;
	struct portolan_message *message;
	struct prepared *note;

	if (has_let_go(task)) {
		message = room();
		if (message) {
			describe(&message->event, PORTOLAN_EVENT_TASK, task);
			describe_cgroup(message, task);
			emit(message);
		}
	}
	if (!inode || is_guarded(inode))
		return 0;
	note = bpf_task_storage_get(&prepared, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!note)
		return 0;
	note_time(&note->at);
	describe_file(binprm->file, &note->file);
	if (inode->i_sb->s_magic != HUGETLBFS_MAGIC && inode->i_sb->s_magic != OVERLAYFS_SUPER_MAGIC &&
	    inode->i_mapping->i_mmap_writable.counter <= 0)
		note->file.stamps &= ~PORTOLAN_STAMPS_UNSEEN;
	return 0;
}

static __always_inline void take_prepared(struct portolan_event *event, struct task_struct *task)
{
	struct prepared *note = bpf_task_storage_get(&prepared, task, 0, 0);

	if (note) {
		event->at = note->at;
		event->file = note->file;
		bpf_task_storage_delete(&prepared, task);
	} else if (event->file.stamps & PORTOLAN_STAMPS_SEALED) {
		event->file.stamps &= ~PORTOLAN_STAMPS_UNSEEN;
	}
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	struct portolan_message *message = room();
	struct portolan_event *event;

	if (!message)
		return 0;
	event = &message->event;
	describe(event, PORTOLAN_EVENT_EXEC, task);
	if (event->file.stamps & PORTOLAN_STAMPS_UNGUARDED)
		take_prepared(event, task);
	describe_cgroup(message, task);
	add_arguments(message, task->mm);
	add_name(message, binprm);
	add_script(message, binprm);
	add_directory(message, task);
	describe_root(event, task);
	add_environment(message, task->mm);
	if (BPF_CORE_READ_BITFIELD_PROBED(binprm, secureexec))
		event->environment |= PORTOLAN_ENVIRONMENT_SECURE;
	emit(message);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct portolan_message *message;

	if (task->signal->live.counter > 0)
		return 0; /* other threads go on */
	message = room();
	if (!message)
		return 0;
	describe(&message->event, PORTOLAN_EVENT_EXIT, task);
	emit(message);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_moved, struct cgroup *to, const char *path, struct task_struct *task, _Bool all_threads)
{
	struct portolan_message *message;

	if (task->pid != task->tgid)
		return 0; /* a thread; its process stays */
	message = room();
	if (!message)
		return 0;
	describe(&message->event, PORTOLAN_EVENT_MOVED, task);
	describe_cgroup(message, task);
	emit(message);
	return 0;
}

/*
 * The files of overlays that a process has open, with the stamps of what holds their content: nothing else says those where the upper layer
 * has a file's attributes only (metacopy). A link of the daemon alone: since Linux 6.1.
 */
SEC("iter/task_file")
int dump_opened(struct bpf_iter__task_file *ctx)
{
	struct portolan_opened opened = {};
	struct file *file = ctx->file;

	if (!ctx->task || !file || file->f_inode->i_sb->s_magic != OVERLAYFS_SUPER_MAGIC)
		return 0;
	opened.descriptor = ctx->fd;
	describe_file(file, &opened.file);
	bpf_seq_write(ctx->meta->seq, &opened, sizeof(opened));
	return 0;
}

/* Every process that exists, as portolan_event without arguments. Since Linux 5.8. */
SEC("iter/task")
int dump_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct portolan_message *message;
	__u32 zero = 0;

	if (!task || task->pid != task->tgid)
		return 0;
	message = bpf_map_lookup_elem(&task_scratch, &zero);
	if (!message)
		return 0;
	describe(&message->event, PORTOLAN_EVENT_TASK, task);
	describe_cgroup(message, task);
	bpf_seq_write(ctx->meta->seq, message, size_of(message));
	return 0;
}

#endif
