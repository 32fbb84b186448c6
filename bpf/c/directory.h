/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The working directory of a process, as getcwd(2) would name it to the process itself.
 *
 * Not bpf_d_path: it is not allowed in tracepoints, and ends at the root of who runs, without saying whether it got there.
 */
#ifndef PORTOLAN_DIRECTORY_H
#define PORTOLAN_DIRECTORY_H

#include <bpf/bpf_core_read.h>
#include "abi.h"

#define DIRECTORY_STEPS 48 /* folders and mounts */
#define DIRECTORY_NAME_MAX 257 /* one more than a name of 255 bytes with its NUL: some filesystems have longer ones */

static __always_inline __u64 mix(__u64 seen, __u64 more)
{
	return (seen ^ more) * 0x9e3779b97f4a7c15ULL;
}

static __always_inline struct mount *mount_around(struct vfsmount *mount)
{
	return (void *)mount - bpf_core_field_offset(struct mount, mnt);
}

/*
 * Goes from the working directory up to the root, through the mounts, and puts the names of the folders into `message`, when
 * there is one. 0 when that does not lead to the root: the folder is removed, out of the root, too deep, or its name too long. Else a
 * number that another walk gives only when everything was the same, each folder's sequence included: when two walks give it, there
 * was a moment between them at which all names were those. (Where a CPU reorders loads, which x86 does not, a name may be older by as
 * much.)
 */
static __always_inline __u64 walk_up(struct task_struct *task, struct portolan_message *message, __u32 at)
{
	struct fs_struct *fs = task->fs;
	struct vfsmount *mount = BPF_CORE_READ(fs, pwd.mnt), *root_mount = BPF_CORE_READ(fs, root.mnt);
	struct dentry *folder = BPF_CORE_READ(fs, pwd.dentry), *root = BPF_CORE_READ(fs, root.dentry);
	struct dentry *top = BPF_CORE_READ(mount, mnt_root), *parent;
	__u32 len, sequence, i;
	struct mount *outer;
	__u64 seen = 1;
	long added;

	for (i = 0; i < DIRECTORY_STEPS; i++) {
		seen = mix(mix(seen, (__u64)mount), (__u64)folder);
		if (folder == root && mount == root_mount)
			return seen | 1;
		if (folder == top) {
			outer = BPF_CORE_READ(mount_around(mount), mnt_parent);
			if (outer == mount_around(mount))
				return 0;
			folder = BPF_CORE_READ(mount_around(mount), mnt_mountpoint);
			mount = (void *)outer + bpf_core_field_offset(struct mount, mnt);
			top = BPF_CORE_READ(mount, mnt_root);
			continue;
		}
		sequence = BPF_CORE_READ(folder, d_seq.seqcount.sequence);
		parent = BPF_CORE_READ(folder, d_parent);
		if (sequence & 1 || parent == folder)
			return 0;
		if (i == 0 && !BPF_CORE_READ(folder, d_hash.pprev))
			return 0; /* removed */
		seen = mix(seen, sequence);
		if (message) {
			len = message->event.directory_len; /* kept there, where the verifier does not follow it through every step */
			if (len > PORTOLAN_DIRECTORY_MAX - DIRECTORY_NAME_MAX)
				return 0;
			added = bpf_probe_read_kernel_str(message->text + at + len, DIRECTORY_NAME_MAX,
							  BPF_CORE_READ(folder, d_name.name));
			if (added <= 1 || added >= DIRECTORY_NAME_MAX)
				return 0;
			message->event.directory_len = len + added;
		}
		folder = parent;
	}
	return 0;
}

/* After the names of the files. */
static __always_inline void add_directory(struct portolan_message *message, struct task_struct *task)
{
	struct portolan_event *event = &message->event;
	__u32 at = event->cgroup_len + event->arguments_len + event->name_len + event->script_len;
	__u64 seen;

	if (at > PORTOLAN_CGROUP_MAX + PORTOLAN_ARGUMENTS_MAX + PORTOLAN_NAME_MAX + PORTOLAN_SCRIPT_MAX)
		return;
	seen = walk_up(task, message, at);
	if (seen && seen == walk_up(task, 0, 0))
		event->directory_unknown = 0;
	else
		event->directory_len = 0;
}

/* The folder at which its paths begin. */
static __always_inline void describe_root(struct portolan_event *event, struct task_struct *task)
{
	struct fs_struct *fs = task->fs;
	struct vfsmount *mount = BPF_CORE_READ(fs, root.mnt);

	event->root.inode = BPF_CORE_READ(fs, root.dentry, d_inode, i_ino);
	event->root.mount = BPF_CORE_READ(mount_around(mount), mnt_id);
}

#endif
