/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Downstream: what TC and XDP have in common.
 */
#ifndef DOWN_H
#define DOWN_H

#define HEADER_LEAST 35 /* IPv4, UDP, L2TP without options, one octet of PPP */
#define AF_INET 2
#define AF_INET6 10
#define LARGEST_PACKET 65535
#define PPP_TO_IPV6 (PPP_IPV6 - PPP_IPV4)
#define IDS_AT 30 /* in a header of IPv4, UDP and L2TP without a length */
#define L2TP_LENGTH_AT 2 /* offset of the length field, if there is one */

/* What the outer UDP checksum over IPv6 is made of. */
enum summing {
	SUM_NONE,    /* there is none, or it is zero */
	SUM_HEADERS, /* the inner checksum makes the sum of what it covers known */
	SUM_ALL,     /* every octet */
	SUM_DOUBT,   /* every octet, but an inner checksum may not be finished yet */
};

struct down {
	struct subscriber who;
	__u32 length; /* of the inner packet, as one */
	__u32 octets; /* as it is billed: of a GSO packet each segment has the headers again */
	__u32 first;  /* of its first segment */
	__u32 packets;
	__u8 inner6;
	__u8 protocol;
	__u8 header; /* of the inner IP header */
	__u8 syn;
	__u8 summing;
};

INLINE bool segments_known(const __u8 *l4, void *data_end, const struct train *train, struct down *down)
{
	__u32 header = down->header;

	if (down->protocol == IPPROTO_UDP)
		header += UDP_HEADER;
	else if (down->protocol == IPPROTO_TCP && AT(l4, TCP_HEADER) <= data_end)
		header += (l4[12] >> 4) * 4;
	else
		return false;
	down->packets = train->segments;
	if (!down->packets)
		down->packets = (down->length - header + train->size - 1) / train->size;
	down->first = header + train->size;
	down->octets += (down->packets - 1) * header;
	return true;
}

/* TCP, UDP and ICMP checksums make the sum over all that they cover known (local checksum offload), whether they are
 * finished or left to the device.  What is in a fragment, or has none, must be summed; and where a device is to finish
 * the checksum of a packet within the packet, only the segmenter does so in time. */
INLINE __u8 summing4(const struct iphdr *ip, void *data_end, const struct down *down)
{
	const struct udphdr *udp = AT(ip, IPV4_HEADER);

	if (ip->frag_off & IPV4_FRAGMENT)
		return SUM_ALL; /* the kernel finishes checksums before it cuts */
	if (down->header != IPV4_HEADER)
		return SUM_DOUBT;
	switch (down->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_ICMP:
		return SUM_HEADERS;
	case IPPROTO_UDP:
		if (AT(udp, sizeof(*udp)) <= data_end && udp->check && bpf_ntohs(udp->len) == down->length - IPV4_HEADER)
			return SUM_HEADERS;
		return SUM_DOUBT;
	case IPPROTO_ESP:
		return SUM_ALL;
	default:
		return SUM_DOUBT;
	}
}

INLINE __u8 summing6(const struct ipv6hdr *ip, void *data_end, const struct down *down)
{
	const struct udphdr *udp = AT(ip, IPV6_HEADER);

	switch (down->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_ICMPV6:
		return SUM_HEADERS;
	case IPPROTO_UDP:
		if (AT(udp, sizeof(*udp)) <= data_end && udp->check && bpf_ntohs(udp->len) == down->length - IPV6_HEADER)
			return SUM_HEADERS;
		return SUM_DOUBT;
	case IPPROTO_ESP:
	case IPPROTO_FRAGMENT:
		return SUM_ALL;
	default:
		return SUM_DOUBT;
	}
}

INLINE void note_syn(const __u8 *l4, void *data_end, struct down *down)
{
	if (down->protocol == IPPROTO_TCP && AT(l4, TCP_HEADER) <= data_end && l4[13] & SYN)
		down->syn = down->header;
}

INLINE int find4(void *data, void *data_end, __u32 l3, __u32 vrf, const struct train *train, struct down *down)
{
	struct iphdr *ip = AT(data, l3);
	int found;

	if (AT(ip, sizeof(*ip)) > data_end || ip->version != 4)
		return SILENT;
	found = by_address(vrf, ip->daddr, &down->who);
	if (found == FALLBACK_NO_SUBSCRIBER && multicast4(ip->daddr))
		return FALLBACK_LINK_SCOPE;
	if (found != FOUND)
		return found;
	down->header = ip->ihl * 4;
	down->protocol = ip->protocol;
	if (down->header < IPV4_HEADER || bpf_ntohs(ip->tot_len) != down->length)
		return FALLBACK_UNUSUAL_HEADER;
	if (train->size && !segments_known(AT(ip, down->header), data_end, train, down))
		return FALLBACK_UNUSUAL_HEADER;
	if (!(ip->frag_off & IPV4_OFFSET))
		note_syn(AT(ip, down->header), data_end, down);
	if (down->who.flags & S_OUTER6 && !(down->who.flags & S_ZERO_CHECKSUM))
		down->summing = summing4(ip, data_end, down);
	return FOUND;
}

INLINE int find6(void *data, void *data_end, __u32 l3, __u32 vrf, const struct train *train, struct down *down)
{
	struct ipv6hdr *ip = AT(data, l3);
	struct place *place;
	int found;

	if (AT(ip, sizeof(*ip)) > data_end || ip->version != 6)
		return SILENT;
	if (ip->daddr.s6_addr[0] == 0xff || link_local(&ip->daddr) || link_local(&ip->saddr))
		return FALLBACK_LINK_SCOPE;
	place = place6(vrf, &ip->daddr);
	if (!place)
		return FALLBACK_NO_SUBSCRIBER;
	found = resolve(place, &down->who);
	if (found != FOUND)
		return found;
	down->header = IPV6_HEADER;
	down->protocol = ip->nexthdr;
	if (IPV6_HEADER + bpf_ntohs(ip->payload_len) != down->length)
		return FALLBACK_UNUSUAL_HEADER;
	if (train->size && !segments_known((void *)(ip + 1), data_end, train, down))
		return FALLBACK_UNUSUAL_HEADER;
	note_syn((void *)(ip + 1), data_end, down);
	if (down->who.flags & S_OUTER6 && !(down->who.flags & S_ZERO_CHECKSUM))
		down->summing = summing6(ip, data_end, down);
	return FOUND;
}

/* Judge a packet towards a subscriber, but for the way to its LAC and its rate; FOUND or a fallback.  Changes nothing. */
INLINE int judge_down(void *data, void *data_end, __u32 l3, __u32 vrf, const struct train *train, struct down *down)
{
	int found;

	down->octets = down->first = down->length;
	down->packets = 1;
	found = down->inner6 ? find6(data, data_end, l3, vrf, train, down) : find4(data, data_end, l3, vrf, train, down);
	if (found != FOUND)
		return found;
	return down->first > down->who.template->mtu ? FALLBACK_TOO_BIG : FOUND;
}

/* Has the session's rate room for it, or at least for the first octets of it? */
INLINE bool police_down(const struct down *down, __u32 first)
{
	struct account *account = down->who.account;

	if (!(down->who.flags & S_POLICED_DOWN) || !account->cost_down)
		return true;
	return conforms(&account->empty_down, account->cost_down, account->burst_down, down->octets, first);
}

INLINE int policed_down(const struct down *down)
{
	return drop_of(&down->who.account->down_policed, DROP_POLICED_DOWN);
}

INLINE __u32 down_mss(const struct down *down)
{
	return down->inner6 ? down->who.account->mss6 : down->who.account->mss4;
}

INLINE void count_down(const struct down *down)
{
	if (down->inner6)
		count(&down->who.account->down_octets6, DOWN4 + FAMILY6, down->octets, down->packets);
	else
		count(&down->who.carried->down_octets4, DOWN4, down->octets, down->packets);
}

/* The sum over an inner packet whose checksum is right, as the outer checksum needs it; negative if there is none. */
INLINE int sum_headers(void *data, void *data_end, __u32 l3, const struct down *down)
{
	const struct iphdr *ip = AT(data, l3);
	const __u32 *words = AT(data, l3);
	__u16 pseudo;

	if (down->inner6) {
		if (AT(words, IPV6_HEADER) > data_end)
			return -1;
		/* Addresses are in the header and, inverted, in the pseudo header: gone.  ICMPv6 has one too. */
		pseudo = fold(bpf_htonl(down->length - IPV6_HEADER) + (__u64)bpf_htonl(down->protocol));
		return fold((__u64)words[0] + words[1] + (__u16)~pseudo);
	}
	if (down->protocol == IPPROTO_ICMP) /* its own sum and that of the header are zero */
		return 0;
	if (AT(ip, sizeof(*ip)) > data_end)
		return -1;
	pseudo = fold((__u64)ip->saddr + ip->daddr + bpf_htonl(down->length - IPV4_HEADER) + (__u64)bpf_htonl(down->protocol));
	return (__u16)~pseudo;
}

/* Lengths and checksums of the outer headers. */
struct outer {
	__be16 length; /* IPv4 total length, IPv6 payload length */
	__be16 id;
	__u16 check; /* of the IPv4 header */
	__be16 udp_length;
	__u16 udp_check;
	__be16 l2tp_length;
};

INLINE __u32 header_octets(const struct template *template)
{
	__u32 octets = template->header_octets;

	AS_IT_IS(octets);
	return octets;
}

INLINE void outer_of(const struct template *template, const struct down *down, __u32 octets, __u32 inner_sum,
		     struct outer *outer)
{
	__u32 ip = down->who.flags & S_OUTER6 ? IPV6_HEADER : IPV4_HEADER;
	__u32 total = octets + down->length;
	__u64 sum;

	outer->udp_length = bpf_htons(total - ip);
	outer->udp_check = 0;
	outer->l2tp_length = bpf_htons(total - ip - UDP_HEADER);
	if (!(down->who.flags & S_OUTER6)) {
		outer->length = bpf_htons(total);
		outer->id = identification();
		outer->check = ~fold((__u64)template->checksum + outer->length + outer->id);
		return;
	}
	outer->length = outer->udp_length;
	outer->id = outer->check = 0; /* the verifier must not find them copied without a value */
	if (down->summing == SUM_NONE)
		return;
	sum = (__u64)template->checksum + outer->udp_length + outer->udp_length + at_place(inner_sum, octets);
	if (down->inner6) /* the last octet of the template is another one */
		sum += at_place(bpf_htons(PPP_TO_IPV6), octets);
	if (down->who.flags & S_LENGTH)
		sum += outer->l2tp_length;
	outer->udp_check = ~fold(sum);
	if (!outer->udp_check)
		outer->udp_check = 0xffff; /* zero says that there is none */
}

INLINE void copy_piece(void *to, const void *from)
{
	__u64 *octets = to;
	const __u64 *source = from;

	for (int i = 0; i < TAIL_OCTETS / 8; i++)
		octets[i] = source[i];
}

/* Write the ids that the template lacks, which it does only over IPv4. */
INLINE int write_ids(void *to, void *data_end, const struct down *down)
{
	__be32 *ids = AT(to, down->who.flags & S_LENGTH ? IDS_AT + 2 : IDS_AT);

	if (AT(ids, sizeof(*ids)) > data_end)
		return -1;
	*ids = down->who.ids;
	return 0;
}

/* Write the outer headers at `to`.  They are 35 to 64 octets, so two pieces of 32 meet or overlap: no loop, no helper. */
INLINE int write_outer(void *to, void *data_end, const struct template *template, const struct down *down,
		       const struct outer *outer)
{
	__u32 octets = header_octets(template);
	struct iphdr *ip = to;
	struct ipv6hdr *ip6 = to;
	struct udphdr *udp = AT(to, IPV4_HEADER);
	__u8 *tail;

	if (octets < HEADER_LEAST)
		return -1;
	AS_IT_IS(octets);
	if (octets > HEADER_OCTETS)
		return -1;
	AS_IT_IS(octets);
	tail = AT(to, octets - TAIL_OCTETS);
	if (AT(tail, TAIL_OCTETS) > data_end || AT(to, TAIL_OCTETS) > data_end)
		return -1;
	copy_piece(to, template->header);
	if (down->who.flags & S_OUTER6)
		copy_piece(tail, down->who.account->tail);
	else if (octets <= HEAD_OCTETS)
		copy_piece(tail, template->header + octets - TAIL_OCTETS);
	else
		return -1;
	if (down->inner6)
		tail[TAIL_OCTETS - 1] = PPP_IPV6;
	if (down->who.flags & S_OUTER6) {
		udp = AT(to, IPV6_HEADER);
		if (AT(udp, UDP_HEADER + L2TP_LENGTH_AT + 2) > data_end)
			return -1;
		ip6->payload_len = outer->length;
	} else {
		ip->tot_len = outer->length;
		ip->id = outer->id;
		ip->check = outer->check;
	}
	if (down->who.ids && write_ids(to, data_end, down))
		return -1;
	udp->len = outer->udp_length;
	udp->check = outer->udp_check;
	if (down->who.flags & S_LENGTH)
		*(__be16 *)AT(udp, UDP_HEADER + L2TP_LENGTH_AT) = outer->l2tp_length;
	return 0;
}

#endif
