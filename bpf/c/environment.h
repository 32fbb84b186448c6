/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The variables of an environment that change what is loaded, or say what a program is part of.
 *
 * All of a name are sent, in their order: of two LD_PRELOAD, glibc's dynamic linker obeys the last one and musl's the first, and
 * glibc's obeys every LD_AUDIT.
 */
#ifndef PORTOLAN_ENVIRONMENT_H
#define PORTOLAN_ENVIRONMENT_H

#include <bpf/bpf_core_read.h>
#include "abi.h"

/*
 * A piece is a variable, or so many bytes of a longer one. Each costs some 80 ns, so that no environment delays an exec by 100 us;
 * who has more variables than that is not searched to the end, and that is said.
 */
#define ENVIRONMENT_PIECE 512
#define ENVIRONMENT_PIECES 512
#define ENVIRONMENT_PIECES_OLD 128 /* without bpf_loop, before Linux 5.17 */

/* A search under way. */
struct search {
	struct portolan_event *event;
	unsigned long next, end;
	__u32 at, full; /* in the event's text: where the next variable goes, and from where on there is no room for one */
	__u32 within; /* next is in the middle of a variable */
};

#define LENGTH_IF(text, name) (__builtin_memcmp(text, name, sizeof(name) - 1) ? 0 : sizeof(name) - 1)

/* Length of a variable's name with the "="; 0 when it does not matter. Most are told by their first byte. */
static __always_inline __u32 name_that_matters(const __u8 *text)
{
	__u32 length = 0;

	switch (text[0]) {
	case 'L':
		length = LENGTH_IF(text, "LD_PRELOAD=");
		if (!length)
			length = LENGTH_IF(text, "LD_AUDIT=");
		return length ? length : LENGTH_IF(text, "LD_LIBRARY_PATH=");
	case 'A':
		return LENGTH_IF(text, "APPIMAGE=");
	case 'F':
		return LENGTH_IF(text, "FLATPAK_ID=");
	case 'S':
		return LENGTH_IF(text, "SNAP_NAME=");
	case 'c':
		return LENGTH_IF(text, "container=");
	}
	return 0;
}

/* One step of the search; 1 when there is nothing left to do. */
static long look_at_piece(__u32 index, struct search *search)
{
	struct portolan_event *event = search->event;
	__u32 at = search->at, keep, name;
	long len;

	if (search->next >= search->end || at > search->full || at > sizeof(event->text) - ENVIRONMENT_PIECE)
		return 1;
	len = bpf_probe_read_user_str(event->text + at, ENVIRONMENT_PIECE, (void *)search->next);
	if (len < 0)
		return 1;
	if (!len)
		len = 1; /* an empty string, as older kernels say it (6.1 does) */
	name = search->within || len == 1 ? 0 : name_that_matters(event->text + at);
	if (name) {
		keep = len - 1;
		if (keep > name + PORTOLAN_VALUE_MAX + 1)
			keep = name + PORTOLAN_VALUE_MAX + 1;
		if (keep < ENVIRONMENT_PIECE)
			event->text[at + keep] = 0;
		search->at = at + keep + 1;
	}
	search->within = len == ENVIRONMENT_PIECE;
	search->next += search->within ? len - 1 : len;
	return 0;
}

/* After everything else in the event's text. */
static __always_inline void add_environment(struct portolan_event *event, struct mm_struct *memory)
{
	__u32 at = event->cgroup_len + event->arguments_len + event->name_len + event->directory_len, i;
	struct search search = { .event = event, .next = memory->env_start, .end = memory->env_end, .at = at };

	search.full = at + PORTOLAN_ENVIRONMENT_MAX - ENVIRONMENT_PIECE;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(ENVIRONMENT_PIECES, look_at_piece, &search, 0);
	} else {
		for (i = 0; i < ENVIRONMENT_PIECES_OLD && !look_at_piece(i, &search); i++)
			;
	}
	event->environment_len = search.at - at;
	if (search.next >= search.end)
		event->environment &= ~PORTOLAN_ENVIRONMENT_UNSEARCHED;
}

#endif
