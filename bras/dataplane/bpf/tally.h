/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Counting: what was carried, what was dropped, what went another way.
 */
#ifndef TALLY_H
#define TALLY_H

/* Counters of one direction and family: octets, then packets, as in struct session and in struct tallies. */
#define UP4 0
#define DOWN4 2
#define FAMILY6 4 /* so many places after the same of IPv4 */

INLINE struct tallies *tallied(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&tallies, &only);
}

INLINE void note(enum fallback reason)
{
	struct tallies *total = tallied();

	if (total)
		total->fallbacks[reason]++;
}

/* XDP is quiet: what it leaves, the TC programs or Python meet again, and count. */
INLINE int leave(bool quiet, enum fallback reason)
{
	if (!quiet)
		note(reason);
	return LEAVE;
}

INLINE int drop(enum drop reason)
{
	struct tallies *total = tallied();

	if (total)
		total->drops[reason]++;
	return SHOT;
}

INLINE int drop_of(__u64 *counter, enum drop reason)
{
	__sync_fetch_and_add(counter, 1);
	return drop(reason);
}

/* A number that this CPU has not used for its last 65,536 packets: the identification of an outer IPv4 packet.  No random
 * one is better at a million packets a second, when any of them comes again within a tenth of a second. */
INLINE __u16 identification(void)
{
	struct tallies *total = tallied();

	return total ? total->carried[DOWN4 + 1] + total->carried[DOWN4 + FAMILY6 + 1] : 0;
}

/* Add to counters of octets and of packets that lie beside each other, and to the tallies of their kind. */
INLINE void count(__u64 *counters, __u32 which, __u64 octets, __u64 packets)
{
	struct tallies *total = tallied();

	__sync_fetch_and_add(counters, octets);
	__sync_fetch_and_add(counters + 1, packets);
	if (total) { /* of this CPU alone: no atomics */
		total->carried[which] += octets;
		total->carried[which + 1] += packets;
	}
}

#endif
