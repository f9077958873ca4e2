/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The few words that all the rest is written with.
 */
#ifndef BASE_H
#define BASE_H

#define INLINE static __always_inline
#define AT(data, offset) ((void *)((char *)(data) + (offset)))

/* The compiler drops a check that it can prove, or compares a copy; the verifier knows only what it sees compared. */
#define AS_IT_IS(variable) asm volatile("" : "+r"(variable))

/* What is to become of a packet. */
enum verdict {
	TAKE,  /* it is ours, and goes on by the fast path */
	LEAVE, /* it is not, or not for the fast path: nothing of it may have been changed */
	SHOT,  /* it ends here, and is counted */
};

#endif
