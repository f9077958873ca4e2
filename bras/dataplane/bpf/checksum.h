/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Ones' complement sums (RFC 1071), of 16-bit words as they stand in memory.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#define SUM_CHUNK 128 /* the stack is small, and older kernels have one for caller and callee */
#define SUM_CHUNKS 80 /* 10,240 octets: more than any packet that is not GSO */

INLINE __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A header without options whose sum is not 0xffff is damaged. */
INLINE __u16 sum_ipv4(const struct iphdr *ip)
{
	const __u32 *words = (const __u32 *)ip;

	return fold((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
}

/* The sum of octets that begin at an odd place is that of the same octets with its own two swapped. */
INLINE __u16 at_place(__u16 sum, __u32 offset)
{
	return offset & 1 ? bpf_htons(bpf_ntohs(sum) >> 8 | bpf_ntohs(sum) << 8) : sum;
}

INLINE long load_octets(void *ctx, const bool xdp, __u32 at, void *to, __u32 octets)
{
	return xdp ? bpf_xdp_load_bytes(ctx, at, to, octets) : bpf_skb_load_bytes(ctx, at, to, octets);
}

/* The sum of `octets` from `at` on, folded; negative if they cannot be read. */
INLINE int sum_octets(void *ctx, const bool xdp, __u32 at, __u32 octets)
{
	__u32 chunk[SUM_CHUNK / 4];
	__u64 sum = 0;

	for (int i = 0; i < SUM_CHUNKS && octets >= SUM_CHUNK; i++) {
		if (load_octets(ctx, xdp, at, chunk, SUM_CHUNK))
			return -1;
		sum += (__u32)bpf_csum_diff(0, 0, chunk, SUM_CHUNK, 0);
		at += SUM_CHUNK;
		octets -= SUM_CHUNK;
	}
	if (octets >= SUM_CHUNK)
		return -1;
	if (octets == 0)
		return fold(sum);
	__builtin_memset(chunk, 0, sizeof(chunk));
	/* From 1 to 127: older verifiers do not see it but by a mask. */
	octets--;
	AS_IT_IS(octets);
	octets &= SUM_CHUNK - 1;
	AS_IT_IS(octets);
	if (load_octets(ctx, xdp, at, chunk, octets + 1))
		return -1;
	return fold(sum + (__u32)bpf_csum_diff(0, 0, chunk, SUM_CHUNK, 0));
}

/* Functions that are not static are verified once, whoever calls them: these have the loops. */
__noinline int sum_skb(struct __sk_buff *skb, __u32 at, __u32 octets)
{
	return sum_octets(skb, false, at, octets);
}

__noinline int sum_xdp(struct xdp_md *ctx, __u32 at, __u32 octets)
{
	return sum_octets(ctx, true, at, octets);
}

#endif
