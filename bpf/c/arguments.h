/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What exec was called with: the arguments, as they are in the new program's memory, and the names of the files.
 */
#ifndef PORTOLAN_ARGUMENTS_H
#define PORTOLAN_ARGUMENTS_H

#include <bpf/bpf_core_read.h>
#include "abi.h"

/* After the cgroup. Nobody but the kernel has written to that memory so far. */
static __always_inline void add_arguments(struct portolan_message *message, struct mm_struct *memory)
{
	struct portolan_event *event = &message->event;
	unsigned long start = memory->arg_start, end = memory->arg_end;
	__u32 at = event->cgroup_len, len;

	if (end <= start)
		return;
	event->arguments_truncated = end - start > PORTOLAN_ARGUMENTS_MAX;
	len = event->arguments_truncated ? PORTOLAN_ARGUMENTS_MAX : end - start;
	if (at <= PORTOLAN_CGROUP_MAX && len <= PORTOLAN_ARGUMENTS_MAX &&
	    !bpf_probe_read_user(message->text + at, len, (void *)start))
		event->arguments_len = len;
}

/* The name by which the executed file was opened, after the cgroup and the arguments. */
static __always_inline void add_name(struct portolan_message *message, struct linux_binprm *binprm)
{
	struct portolan_event *event = &message->event;
	__u32 at = event->cgroup_len + event->arguments_len;
	long len;

	if (at > PORTOLAN_CGROUP_MAX + PORTOLAN_ARGUMENTS_MAX)
		return;
	len = bpf_probe_read_kernel_str(message->text + at, PORTOLAN_NAME_MAX, BPF_CORE_READ(binprm, interp));
	if (len > 1 && len < PORTOLAN_NAME_MAX) /* else empty, or perhaps cut off */
		event->name_len = len - 1;
}

/* The name of the file that was given to the executed one, after that. */
static __always_inline void add_script(struct portolan_message *message, struct linux_binprm *binprm)
{
	struct portolan_event *event = &message->event;
	__u32 at = event->cgroup_len + event->arguments_len + event->name_len;
	const char *name = BPF_CORE_READ(binprm, filename);
	long len;

	if (name == BPF_CORE_READ(binprm, interp) ||
	    at > PORTOLAN_CGROUP_MAX + PORTOLAN_ARGUMENTS_MAX + PORTOLAN_NAME_MAX)
		return;
	len = bpf_probe_read_kernel_str(message->text + at, PORTOLAN_SCRIPT_MAX, name);
	if (len < 1 || len >= PORTOLAN_SCRIPT_MAX) {
		message->text[at] = 0;
		len = 1;
	}
	event->script_len = len;
}

#endif
