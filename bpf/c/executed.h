/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The file that a process executes, and how its changes show. */
#ifndef PORTOLAN_EXECUTED_H
#define PORTOLAN_EXECUTED_H

#include <bpf/bpf_core_read.h>
#include "abi.h"
#include "kernel.h"

/* Whether nobody can write to it any more: a file in memory that was sealed (memfd_create(2)). */
static __always_inline int is_sealed(struct inode *inode)
{
	struct shmem_inode_info *info;

	if (inode->i_sb->s_magic != TMPFS_MAGIC || !bpf_core_type_exists(struct shmem_inode_info))
		return 0;
	info = (void *)inode - bpf_core_field_offset(struct shmem_inode_info, vfs_inode);
	return BPF_CORE_READ(info, seals) & F_SEAL_WRITE;
}

/* Whether a program or another machine has to answer before a file of such a filesystem can be opened. */
static __always_inline int is_served(__u32 magic)
{
	return magic == FUSE_SUPER_MAGIC || magic == NFS_SUPER_MAGIC || magic == CIFS_SUPER_MAGIC ||
	       magic == SMB2_SUPER_MAGIC || magic == CEPH_SUPER_MAGIC || magic == AFS_SUPER_MAGIC;
}

/*
 * Whether nobody can write to it while it is executed. For what was made in memory, the kernel denies opening it for writing,
 * but not writing through the descriptor that made it; of an overlay, not writing to the file below. Linux 6.11 denied nothing at all.
 */
static __always_inline int is_guarded(struct inode *inode)
{
	__u32 magic = inode->i_sb->s_magic;

	if (magic == HUGETLBFS_MAGIC || magic == OVERLAYFS_SUPER_MAGIC || (magic == TMPFS_MAGIC && inode->i_sb->s_flags & SB_KERNMOUNT))
		return 0;
	return inode->i_writecount.counter < 0;
}

static __always_inline void describe_stamps(struct inode *inode, struct portolan_file *to)
{
	if (bpf_core_field_exists(struct inode, i_ctime_sec)) {
		to->changed_s = inode->i_ctime_sec;
		to->changed_ns = inode->i_ctime_nsec;
		if (inode->i_sb->s_type->fs_flags & FS_MGTIME) {
			to->stamps = PORTOLAN_STAMPS_MULTIGRAIN;
			if (to->changed_ns & I_CTIME_QUERIED)
				to->stamps |= PORTOLAN_STAMPS_QUERIED;
		}
		to->changed_ns &= ~I_CTIME_QUERIED;
	} else if (bpf_core_field_exists(struct inode___6_6, __i_ctime)) {
		to->changed_s = ((struct inode___6_6 *)inode)->__i_ctime.tv_sec;
		to->changed_ns = ((struct inode___6_6 *)inode)->__i_ctime.tv_nsec;
	} else if (bpf_core_field_exists(struct inode___old, i_ctime)) {
		to->changed_s = ((struct inode___old *)inode)->i_ctime.tv_sec;
		to->changed_ns = ((struct inode___old *)inode)->i_ctime.tv_nsec;
	}
}

/* The file that a process executes; NULL for a thread of the kernel. */
static __always_inline struct file *executed_by(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	return mm ? mm->exe_file : 0;
}

/*
 * Whether a process has put another file into the place of the one that it executed (prctl(2), PR_SET_MM), to which others may write
 * since. Only exec opens files with this flag, so none that a program opens itself looks like it; that what it was given instead is the
 * file that it executed is for the reader to see (binfmt_misc hands on such a descriptor).
 */
static __always_inline int has_let_go(struct task_struct *task)
{
	struct file *file = executed_by(task);

	return file && !(file->f_flags & FMODE_EXEC);
}

#define OVERLAYS_DEEP 2 /* an overlay may lie on an overlay, and no deeper */

/* What holds the content of an overlay's file, as it was opened; NULL when that cannot be told. */
static __always_inline struct inode *below(struct file *file)
{
	struct inode *inode;
	void *found;
	__u32 i;

	for (i = 0; i < OVERLAYS_DEEP; i++) {
		found = BPF_CORE_READ(file, private_data);
		if (bpf_core_field_exists(struct file___6_13, f_ref) &&
		    bpf_probe_read_kernel(&found, sizeof(found), found))
			return 0;
		file = found;
		inode = BPF_CORE_READ(file, f_inode);
		if (!inode || BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC)
			return inode;
	}
	return 0;
}

/*
 * The overlay's own inode has a copy of size and ctime, which may be old. What is open for writing now may be written to without
 * another stamp: by a write that has begun, or through a mapping.
 */
static __always_inline void describe_below(struct file *file, struct portolan_file *to)
{
	struct inode *inode = below(file);

	to->stamps = PORTOLAN_STAMPS_UNGUARDED | PORTOLAN_STAMPS_OVERLAID;
	if (!inode || BPF_CORE_READ(inode, i_writecount.counter) > 0)
		to->stamps |= PORTOLAN_STAMPS_UNSEEN;
	if (!inode || is_served(BPF_CORE_READ(inode, i_sb, s_magic)))
		to->stamps |= PORTOLAN_STAMPS_SERVED;
	to->size = BPF_CORE_READ(inode, i_size);
	if (bpf_core_field_exists(struct inode, i_ctime_sec)) {
		to->changed_s = BPF_CORE_READ(inode, i_ctime_sec);
		to->changed_ns = BPF_CORE_READ(inode, i_ctime_nsec);
		if (BPF_CORE_READ(inode, i_sb, s_type, fs_flags) & FS_MGTIME) {
			to->stamps |= PORTOLAN_STAMPS_MULTIGRAIN;
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

#define FORKS_DEEP 8

/* When a process that was found running executed its file at the earliest: it, or who forked it; 0 when that cannot be told. */
static __always_inline __u64 executed_since(struct task_struct *task)
{
	struct file *file = executed_by(task);
	__u32 i;

	for (i = 0; i < FORKS_DEEP; i++) {
		if (!(BPF_CORE_READ(task, flags) & PF_FORKNOEXEC))
			return BPF_CORE_READ(task, start_boottime);
		task = BPF_CORE_READ(task, real_parent, group_leader);
		if (BPF_CORE_READ(task, mm, exe_file) != file)
			return 0;
	}
	return 0;
}

static __always_inline void describe_file(struct file *file, struct portolan_file *to)
{
	struct inode *inode = file ? file->f_inode : 0;

	__builtin_memset(to, 0, sizeof(*to));
	if (!inode)
		return;
	to->inode = inode->i_ino;
	to->size = inode->i_size;
	to->generation = inode->i_generation;
	to->device = inode->i_sb->s_dev;
	if (inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC) {
		describe_below(file, to);
		return;
	}
	describe_stamps(inode, to);
	if (is_sealed(inode))
		to->stamps |= PORTOLAN_STAMPS_SEALED;
	if (is_served(inode->i_sb->s_magic))
		to->stamps |= PORTOLAN_STAMPS_SERVED;
	if (!is_guarded(inode))
		to->stamps |= PORTOLAN_STAMPS_UNGUARDED | PORTOLAN_STAMPS_UNSEEN;
}

#endif
