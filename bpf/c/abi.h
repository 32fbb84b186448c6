/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the kernel programs and the daemon share. The only definition of these layouts: `cargo xtask contracts` generates
 * src/abi.rs from this file, with assertions on size and offset. No padding is implicit.
 */
#ifndef PORTOLAN_ABI_H
#define PORTOLAN_ABI_H

#include <linux/types.h>

#define PORTOLAN_ARGUMENTS_MAX 8192	/* bytes of a command line that travel with an exec */
#define PORTOLAN_NAME_MAX 256		/* bytes of the executed file's name, its NUL included */
#define PORTOLAN_SCRIPT_MAX 1024	/* bytes of a script's name, its NUL included */
#define PORTOLAN_CGROUP_MAX 1024	/* bytes of the names of a cgroup that travel with an event */
#define PORTOLAN_DIRECTORY_MAX 2048	/* bytes of the names of a working directory that travel with an exec */
#define PORTOLAN_ENVIRONMENT_MAX 4096	/* bytes of the variables that travel with an exec */
#define PORTOLAN_VALUE_MAX 256		/* bytes of a variable's value; of a longer one, one more is sent */
#define PORTOLAN_VARIABLES_MAX 64	/* variables that matter */
#define PORTOLAN_VARIABLE_WORDS 3	/* of 8 bytes, for the longest of their names */
#define PORTOLAN_CLOSED_MAX 131072	/* flows closed between two readings */
#define PORTOLAN_CLOSINGS_MAX 32768	/* sockets closed between two readings; beyond, they go to the table of flows */
#define PORTOLAN_OVERFLOW_MAX 8192	/* owners whose flows did not fit above */
#define PORTOLAN_RING_BYTES (1 << 20)
#define PORTOLAN_SAID_MAX 4096		/* bytes of one call, or datagram, that are looked at */
#define PORTOLAN_SAID_RING_BYTES (1 << 20)
#define PORTOLAN_SAID_PER_SECOND 1000	/* records of one CPU; a second is 2^30 ns */
#define PORTOLAN_LOOKS_MAX 16		/* calls of one socket that are looked at between two readings of the cells */
#define PORTOLAN_DNS_LOOKS_MAX 512	/* the same of those that may be questions to DNS servers, or their answers */

/* A process: exec keeps pid and start time, so the generation tells two executables apart. All 0: the kernel itself. */
struct portolan_owner {
	__u64 started_ns;	/* CLOCK_BOOTTIME at fork */
	__u64 exec_generation;	/* task_struct.self_exec_id */
	__u32 pid;		/* tgid, initial pid namespace */
	__u32 reserved;
};

enum portolan_direction {
	PORTOLAN_DIRECTION_UNKNOWN = 0,
	PORTOLAN_DIRECTION_OUTBOUND = 1,
	PORTOLAN_DIRECTION_INBOUND = 2,
};

/* What one process exchanges with one peer. Addresses are 16 bytes; IPv4 is mapped (::ffff:a.b.c.d); all 0: not known. */
struct portolan_flow {
	struct portolan_owner owner;
	__u8 local_address[16];
	__u8 remote_address[16];
	__u32 uid;
	__u32 network_namespace;	/* inode number */
	__u16 local_port;		/* host order */
	__u16 remote_port;		/* host order */
	__u16 protocol;			/* IANA number */
	__u8 family;			/* AF_INET, AF_INET6 or AF_PACKET */
	__u8 direction;			/* enum portolan_direction */
};

/* Cumulative payload bytes; they only ever grow. */
struct portolan_counters {
	__u64 tx_bytes;
	__u64 rx_bytes;
	__u64 opened_ns;	/* CLOCK_BOOTTIME of the first use */
	__u64 closed_sockets;	/* sockets whose cells moved here; 0: uses of a socket that may still be open */
};

/*
 * Life of a cell: PROVISIONAL (no byte yet, the flow may still change) -> CLAIMED (being written) -> READY (the flow never
 * changes again) -> CLOSED (its counters have moved to the table of closed flows). LISTENING cells carry no bytes, nor do
 * those of the kernel's own sockets (KERNEL), whose end nobody reports: their bytes go to the table at once.
 */
enum portolan_cell_state {
	PORTOLAN_CELL_PROVISIONAL = 0,
	PORTOLAN_CELL_CLAIMED = 1,
	PORTOLAN_CELL_READY = 2,
	PORTOLAN_CELL_CLOSED = 3,
	PORTOLAN_CELL_LISTENING = 4,
	PORTOLAN_CELL_KERNEL = 5,
};

enum portolan_cell_flags {
	PORTOLAN_CELL_SEQUENCED = 1,	/* copied_seq is valid */
	PORTOLAN_CELL_NAMED = 2,	/* calls on this connected socket have named addresses all the same */
	PORTOLAN_CELL_RELEASED = 4,	/* the program closed the socket, which still tries to connect */
};

/* What is known of a TCP connection's streams. Not among the flags, which other programs change at the same time. */
enum portolan_heard {
	PORTOLAN_HEARD_ENOUGH = 1,	/* nothing more of what is sent is looked at */
	PORTOLAN_HEARD_MIDWAY = 2,	/* the beginning was not seen: no place in the streams is known */
};

struct portolan_cell {
	struct portolan_flow flow;
	struct portolan_counters counters;
	__u32 state;		/* enum portolan_cell_state */
	__u32 flags;		/* enum portolan_cell_flags */
	__u32 copied_seq;	/* TCP: what the program had consumed at the last reading of tcp_sock.copied_seq */
	__u16 heard;		/* enum portolan_heard */
	__u16 looks;		/* calls that were looked at; set to 0 by dump_cells */
	__u64 named_by;		/* datagrams: the thread whose call now names the flow's peer, a pointer only to compare; 0: none */
	__u32 shown_to;		/* the reader that knows the flow; written by dump_cells, 0 when another flow begins */
	__u32 said_tx;		/* TCP: where in the stream the next call begins, until that is enough */
	__u32 said_rx;		/* the same of what is received, where that is looked at */
	__u16 dns_looks;	/* as looks, of calls with a DNS server */
	__u16 reserved;
};

/* What a socket has left when it was closed. */
struct portolan_closing {
	struct portolan_flow flow;
	struct portolan_counters counters;
};

/*
 * A cell as it is read: cumulative bytes, and the flow behind them the first time that a reader sees it. Address and first use
 * tell the cells of one reading apart, for the iterator may show one twice, and a socket may be used for one flow after another.
 */
struct portolan_socket {
	__u64 address;		/* of the kernel's socket, only to compare */
	__u64 opened_ns;	/* PORTOLAN_WITH_FLOW besides, when a struct portolan_flow follows */
	__u64 tx_bytes;
	__u64 rx_bytes;
};

#define PORTOLAN_WITH_FLOW (1ULL << 62)

enum portolan_event_kind {
	PORTOLAN_EVENT_FORK = 1,
	PORTOLAN_EVENT_EXEC = 2,
	PORTOLAN_EVENT_EXIT = 3,
	PORTOLAN_EVENT_TASK = 4,	/* from the iterator: a process that exists */
	PORTOLAN_EVENT_MOVED = 5,	/* to another cgroup */
};

/* A file's identity, as the kernel sees it at exec. device is MKDEV(major, minor): major << 20 | minor. */
struct portolan_file {
	__u64 inode;
	__u64 size;
	__s64 changed_s;	/* ctime; 0 where this kernel's layout is not known */
	__u32 changed_ns;
	__u32 device;
	__u32 generation;
	__u32 stamps;		/* enum portolan_stamps */
};

/* A file of an overlay that the daemon has open. */
struct portolan_opened {
	__u64 descriptor;
	struct portolan_file file;
};

/*
 * Whether a change of the file shows in its ctime. Timestamps come from the last tick (1 to 10 ms); on filesystems with
 * multigrain timestamps (Linux 6.13) a change after somebody asked for the ctime has a finer one.
 */
enum portolan_stamps {
	PORTOLAN_STAMPS_MULTIGRAIN = 1,
	PORTOLAN_STAMPS_QUERIED = 2,	/* somebody has asked since the last change */
	PORTOLAN_STAMPS_SEALED = 4,	/* F_SEAL_WRITE: its content never changes again */
	PORTOLAN_STAMPS_SERVED = 8,	/* on a filesystem whose server may never answer */
	PORTOLAN_STAMPS_UNGUARDED = 16,	/* the kernel lets others write to it while it is executed */
	PORTOLAN_STAMPS_UNSEEN = 32,	/* … and they may have done so unseen */
	PORTOLAN_STAMPS_OVERLAID = 128,	/* below an overlay: size and ctime are of what was executed there */
	PORTOLAN_STAMPS_LET_GO = 64,	/* of a process that names another file now than the one that it executed (PR_SET_MM) */
};

enum portolan_environment {
	PORTOLAN_ENVIRONMENT_UNSEARCHED = 1,	/* not to its end: too long, or not readable */
	PORTOLAN_ENVIRONMENT_SECURE = 2,	/* the exec gave privileges (AT_SECURE): the dynamic linker ignores it */
};

/*
 * A variable that matters, as the daemon tells the programs: the name with the "=", or what many names begin with, as words of this
 * machine's order, and a bit for each bit of it.
 */
struct portolan_variable {
	__u64 name[PORTOLAN_VARIABLE_WORDS];
	__u64 mask[PORTOLAN_VARIABLE_WORDS];
	__u64 length;
};

/* A folder in a mount. Both numbers are given away again when it is gone. */
struct portolan_folder {
	__u64 inode;		/* 0 when it is not known */
	__u64 mount;
};

/* When something happened. */
struct portolan_instant {
	__u64 boot_ns;		/* CLOCK_BOOTTIME */
	__u64 monotonic_ns;	/* CLOCK_MONOTONIC, not earlier */
	__u64 jiffies;		/* not later; 0 when nobody looked at them */
};

/*
 * One process event; behind it, what the lengths say. cgroup_len bytes: the names of the cgroup and of those above it up to the
 * root, each with a NUL. arguments_len bytes: the NUL-separated command line. name_len bytes: the name that the executed file was
 * opened by (of the interpreter, for a script; without its NUL; 0 when it was too long). script_len bytes: where the kernel gave
 * another file to that one (#!, binfmt_misc), the name of the file that exec was called for, with its NUL; a NUL alone when it
 * was too long. directory_len bytes: the working directory as the cgroup, up to the process's own root. environment_len bytes:
 * the variables that matter in their order ("NAME=value", each with a NUL).
 */
struct portolan_event {
	__u32 kind;		/* enum portolan_event_kind */
	__u32 uid;
	struct portolan_owner process;
	struct portolan_owner parent;
	struct portolan_instant at;	/* for an unguarded file, like file: before anybody could notice the exec */
	struct portolan_file file;
	__u32 kernel_thread;	/* 1 for a thread of the kernel */
	__u32 arguments_len;
	__u32 arguments_truncated;
	__u32 name_len;
	__u32 cgroup_len;		/* 0 in the root */
	__u32 cgroup_unknown;		/* 1 when the names were too many or too long, and at an exit */
	__u32 mount_namespace;		/* inode number; 0 when the process has none any more */
	__u32 mounting_users;		/* inode number of the user namespace whose root may mount there; 0 as before */
	__u32 directory_len;		/* 0 in the root */
	__u32 directory_unknown;	/* 1 unless this is an exec whose working directory has a path */
	__u32 environment_len;
	__u32 environment;		/* enum portolan_environment */
	__u32 script_len;
	__u32 reserved;
	struct portolan_folder root;
};

/* An event with all that may be behind it. */
struct portolan_message {
	struct portolan_event event;
	__u8 text[PORTOLAN_CGROUP_MAX + PORTOLAN_ARGUMENTS_MAX + PORTOLAN_NAME_MAX + PORTOLAN_SCRIPT_MAX +
		  PORTOLAN_DIRECTORY_MAX + PORTOLAN_ENVIRONMENT_MAX];
};

enum portolan_way {
	PORTOLAN_WAY_SENT = 1,
	PORTOLAN_WAY_RECEIVED = 2,
};

/* What a program sent or received, as it was in its memory; behind it, bytes_len bytes. */
struct portolan_said {
	struct portolan_flow flow;	/* as the bytes were charged */
	__u64 at_ns;			/* CLOCK_BOOTTIME */
	__u64 offset;			/* of the first byte in the stream; 0 for a datagram */
	__u32 bytes_len;
	__u16 way;			/* enum portolan_way */
	__u16 reserved;
};

/* What calls moved, counted apart from any cell or table: cumulative, per CPU. What all owners add up to must equal it. */
struct portolan_truth {
	__u64 tcp_tx_bytes;
	__u64 tcp_rx_bytes;	/* as tcp_rcv_space_adjust sees them; and of TCP, … */
	__u64 tcp_rx_apart_bytes;	/* … as only sock_recv_length does: MPTCP, urgent bytes */
	__u64 udp_tx_bytes;
	__u64 udp_rx_bytes;
	__u64 other_tx_bytes;
	__u64 other_rx_bytes;
};

/* Indices of the map of losses: what was refused, counted where it happened. */
enum portolan_loss {
	PORTOLAN_LOSS_EVENTS = 0,		/* process events: the ring was full */
	PORTOLAN_LOSS_CLOSED = 1,		/* closed flows that went to the owner's overflow cell */
	PORTOLAN_LOSS_OVERFLOW = 2,		/* closed flows that found no overflow cell either */
	PORTOLAN_LOSS_OVERFLOW_TX_BYTES = 3,	/* their bytes: counted, without an owner */
	PORTOLAN_LOSS_OVERFLOW_RX_BYTES = 4,
	PORTOLAN_LOSS_CELLS = 5,		/* sockets that got no cell and were counted flow by flow */
	PORTOLAN_LOSS_PEERS = 6,		/* datagrams whose peer could not be kept */
	PORTOLAN_LOSS_SAID = 7,			/* what was said, and found no room */
	PORTOLAN_LOSS_SAID_TOO_OFTEN = 8,	/* what was said beyond what is looked at in a second, or of one connection */
	PORTOLAN_LOSS_KINDS = 9,
};

#endif
