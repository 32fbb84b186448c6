/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel structs that the programs read, and of each only the members that they read. CO-RE relocates the offsets to
 * the running kernel, so order and gaps do not matter here.
 */
#ifndef PORTOLAN_KERNEL_H
#define PORTOLAN_KERNEL_H

#include <linux/types.h>

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_DONE (1 << 1) /* enum sock_flags: the FIN has come */
#define SOCK_URGINLINE (1 << 2)
#define TMPFS_MAGIC 0x01021994
#define HUGETLBFS_MAGIC 0x958458F6
#define SB_KERNMOUNT (1 << 22) /* nobody mounted it: memory of the kernel and of memfd_create(2) */
#define FUSE_SUPER_MAGIC 0x65735546
#define NFS_SUPER_MAGIC 0x6969
#define CIFS_SUPER_MAGIC 0xFF534D42
#define SMB2_SUPER_MAGIC 0xFE534D42
#define CEPH_SUPER_MAGIC 0x00C36400
#define AFS_SUPER_MAGIC 0x5346414F
#define OVERLAYFS_SUPER_MAGIC 0x794C7630
#define FMODE_EXEC 0x20 /* of f_flags: opened by exec, which no program can ask for */
#define F_SEAL_WRITE 0x8
#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000 /* since Linux 6.4 */
#define PF_FORKNOEXEC 0x00000040
#define PF_KTHREAD 0x00200000
#define FS_MGTIME 64 /* file_system_type.fs_flags, since Linux 6.13 */
#define I_CTIME_QUERIED 0x80000000u /* in inode.i_ctime_nsec, since Linux 6.13 */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct user_namespace {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
	struct user_namespace *user_ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct kernfs_node {
	const char *name;
	struct kernfs_node *__parent; /* since Linux 6.15 */
};

struct kernfs_node___old { /* before Linux 6.15 */
	struct kernfs_node *parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16]; /* as many as the kernel has controllers */
	struct cgroup *dfl_cgrp;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	unsigned long skc_flags;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct socket;

struct sock {
	struct sock_common __sk_common;
	__u8 sk_kern_sock : 1;
	__u16 sk_protocol;
	__u16 sk_type;
	struct socket *sk_socket;
};

struct inet_sock {
	__be16 inet_sport;
};

struct request_sock {
	struct request_sock *dl_next;
	struct sock *sk;
};

struct request_sock_queue {
	struct request_sock *rskq_accept_head;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 copied_seq;
	__u32 rcv_nxt;
	__u32 urg_seq;
	__u16 urg_data;
	__u64 bytes_received;
	_Bool is_mptcp; /* with CONFIG_MPTCP: a subflow */
};

struct socket {
	struct sock *sk;
};

struct file_system_type {
	int fs_flags;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
	unsigned long s_flags;
	struct file_system_type *s_type;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct address_space {
	atomic_t i_mmap_writable;
};

struct inode {
	struct super_block *i_sb;
	struct address_space *i_mapping;
	atomic_t i_writecount; /* below 0: writing is denied */
	unsigned long i_ino;
	__s64 i_size;
	__u32 i_generation;
	__s64 i_ctime_sec; /* since Linux 6.11 */
	__u32 i_ctime_nsec;
};

struct shmem_inode_info {
	unsigned int seals;
	struct inode vfs_inode;
};
struct inode___6_6 { /* Linux 6.6 to 6.10 */
	struct timespec64 __i_ctime;
};

struct inode___old { /* before Linux 6.6 */
	struct timespec64 i_ctime;
};

struct seqcount {
	unsigned int sequence;
};

struct seqcount_spinlock {
	struct seqcount seqcount;
};

struct qstr {
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct seqcount_spinlock d_seq; /* changes with name, parent and removal */
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent; /* itself, for one that is mounted nowhere */
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	int mnt_id;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct file {
	struct inode *f_inode;
	unsigned int f_flags;
	void *private_data; /* of a socket's file: the struct socket; of an overlay's, the file below it, or since Linux 6.13 what begins with that */
};

struct file_ref___any {
	int counter;
};

struct file___6_13 { /* since then */
	struct file_ref___any f_ref;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

/* What a program called the kernel with. */
struct pt_regs___x86 {
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};

struct pt_regs___arm64 {
	__u64 regs[31];
	__u64 orig_x0;
	int syscallno;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
	struct file *exe_file;
};

struct signal_struct {
	atomic_t live;
};

typedef struct {
	__u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct mm_struct *mm;
	struct signal_struct *signal;
	const struct cred *cred;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
};

struct linux_binprm {
	unsigned int secureexec : 1;
	struct file *file;
	const char *filename; /* the file that exec was called for; the same pointer as interp, unless that is an interpreter */
	const char *interp; /* the file that is executed in the end: a script's interpreter */
};
struct bpf_map;
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};

#pragma clang attribute pop

#endif
