/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Lowering the MSS option of TCP SYN segments (RFC 9293), so that TCP never meets a too small MTU.
 * Rare, so in functions of their own and with helpers rather than direct access.
 */
#ifndef MSS_H
#define MSS_H

#define TCP_HEADER 20
#define TCP_CHECK 16 /* offset of the checksum */
#define TCP_SIZE 12  /* of the octet with the header's size, in words, in its upper half */
#define SYN 0x02

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_OCTETS 4
#define MOST_OPTIONS 40 /* each is an octet at least */

/* Where in a SYN, of which the options stand from `at` to `end`, the MSS value is; 0 if nowhere. */
INLINE __u32 find_mss(void *ctx, const bool xdp, __u32 at, __u32 end)
{
	for (int i = 0; i < MOST_OPTIONS; i++) {
		__u8 option[2] = {}; /* kind, length */

		if (at + 2 > end || load_octets(ctx, xdp, at, option, sizeof(option)))
			return 0;
		if (option[0] == OPTION_NOP) {
			at++;
			continue;
		}
		if (option[0] == OPTION_MSS)
			return option[1] == OPTION_MSS_OCTETS && at + OPTION_MSS_OCTETS <= end ? at + 2 : 0;
		if (option[0] == OPTION_END || option[1] < 2)
			return 0;
		at += option[1];
	}
	return 0;
}

/* What there is to change in a SYN whose TCP header begins at `tcp`. */
struct clamping {
	__u32 value; /* where the MSS stands; 0: nothing to do */
	__be16 old;
	__u16 check;
};

INLINE struct clamping look_at_syn(void *ctx, const bool xdp, __u32 tcp, __u32 mss)
{
	struct clamping found = {};
	__u8 size = 0;
	__u32 value;

	if (load_octets(ctx, xdp, tcp + TCP_SIZE, &size, sizeof(size)))
		return found;
	value = find_mss(ctx, xdp, tcp + TCP_HEADER, tcp + (size >> 4) * 4);
	if (!value || load_octets(ctx, xdp, value, &found.old, sizeof(found.old)) || bpf_ntohs(found.old) <= mss)
		return found;
	if (load_octets(ctx, xdp, tcp + TCP_CHECK, &found.check, sizeof(found.check)))
		return found;
	found.value = value;
	return found;
}

/* For a socket buffer the kernel's helpers know whether the checksum is finished; a direct patch would not. */
__noinline int clamp_skb(struct __sk_buff *skb, __u32 tcp, __u32 mss)
{
	struct clamping found = look_at_syn(skb, false, tcp, mss);
	__be16 new = bpf_htons(mss);

	if (!found.value)
		return 0;
	/* At an odd place the value straddles two words of the sum. */
	bpf_l4_csum_replace(skb, tcp + TCP_CHECK, at_place(found.old, found.value - tcp), at_place(new, found.value - tcp),
			    sizeof(new));
	return bpf_skb_store_bytes(skb, found.value, &new, sizeof(new), 0);
}

__noinline int clamp_xdp(struct xdp_md *ctx, __u32 tcp, __u32 mss)
{
	struct clamping found = look_at_syn(ctx, true, tcp, mss);
	__be16 new = bpf_htons(mss);
	__u16 check;

	if (!found.value)
		return 0;
	/* RFC 1624 equation 3: the damage of a damaged segment stays visible. */
	check = ~fold((__u64)(__u16)~found.check + (__u16)~at_place(found.old, found.value - tcp) +
		      at_place(new, found.value - tcp));
	bpf_xdp_store_bytes(ctx, tcp + TCP_CHECK, &check, sizeof(check));
	return bpf_xdp_store_bytes(ctx, found.value, &new, sizeof(new));
}

#endif
