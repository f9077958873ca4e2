/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Upstream: what TC and XDP have in common, which is everything but taking the headers off.
 */
#ifndef UP_H
#define UP_H

struct up {
	struct caller who;
	__u32 inner;    /* where the inner packet begins, from the beginning of the frame */
	__u32 end;      /* where the datagram ends */
	__u32 octets;   /* of the inner packet, with what a GSO packet will have as segments */
	__u32 first;    /* of its first segment */
	__u32 packets;
	__u8 inner6;
	__u8 outer6;
	bool quiet;     /* what is left is not counted */
	__u8 syn;       /* where its TCP header begins, after the IP header; 0: no SYN */
};

/* Of a socket buffer: what its segments are. */
struct train {
	__u32 size;     /* payload octets of a segment; 0: it is no GSO packet */
	__u32 segments; /* 0 where the kernel has not counted yet */
};

/* Is somebody of ours listening where this datagram goes?  By its address, or by the wildcard of its family. */
static __noinline bool listening(struct listener *to)
{
	bool mapped = to->address[10] == 0xff && to->address[11] == 0xff;

	if (bpf_map_lookup_elem(&listen, to))
		return true;
	__builtin_memset(to->address, 0, sizeof(to->address));
	if (mapped)
		to->address[10] = to->address[11] = 0xff;
	return bpf_map_lookup_elem(&listen, to) != 0;
}

/* Only what is sent to us is worth counting. */
INLINE int leave_ours(void *data, void *data_end, __u32 l3, const struct datagram *d, bool quiet, int reason)
{
	struct listener to = {};
	struct udphdr *udp = AT(data, d->l4);
	struct iphdr *ip = AT(data, l3);
	struct ipv6hdr *ip6 = AT(data, l3);

	if (quiet || reason == SILENT || AT(udp, sizeof(*udp)) > data_end)
		return LEAVE;
	if (d->outer6) {
		if (AT(ip6, sizeof(*ip6)) > data_end)
			return LEAVE;
		__builtin_memcpy(to.address, &ip6->daddr, sizeof(to.address));
	} else {
		if (AT(ip, sizeof(*ip)) > data_end)
			return LEAVE;
		to.address[10] = to.address[11] = 0xff;
		__builtin_memcpy(to.address + 12, &ip->daddr, sizeof(ip->daddr));
	}
	to.port = udp->dest;
	return listening(&to) ? leave(quiet, reason) : LEAVE;
}

/* The call of a data message, and where its PPP frame begins. */
INLINE int message(void *data, void *data_end, struct datagram *d, __u32 *call, __u32 *ppp)
{
	struct udphdr *udp = AT(data, d->l4);
	__u8 *l2tp = AT(udp, UDP_HEADER);
	__u32 length;

	if (AT(l2tp, L2TP_LEAST) > data_end)
		return SILENT;
	length = bpf_ntohs(udp->len);
	if (length < UDP_HEADER + L2TP_LEAST || d->l4 + length > d->end || (l2tp[1] & L2TP_VERSION_MASK) != L2TP_VERSION)
		return SILENT;
	d->end = d->l4 + length;
	if (l2tp[0] & L2TP_CONTROL)
		return FALLBACK_CONTROL;
	if (l2tp[0] & L2TP_SEQUENCE)
		return FALLBACK_NUMBERED;
	if (l2tp[0] & L2TP_OFFSET)
		return FALLBACK_UNUSUAL_HEADER;
	*ppp = d->l4 + UDP_HEADER + 6;
	*call = bpf_ntohl(*(__be32 *)(l2tp + 2));
	if (l2tp[0] & L2TP_LENGTH) {
		if (AT(l2tp, L2TP_LEAST + 2) > data_end || bpf_ntohs(*(__be16 *)(l2tp + 2)) != length - UDP_HEADER)
			return FALLBACK_UNUSUAL_HEADER;
		*ppp += 2;
		*call = bpf_ntohl(*(__be32 *)(l2tp + 4));
	}
	return FOUND;
}

/* The kernel would drop it. */
INLINE bool damaged4(void *data, void *data_end, __u32 l3)
{
	struct iphdr *ip = AT(data, l3);

	return AT(ip, sizeof(*ip)) > data_end || sum_ipv4(ip) != 0xffff;
}

/* Where the packet of a PPP frame begins, and of which family it is. */
INLINE int unframe(void *data, void *data_end, __u32 ppp, struct up *up)
{
	__u8 *octet = AT(data, ppp);

	if (ppp + PPP_LEAST > up->end || AT(octet, PPP_LEAST) > data_end)
		return FALLBACK_PPP_CONTROL;

	bool framed = octet[0] == PPP_ADDRESS && octet[1] == PPP_CONTROL;
	__u8 high = framed ? octet[2] : octet[0];
	__u8 low = framed ? octet[3] : octet[1];
	__u8 protocol = high ? high : low;

	if (protocol != PPP_IPV4 && protocol != PPP_IPV6)
		return FALLBACK_PPP_CONTROL;
	up->inner = ppp + (framed ? 2 : 0) + (high ? 1 : 2);
	up->inner6 = protocol == PPP_IPV6;
	return FOUND;
}

/* The size of a packet as it will leave: of a GSO packet each segment has the headers again. */
INLINE bool measure(void *data_end, const __u8 *l4, __u32 header, __u8 protocol, __u32 octets, const struct train *train,
		    struct up *up)
{
	up->octets = up->first = octets;
	up->packets = 1;
	up->syn = 0;
	if (protocol == IPPROTO_TCP && AT(l4, TCP_HEADER) <= data_end) {
		if (l4[13] & SYN)
			up->syn = header;
		header += (l4[12] >> 4) * 4;
	} else if (train->size) {
		return false;
	}
	if (train->size) {
		__u32 segments = train->segments;

		if (!segments)
			segments = (octets - header + train->size - 1) / train->size;
		up->first = header + train->size;
		up->octets += (segments - 1) * header;
		up->packets = segments;
	}
	return true;
}

/* A GSO packet must be one packet in one tunnel header: a train of datagrams merged by GRO looks alike, but has
 * the length of the first one in its inner header. */
INLINE int inner4(void *data, void *data_end, const struct train *train, struct up *up)
{
	struct iphdr *ip = AT(data, up->inner);
	__u32 total;

	if (AT(ip, sizeof(*ip)) > data_end)
		return drop(DROP_BAD_PACKET_HEADER);
	total = bpf_ntohs(ip->tot_len);
	if (*(__u8 *)ip != IPV4_PLAIN) { /* a header with options is right somewhere else */
		if (ip->version == 4 && ip->ihl > 5 && up->inner + IPV4_HEADER <= up->end)
			return leave(up->quiet, FALLBACK_UNUSUAL_HEADER);
		return drop(DROP_BAD_PACKET_HEADER);
	}
	if (total < IPV4_HEADER || up->inner + total > up->end || sum_ipv4(ip) != 0xffff)
		return drop(DROP_BAD_PACKET_HEADER);
	if (train->size && up->inner + total != up->end)
		return leave(up->quiet, FALLBACK_UNUSUAL_HEADER);
	if (multicast4(ip->daddr))
		return leave(up->quiet, FALLBACK_LINK_SCOPE);
	if (!measure(data_end, (void *)(ip + 1), IPV4_HEADER, ip->frag_off & IPV4_OFFSET ? 0 : ip->protocol, total, train, up))
		return leave(up->quiet, FALLBACK_UNUSUAL_HEADER);
	return TAKE;
}

INLINE bool link_local(const struct in6_addr *address)
{
	return (address->s6_addr32[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

INLINE int inner6(void *data, void *data_end, const struct train *train, struct up *up)
{
	struct ipv6hdr *ip = AT(data, up->inner);
	__u32 total;

	if (!(up->who.flags & S_IPV6))
		return leave(up->quiet, FALLBACK_PPP_CONTROL);
	if (AT(ip, sizeof(*ip)) > data_end)
		return drop(DROP_BAD_PACKET_HEADER);
	total = IPV6_HEADER + bpf_ntohs(ip->payload_len);
	if (ip->version != 6 || up->inner + total > up->end)
		return drop(DROP_BAD_PACKET_HEADER);
	if (train->size && up->inner + total != up->end)
		return leave(up->quiet, FALLBACK_UNUSUAL_HEADER);
	if (link_local(&ip->saddr) || link_local(&ip->daddr) || ip->daddr.s6_addr[0] == 0xff)
		return leave(up->quiet, FALLBACK_LINK_SCOPE);
	if (!measure(data_end, (void *)(ip + 1), IPV6_HEADER, ip->nexthdr, total, train, up))
		return leave(up->quiet, FALLBACK_UNUSUAL_HEADER);
	return TAKE;
}

/* Does the sender have this address?  Most have one only, which the uplink has too. */
INLINE bool genuine(void *data, void *data_end, const struct up *up)
{
	struct iphdr *ip = AT(data, up->inner);
	struct ipv6hdr *ip6 = AT(data, up->inner);
	struct place place = { up->who.slot, 0 };
	struct session *session;
	struct account *account;
	__u32 vrf = 0;

	if (!(up->who.flags & S_CHECK_SOURCE))
		return true;
	if (!up->inner6) {
		if (AT(ip, sizeof(*ip)) > data_end)
			return false;
		if (up->who.uplink->address && ip->saddr == up->who.uplink->address)
			return true;
	}
	session = session_of(&up->who);
	account = account_of(&up->who);
	if (!session || !account)
		return false;
	place.generation = session->generation;
	if (up->who.flags & S_IN_VRF)
		vrf = account->vrf;
	if (up->inner6)
		return AT(ip6, sizeof(*ip6)) <= data_end && same_place(place6(vrf, &ip6->saddr), &place);
	return same_place(place4(vrf, ip->saddr), &place);
}

INLINE int find_call(void *data, void *data_end, __u32 l3, __u32 octets, bool v6, struct datagram *d, struct up *up)
{
	__u32 call = 0, ppp = 0;
	int found = v6 ? outer6(data, data_end, l3, octets, d) : outer4(data, data_end, l3, octets, d);

	if (found != FOUND)
		return found;
	found = message(data, data_end, d, &call, &ppp);
	if (found != FOUND)
		return found;
	found = by_call(call, &up->who);
	if (found != FOUND)
		return found;
	if (!v6 && damaged4(data, data_end, l3))
		return SILENT;
	if (!same_peer(AT(data, l3), data_end, d->outer6, &up->who))
		return FALLBACK_PEER_MISMATCH;
	up->end = d->end;
	up->outer6 = d->outer6;
	return unframe(data, data_end, ppp, up);
}

INLINE int spoofed(const struct up *up)
{
	struct account *account = account_of(&up->who);

	return account ? drop_of(&account->up_spoofed, DROP_SPOOFED_SOURCE) : drop(DROP_SPOOFED_SOURCE);
}

/* Judge an upstream packet, from its outer IP header at `l3` on; `octets`: of the whole frame.  Changes nothing of it,
 * and asks for no rate: it may still be left. */
INLINE int judge_up(void *data, void *data_end, __u32 l3, __u32 octets, bool v6, const struct train *train, struct up *up)
{
	struct datagram d = {};
	int found = find_call(data, data_end, l3, octets, v6, &d, up);

	if (found != FOUND)
		return leave_ours(data, data_end, l3, &d, up->quiet, found);
	found = up->inner6 ? inner6(data, data_end, train, up) : inner4(data, data_end, train, up);
	if (found != TAKE)
		return found;
	return genuine(data, data_end, up) ? TAKE : spoofed(up);
}

INLINE bool police_up(const struct up *up)
{
	struct account *account;

	if (!(up->who.flags & S_POLICED_UP))
		return true;
	account = account_of(&up->who);
	if (!account || !account->cost_up ||
	    conforms(&account->empty_up, account->cost_up, account->burst_up, up->octets, up->first))
		return true;
	drop_of(&account->up_policed, DROP_POLICED_UP);
	return false;
}

/* What a SYN may say at most; 0: whatever it says, or it is none. */
INLINE __u32 up_mss(const struct up *up)
{
	struct account *account;

	if (!up->syn)
		return 0;
	account = account_of(&up->who);
	if (!account)
		return 0;
	return up->inner6 ? account->mss6 : account->mss4;
}

/* Of a session that has a mark or a priority, where they are. */
INLINE const struct account *colour_of(const struct up *up)
{
	return up->who.flags & S_COLOURED ? account_of(&up->who) : 0;
}

INLINE void count_up(const struct up *up)
{
	struct account *account;

	if (!up->inner6) {
		count(&up->who.uplink->up_octets4, UP4, up->octets, up->packets);
		return;
	}
	account = account_of(&up->who);
	if (account)
		count(&account->up_octets6, UP4 + FAMILY6, up->octets, up->packets);
}

#endif
