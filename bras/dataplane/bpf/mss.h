/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Lowering the MSS option of TCP SYN segments (RFC 9293), so that TCP never meets a too small MTU.
 * Rare, so in functions of their own and with helpers rather than direct access.
 */
#ifndef MSS_H
#define MSS_H

#define TCP_HEADER 20
#define TCP_CHECK 16 /* offset of the checksum */
#define TCP_OPTIONS 40
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_OCTETS 4
#define SYN 0x02

#define OPTIONS_MASK 63

/* What a TCP header begins with, and room for its options; behind them all is zero, which is OPTION_END. */
struct syn {
	__u8 header[TCP_HEADER];
	__u8 options[OPTIONS_MASK + 1];
};

/* The place of the MSS value in `options`, 0 if there is none; the option is never the first octet. */
static __noinline __u32 find_mss(const struct syn *syn, __u32 octets)
{
	__u32 at = 0;

	for (int i = 0; i < TCP_OPTIONS; i++) {
		__u8 kind, length;

		if (at + 1 >= octets || at + 1 >= TCP_OPTIONS)
			return 0;
		kind = syn->options[at & OPTIONS_MASK];
		length = syn->options[(at + 1) & OPTIONS_MASK];
		if (kind == OPTION_NOP) {
			at++;
			continue;
		}
		if (kind == OPTION_MSS && length == OPTION_MSS_OCTETS && at + OPTION_MSS_OCTETS <= octets)
			return at + 2;
		if (kind == OPTION_END || kind == OPTION_MSS || length < 2)
			return 0;
		at += length;
	}
	return 0;
}

/* Read a SYN that stands at `at`; the place of its MSS value after `at`, 0 if it has none above `mss`. */
INLINE __u32 read_syn(void *ctx, const bool xdp, __u32 at, struct syn *syn, __u32 mss, __be16 *old)
{
	__u32 octets, place;

	__builtin_memset(syn, 0, sizeof(*syn));
	if (load_octets(ctx, xdp, at, syn->header, TCP_HEADER))
		return 0;
	octets = (syn->header[12] >> 4) * 4;
	if (octets <= TCP_HEADER)
		return 0;
	octets = (octets - TCP_HEADER) & OPTIONS_MASK;
	if (octets == 0 || octets > TCP_OPTIONS || load_octets(ctx, xdp, at + TCP_HEADER, syn->options, octets))
		return 0;
	place = find_mss(syn, octets);
	if (place == 0 || place > TCP_OPTIONS - 2)
		return 0;
	*old = bpf_htons(syn->options[place] << 8 | syn->options[place + 1]);
	return bpf_ntohs(*old) > mss ? TCP_HEADER + place : 0;
}

/* For a socket buffer the kernel's helpers know whether the checksum is finished; a direct patch would not. */
__noinline int clamp_skb(struct __sk_buff *skb, __u32 at, __u32 mss)
{
	struct syn syn;
	__be16 old = 0, new = bpf_htons(mss);
	__u32 place = read_syn(skb, false, at, &syn, mss, &old);

	if (!place)
		return 0;
	/* At an odd place the value straddles two words of the sum. */
	bpf_l4_csum_replace(skb, at + TCP_CHECK, at_place(old, place), at_place(new, place), sizeof(new));
	return bpf_skb_store_bytes(skb, at + place, &new, sizeof(new), 0);
}

__noinline int clamp_xdp(struct xdp_md *ctx, __u32 at, __u32 mss)
{
	struct syn syn;
	__be16 old = 0, new = bpf_htons(mss);
	__u32 place = read_syn(ctx, true, at, &syn, mss, &old);
	__u16 check;

	if (!place)
		return 0;
	check = bpf_htons(syn.header[TCP_CHECK] << 8 | syn.header[TCP_CHECK + 1]);
	/* RFC 1624 equation 3: the damage of a damaged segment stays visible. */
	check = ~fold((__u64)(__u16)~check + (__u16)~at_place(old, place) + at_place(new, place));
	bpf_xdp_store_bytes(ctx, at + TCP_CHECK, &check, sizeof(check));
	return bpf_xdp_store_bytes(ctx, at + place, &new, sizeof(new));
}

#endif
