/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * What the hash map `hosts4` has told lately: sixteen answers in a cache line, few enough lines to stay in the cache.
 * A look into a hash map waits for memory twice, and with many sessions that is most of what a packet costs.
 * The programs write it, and believe it only as far as the session's own record agrees: a stale cell is no harm.
 */
#ifndef NEAR_H
#define NEAR_H

#define SLOT_BITS 20
#define SLOT_MASK ((1 << SLOT_BITS) - 1)
#define CELLS_MASK (CELLS - 1)
#define REPLACED 8 /* one of so many that find a full line takes another's place: more sessions than cells must not thrash */

/* Where a key is kept: its line, its own cell in it, and what tells it from most others. */
struct spot {
	struct cells *line;
	__u32 cell;
	__u32 tag; /* already in the bits where a cell has it */
};

INLINE __u32 tag_of(__u32 key)
{
	return (key * GOLDEN << 8) & ~SLOT_MASK;
}

/* Addresses are given out of pools: neighbours share a line, so that a few lines have all of them.  What pools have in
 * common in their lower bits is kept apart by the upper ones. */
INLINE struct spot spot_of_host(__be32 address)
{
	__u32 host = bpf_ntohl(address);
	__u32 above = host >> (NEAR_BITS + CELL_BITS);
	__u32 line = ((host >> CELL_BITS) + (above * GOLDEN >> (32 - NEAR_BITS))) & (NEAR - 1);

	return (struct spot){ bpf_map_lookup_elem(&near_hosts, &line), host & CELLS_MASK, tag_of(host) };
}

INLINE bool holds(__u32 cell, __u32 tag)
{
	return (cell & ~SLOT_MASK) == tag && cell & SLOT_MASK;
}

/* Look into all cells.  Not static, so that it is verified once, and not again with whatever follows. */
__noinline __u32 scan(struct cells *line, __u32 tag)
{
	if (!line)
		return 0;
	for (int i = 0; i < CELLS; i++) {
		__u32 cell = *(const volatile __u32 *)&line->cell[i];

		if (holds(cell, tag))
			return cell;
	}
	return 0;
}

INLINE bool recall(const struct spot *spot, __u32 *slot)
{
	__u32 cell;

	if (!spot->line)
		return false;
	cell = *(const volatile __u32 *)&spot->line->cell[spot->cell];
	if (!holds(cell, spot->tag))
		cell = scan(spot->line, spot->tag);
	*slot = (cell & SLOT_MASK) - 1;
	return cell & SLOT_MASK;
}

/* In the place of what it said of the same key, or in its own if nothing is there, or where nothing is, or somewhere. */
__noinline int keep(struct cells *line, __u32 own, __u32 tag, __u32 slot)
{
	__u32 place = CELLS;

	if (!line || slot >= SLOT_MASK)
		return 0;
	for (int i = 0; i < CELLS; i++)
		if (!line->cell[i])
			place = i;
	if (!line->cell[own & CELLS_MASK])
		place = own;
	for (int i = 0; i < CELLS; i++)
		if (holds(line->cell[i], tag))
			place = i;
	if (place == CELLS) {
		place = bpf_get_prandom_u32();
		if (place / CELLS % REPLACED)
			return 0;
	}
	*(volatile __u32 *)&line->cell[place & CELLS_MASK] = tag | (slot + 1);
	return 0;
}

#endif
