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
	struct portolan_message *message;
	unsigned long next, end;
	__u32 at, full; /* in the message's text: where the next variable goes, and from where on there is no room for one */
	__u32 within; /* next is in the middle of a variable */
};

/*
 * The variables, sorted by their first byte, and where those of each byte begin; the end of the last is behind. Filled in by the
 * daemon before the programs are loaded.
 */
const volatile struct portolan_variable variables[PORTOLAN_VARIABLES_MAX];
const volatile __u8 variables_from[256 + 1];

/*
 * Length of a variable's name with the "=", or of what its name is known by the beginning of (BASH_FUNC_); 0 when it does not matter. A function of its own for numbers alone, which the verifier
 * looks at once, and not for each variable.
 */
__noinline __u32 length_of_name(__u32 begin, __u64 first, __u64 second, __u64 third)
{
	const volatile struct portolan_variable *variable;
	__u32 i, at, end;

	begin &= 0xff;
	end = variables_from[begin + 1];
	for (i = variables_from[begin]; i < end && i < PORTOLAN_VARIABLES_MAX; i++) {
		at = i;
		asm volatile("" : "+r"(at)); /* or the compiler counts in a pointer, whose bounds the verifier loses */
		variable = &variables[at % PORTOLAN_VARIABLES_MAX];
		if ((first & variable->mask[0]) == variable->name[0] &&
		    (second & variable->mask[1]) == variable->name[1] &&
		    (third & variable->mask[2]) == variable->name[2])
			return variable->length;
	}
	return 0;
}

/* The same of a text. Most are told by their first byte. */
static __always_inline __u32 name_that_matters(const __u8 *text)
{
	__u64 name[PORTOLAN_VARIABLE_WORDS];

	if (variables_from[text[0]] == variables_from[text[0] + 1])
		return 0;
	if (bpf_probe_read_kernel(name, sizeof(name), text)) /* words, wherever they begin */
		return 0;
	return length_of_name(text[0], name[0], name[1], name[2]);
}

/* One step of the search; 1 when there is nothing left to do. */
static long look_at_piece(__u32 index, struct search *search)
{
	struct portolan_message *message = search->message;
	__u32 at = search->at, keep, name;
	long len;

	if (search->next >= search->end || at > search->full || at > sizeof(message->text) - ENVIRONMENT_PIECE)
		return 1;
	len = bpf_probe_read_user_str(message->text + at, ENVIRONMENT_PIECE, (void *)search->next);
	if (len < 0)
		return 1;
	if (!len)
		len = 1; /* an empty string, as older kernels say it (6.1 does) */
	name = search->within || len == 1 ? 0 : name_that_matters(message->text + at);
	if (name) {
		keep = len - 1;
		if (name > sizeof(__u64) * PORTOLAN_VARIABLE_WORDS)
			return 1;
		if (keep > name + PORTOLAN_VALUE_MAX + 1)
			keep = name + PORTOLAN_VALUE_MAX + 1;
		if (keep < ENVIRONMENT_PIECE)
			message->text[at + keep] = 0;
		search->at = at + keep + 1;
	}
	search->within = len == ENVIRONMENT_PIECE;
	search->next += search->within ? len - 1 : len;
	return 0;
}

/* After everything else in the message's text. */
static __always_inline void add_environment(struct portolan_message *message, struct mm_struct *memory)
{
	struct portolan_event *event = &message->event;
	__u32 at = event->cgroup_len + event->arguments_len + event->name_len + event->script_len +
		   event->directory_len;
	__u32 i;
	struct search search = { .message = message, .next = memory->env_start, .end = memory->env_end, .at = at };

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
