/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * What the hash maps have told lately, kept where one cache line has eight answers.
 * A look into a hash map waits for memory twice, and with many sessions that is most of what a packet costs.
 * The programs write it, and believe it only as far as the session's own record agrees: a stale cell is no harm.
 */
#ifndef NEAR_H
#define NEAR_H

#define GOLDEN 0x9e3779b1u /* 2^32 by the golden ratio: spreads numbers that follow each other */
#define KEY_SHIFT 32

INLINE __u32 spread(__u32 key)
{
	return key * GOLDEN >> (32 - NEAR_BITS);
}

/* Calls have numbers by chance. */
INLINE struct cells *cells_of_call(__u32 call)
{
	__u32 line = spread(call);

	return bpf_map_lookup_elem(&near_calls, &line);
}

/* Addresses are given out of pools: neighbours share a line, so that a few lines, which stay in the cache, have all of
 * them.  What the pools have in common in their lower bits is kept apart by the upper ones. */
INLINE struct cells *cells_of_host(__be32 address)
{
	__u32 host = bpf_ntohl(address);
	__u32 line = ((host >> CELL_BITS) + spread(host >> (NEAR_BITS + CELL_BITS))) & (NEAR - 1);

	return bpf_map_lookup_elem(&near_hosts, &line);
}

INLINE bool recall(const struct cells *line, __u32 key, __u32 *slot)
{
	if (!line)
		return false;
	for (int i = 0; i < CELLS; i++) {
		__u64 other = *(const volatile __u64 *)&line->cell[i] ^ (__u64)key << KEY_SHIFT;

		if (!(other >> KEY_SHIFT)) {
			*slot = other;
			return true;
		}
	}
	return false;
}

/* In the place of what it said of the same key, or where nothing is, or anywhere. */
static __noinline int keep(struct cells *line, __u32 key, __u32 slot)
{
	__u32 place = bpf_get_prandom_u32();

	if (!line)
		return 0;
	for (int i = 0; i < CELLS; i++)
		if (!line->cell[i])
			place = i;
	for (int i = 0; i < CELLS; i++)
		if (line->cell[i] >> KEY_SHIFT == key)
			place = i;
	*(volatile __u64 *)&line->cell[place & (CELLS - 1)] = (__u64)key << KEY_SHIFT | slot;
	return 0;
}

#endif
