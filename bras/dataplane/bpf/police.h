/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The policer: GCRA over octets (ITU-T I.371), the bucket kept as the instant at which it is or was empty.
 */
#ifndef POLICE_H
#define POLICE_H

#define POLICE_TRIES 4
#define LARGEST_TRAIN 65536 /* octets of a GSO packet: the deepest debt below an empty bucket */

INLINE __u64 price(__u64 cost, __u64 octets)
{
	return octets * cost >> COST_SHIFT;
}

/* Take `octets` from the bucket if it holds at least `first` of them, else tell that it does not.
 *
 * `first` is less than `octets` where a GSO packet has to pass whole: the rest is then owed.
 * Several CPUs may try at once; who loses more often than it should passes free. */
INLINE bool conforms(__u64 *empty_at, __u64 cost, __u32 burst, __u32 octets, __u32 first)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u64 full = now + price(cost, burst);
	__u64 worst = full + price(cost, LARGEST_TRAIN);

	for (int i = 0; i < POLICE_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)empty_at;
		__u64 start = seen > now ? seen : now;

		if (start + price(cost, first) > full) {
			/* No train owes so much: the rate has risen since. What is beyond is forgiven. */
			if (start > worst)
				__sync_val_compare_and_swap(empty_at, seen, worst);
			return false;
		}
		if (__sync_val_compare_and_swap(empty_at, seen, start + price(cost, octets)) == seen)
			return true;
	}
	return true;
}

#endif
