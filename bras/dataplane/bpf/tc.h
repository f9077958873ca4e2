/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The programs at TC hooks: headers off at the ingress of LAC-facing interfaces, headers on at the egress of the anchor.
 */
#ifndef TC_H
#define TC_H

#define DATA(ctx) ((void *)(long)(ctx)->data)
#define DATA_END(ctx) ((void *)(long)(ctx)->data_end)
#define HOST 0 /* skb->pkt_type: sent to this host */

/* Have the first `octets` in one piece; devices may put headers elsewhere than where programs look. */
INLINE void reach(struct __sk_buff *skb, __u32 octets)
{
	if (AT(DATA(skb), octets) <= DATA_END(skb))
		return;
	if (octets > skb->len)
		octets = skb->len;
	if (AT(DATA(skb), octets) > DATA_END(skb))
		bpf_skb_pull_data(skb, octets);
}

INLINE void colour(struct __sk_buff *skb, __u32 mark, __u32 priority)
{
	if (mark)
		skb->mark = mark;
	if (priority)
		skb->priority = priority;
}

/* What XDP has taken out of its tunnel goes the way of what we take out ourselves. */
INLINE bool unwrapped(struct __sk_buff *skb, struct meta *meta)
{
	struct meta *there = (void *)(long)skb->data_meta;

	if (AT(there, sizeof(*there)) > DATA(skb) || there->magic != META_MAGIC)
		return false;
	*meta = *there;
	return true;
}

/* To the anchor, as if it had come by it: routing, filters and connection tracking see an ordinary packet. */
INLINE int arrive(struct __sk_buff *skb, __u32 mark, __u32 priority)
{
	struct settings *settings = our_settings();

	if (!settings)
		return TC_ACT_UNSPEC;
	colour(skb, mark, priority);
	return bpf_redirect(settings->anchor, BPF_F_INGRESS);
}

/* Take the headers off.  The protocol must be changed first: it decides what the kernel thinks of the rest.
 * An outer checksum that was left to the device is forgotten with the header that it was for. */
INLINE int unwrap(struct __sk_buff *skb, const struct up *up)
{
	__s32 octets = up->inner - ETH_HLEN;

	if (up->inner6 != up->outer6) {
		if (bpf_skb_change_proto(skb, up->inner6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP), 0))
			return -1;
		octets += up->inner6 ? IPV6_HEADER - IPV4_HEADER : IPV4_HEADER - IPV6_HEADER;
	}
	return bpf_skb_adjust_room(skb, -octets, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

INLINE int take_up(struct __sk_buff *skb, const struct up *up)
{
	const struct account *colour = colour_of(up);
	__u32 mss = up_mss(up);

	if (!police_up(up))
		return TC_ACT_SHOT;
	if (unwrap(skb, up))
		return drop(DROP_SEND_FAILED), TC_ACT_SHOT;
	count_up(up);
	/* After the headers are off: before, the helper would take an unfinished outer checksum for that of TCP. */
	if (mss)
		clamp_skb(skb, ETH_HLEN + up->syn, mss);
	return colour ? arrive(skb, colour->mark, colour->priority) : arrive(skb, 0, 0);
}

INLINE int tc_upstream(struct __sk_buff *skb)
{
	struct train train = { skb->gso_size, skb->gso_segs };
	struct up up = {};
	struct meta meta;
	bool v6 = skb->protocol == bpf_htons(ETH_P_IPV6);

	if (unwrapped(skb, &meta)) {
		if (skb->vlan_present)
			bpf_skb_vlan_pop(skb);
		return arrive(skb, meta.mark, meta.priority);
	}
	/* A tagged frame belongs to an interface of its own, where it comes by again. */
	if (skb->pkt_type != HOST || skb->vlan_present || (!v6 && skb->protocol != bpf_htons(ETH_P_IP)))
		return TC_ACT_UNSPEC;
	reach(skb, UP_HEADERS);
	if (AT(DATA(skb), ETH_HLEN) > DATA_END(skb) || ((struct ethhdr *)DATA(skb))->h_proto != (__be16)skb->protocol)
		return TC_ACT_UNSPEC; /* an interface without Ethernet headers */
	switch (judge_up(DATA(skb), DATA_END(skb), ETH_HLEN, skb->len, v6, &train, &up)) {
	case TAKE:
		return take_up(skb, &up);
	case SHOT:
		return TC_ACT_SHOT;
	default:
		return TC_ACT_UNSPEC;
	}
}

/* Give an Ethernet header, with the type only; its addresses are written where they are known, or do not matter. */
INLINE int frame(struct __sk_buff *skb, bool v6)
{
	struct ethhdr *ethernet;

	if (bpf_skb_change_head(skb, ETH_HLEN, 0))
		return -1;
	ethernet = DATA(skb);
	if (AT(ethernet, ETH_HLEN) > DATA_END(skb))
		return -1;
	ethernet->h_proto = v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	return 0;
}

/* Have a GSO packet cut, or a checksum finished: what comes out at the segmenter's other end is plain. */
INLINE int segment(struct __sk_buff *skb, __u32 segmenter, bool v6)
{
	note(FALLBACK_SEGMENT);
	if (frame(skb, v6))
		return drop(DROP_SEND_FAILED), TC_ACT_SHOT;
	return bpf_redirect(segmenter, 0);
}

/* Put the outer headers before the packet; it begins with room for an Ethernet header if `l2`. */
INLINE int wrap(struct __sk_buff *skb, const struct down *down)
{
	__u32 octets = header_octets(down->who.template);
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP;

	if (down->who.flags & S_OUTER6)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_ENCAP_L2(octets - IPV6_HEADER - UDP_HEADER);
	else
		flags |= BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L2(octets - IPV4_HEADER - UDP_HEADER);
	return bpf_skb_adjust_room(skb, octets, BPF_ADJ_ROOM_MAC, flags);
}

/* The finished outer packet goes into the anchor as if it had come from outside: the kernel routes and cuts it. */
INLINE int have_cut(__u32 anchor)
{
	note(FALLBACK_OUTER_FRAGMENT);
	return bpf_redirect(anchor, BPF_F_INGRESS);
}

/* Now and then the kernel's own output carries one to a known neighbour too: a neighbour that nobody is seen to use is
 * not asked any more whether it is still there. */
INLINE int send(struct __sk_buff *skb, const struct hop *hop, int known)
{
	struct ethhdr *ethernet = DATA(skb);

	if (AT(ethernet, ETH_HLEN) > DATA_END(skb))
		return drop(DROP_SEND_FAILED), TC_ACT_SHOT;
	copy_addresses(ethernet, hop->addresses);
	if (known == BPF_FIB_LKUP_RET_NO_NEIGH || hop->fresh)
		return bpf_redirect_neigh(hop->interface, 0, 0, 0);
	return bpf_redirect(hop->interface, 0);
}

/* Wrap and send, or have cut; everything is decided, and what fails now is lost. */
INLINE int take_down(struct __sk_buff *skb, const __u32 l2, const struct down *down, const struct hop *hop,
		     int known, __u32 anchor, __u32 inner_sum)
{
	const struct template *template = down->who.template;
	const bool cut = known == BPF_FIB_LKUP_RET_FRAG_NEEDED;
	bool v6 = down->who.flags & S_OUTER6;
	struct outer outer;
	__u32 at = l2;

	if (down->syn && down_mss(down))
		clamp_skb(skb, l2 + down->syn, down_mss(down));
	outer_of(template, down, header_octets(template), inner_sum, &outer);
	if (wrap(skb, down))
		return drop(DROP_SEND_FAILED), TC_ACT_SHOT;
	if (l2) {
		struct ethhdr *ethernet = DATA(skb);

		if (AT(ethernet, ETH_HLEN) <= DATA_END(skb))
			ethernet->h_proto = v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	} else if (!cut) {
		if (frame(skb, v6))
			return drop(DROP_SEND_FAILED), TC_ACT_SHOT;
		at = ETH_HLEN;
	}
	if (write_outer(AT(DATA(skb), at), DATA_END(skb), template, down, &outer))
		return drop(DROP_SEND_FAILED), TC_ACT_SHOT;
	count_down(down);
	if (down->who.flags & S_COLOURED)
		colour(skb, down->who.account->mark, down->who.account->priority);
	return cut ? have_cut(anchor) : send(skb, hop, known);
}

/* Must it be taken apart, or its inner checksum be finished, before it can be wrapped? */
INLINE bool indivisible(const struct down *down, const struct train *train, int known)
{
	if (!train->size)
		return down->summing == SUM_DOUBT;
	return down->summing != SUM_NONE || down->who.flags & S_LENGTH || known == BPF_FIB_LKUP_RET_FRAG_NEEDED ||
	       header_octets(down->who.template) + down->length > LARGEST_PACKET;
}

/* Left to Python; but behind the segmenter there is nobody to leave it to. */
INLINE int refuse(const __u32 l2, int reason)
{
	if (reason != SILENT)
		note(reason);
	return l2 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* Is there a way to the LAC by which we can send?  `known`: what the kernel says of it. */
INLINE int judge_way(struct __sk_buff *skb, const struct down *down, const struct settings *settings, struct hop *hop,
		     int *known)
{
	*known = way_out(skb, &down->who, settings->underlay, header_octets(down->who.template) + down->first, hop);
	if (*known == BPF_FIB_LKUP_RET_SUCCESS || *known == BPF_FIB_LKUP_RET_NO_NEIGH)
		return FOUND;
	if (*known != BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return FALLBACK_NO_PATH;
	/* A cut IPv6 packet is the sender's own work, and a VRF has no way to the LAC: Python's socket does it. */
	return down->who.flags & S_OUTER6 || settings->in_vrf ? FALLBACK_OUTER_FRAGMENT : FOUND;
}

/* What the outer checksum needs of the inner packet; negative if that cannot be known. */
INLINE int sum_inner(struct __sk_buff *skb, const __u32 l2, const struct down *down)
{
	if (down->summing == SUM_NONE)
		return 0;
	if (down->summing == SUM_HEADERS)
		return sum_headers(DATA(skb), DATA_END(skb), l2, down);
	return sum_skb(skb, l2, down->length);
}

INLINE int tc_downstream(struct __sk_buff *skb, const __u32 l2)
{
	struct train train = { skb->gso_size, skb->gso_segs };
	struct settings *settings = our_settings();
	struct down down = {};
	struct hop hop;
	int found, known, sum;
	bool whole;

	if (!settings)
		return refuse(l2, SILENT);
	reach(skb, l2 + DOWN_HEADERS);
	down.length = skb->len - l2;
	down.inner6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	found = judge_down(DATA(skb), DATA_END(skb), l2, settings->vrf, &train, &down);
	if (found == FOUND)
		found = judge_way(skb, &down, settings, &hop, &known);
	if (found != FOUND)
		return refuse(l2, found);
	if (!l2 && indivisible(&down, &train, known)) {
		if (settings->segmenter)
			return segment(skb, settings->segmenter, down.inner6);
		if (train.size)
			return refuse(l2, FALLBACK_SEGMENT);
	}
	sum = sum_inner(skb, l2, &down);
	if (sum < 0)
		return refuse(l2, FALLBACK_UNUSUAL_HEADER);
	/* Where it can be taken apart, a train passes whole or not at all; else its first segment speaks for it. */
	whole = train.size && settings->segmenter && !l2;
	if (police_down(&down, whole ? down.octets : down.first))
		return take_down(skb, l2, &down, &hop, known, settings->anchor, sum);
	return whole ? segment(skb, settings->segmenter, down.inner6) : (policed_down(&down), TC_ACT_SHOT);
}

#endif
