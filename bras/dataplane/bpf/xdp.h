/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The program at XDP hooks: headers off before there is a socket buffer, and past the stack altogether in mode "full".
 * Until all is decided nothing of the frame is changed, so that what is left to the TC programs is as it came.
 */
#ifndef XDP_H
#define XDP_H

#define VLAN_OCTETS 4
#define VLAN_ID bpf_htons(0x0fff)
#define GROUP_BIT 1 /* in the first octet of an Ethernet address: multicast */
#define ATTENDED_JIFFIES 250 /* a second where the kernel's clock ticks 250 times in it */

/* What stands before the IP header: Ethernet, and one VLAN tag at most. */
struct link {
	__u32 octets;
	__be16 protocol; /* of what follows */
	__be16 tag_protocol;
	__be16 tag;
	__u8 addresses[2 * ETH_ALEN] __attribute__((aligned(4)));
};

struct vlan {
	__be16 tag;
	__be16 protocol;
};

INLINE __u32 frame_octets(const struct xdp_md *ctx)
{
	__u64 octets = DATA_END(ctx) - DATA(ctx);

	AS_IT_IS(octets); /* pointers are subtracted as 64 bits or not at all */
	return octets;
}

INLINE bool read_link(void *data, void *data_end, struct link *link)
{
	struct ethhdr *ethernet = data;
	struct vlan *vlan = AT(data, ETH_HLEN);

	if (AT(ethernet, ETH_HLEN) > data_end || ethernet->h_dest[0] & GROUP_BIT)
		return false;
	copy_addresses(link->addresses, ethernet);
	link->octets = ETH_HLEN;
	link->protocol = ethernet->h_proto;
	link->tag_protocol = link->tag = 0;
	if (link->protocol == bpf_htons(ETH_P_8021Q) || link->protocol == bpf_htons(ETH_P_8021AD)) {
		if (AT(vlan, sizeof(*vlan)) > data_end)
			return false;
		link->octets += VLAN_OCTETS;
		link->tag_protocol = link->protocol;
		link->tag = vlan->tag;
		link->protocol = vlan->protocol;
	}
	return link->protocol == bpf_htons(ETH_P_IP) || link->protocol == bpf_htons(ETH_P_IPV6);
}

/* Write the link's header anew, before a packet of another protocol. */
INLINE int write_link(void *data, void *data_end, const struct link *link, bool v6)
{
	__be16 protocol = v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	struct ethhdr *ethernet = data;
	struct vlan *vlan = AT(data, ETH_HLEN);

	if (AT(ethernet, ETH_HLEN) > data_end)
		return -1;
	copy_addresses(ethernet, link->addresses);
	if (!link->tag_protocol) {
		ethernet->h_proto = protocol;
		return 0;
	}
	if (AT(vlan, sizeof(*vlan)) > data_end)
		return -1;
	ethernet->h_proto = link->tag_protocol;
	vlan->tag = link->tag;
	vlan->protocol = protocol;
	return 0;
}

/* Take the headers off and let the kernel have the packet; the TC program of the same interface reads what is before it.
 * A driver that has no room for that says so before anything is changed, or counted. */
INLINE int unwrap_to_stack(struct xdp_md *ctx, const struct link *link, const struct up *up)
{
	const struct account *colour = colour_of(up);
	__u32 mss = up_mss(up);
	struct meta *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return note(FALLBACK_NOT_XDP), XDP_PASS;
	if (!police_up(up))
		return XDP_DROP;
	if (mss)
		clamp_xdp(ctx, up->inner + up->syn, mss);
	if (bpf_xdp_adjust_head(ctx, up->inner - link->octets))
		return drop(DROP_SEND_FAILED), XDP_DROP;
	meta = (void *)(long)ctx->data_meta;
	if (AT(meta, sizeof(*meta)) > DATA(ctx) || write_link(DATA(ctx), DATA_END(ctx), link, up->inner6))
		return drop(DROP_SEND_FAILED), XDP_DROP;
	meta->magic = META_MAGIC;
	meta->mark = colour ? colour->mark : 0;
	meta->priority = colour ? colour->priority : 0;
	meta->spare = 0;
	count_up(up);
	return XDP_PASS;
}

/* One hop less; the checksum of an IPv4 header changes by as much (RFC 1624). */
INLINE void hop(void *data, bool v6)
{
	struct iphdr *ip = data;
	struct ipv6hdr *ip6 = data;
	__u32 check;

	if (v6) {
		ip6->hop_limit--;
		return;
	}
	ip->ttl--;
	check = ip->check + bpf_htons(0x0100);
	ip->check = check + (check >> 16);
}

/* A neighbour that nobody is seen to use is not asked any more whether it is still there, nor where: every second or so
 * the kernel's own output has to carry a packet to it. */
INLINE bool unattended(const struct hop *way)
{
	const __u32 *address = (const __u32 *)way->addresses;
	__u32 place = (address[0] ^ address[1]) * GOLDEN >> (32 - ATTENDED_BITS);
	__u64 *last = bpf_map_lookup_elem(&attended, &place);
	__u64 now = bpf_jiffies64();
	bool first;

	if (!last || now - *last < ATTENDED_JIFFIES)
		return false;
	first = !*last; /* the kernel has just told us of it */
	*last = now;
	return !first;
}

INLINE int write_ethernet(void *data, void *data_end, const struct hop *way_on, bool v6)
{
	struct ethhdr *ethernet = data;

	if (AT(ethernet, ETH_HLEN) > data_end)
		return -1;
	copy_addresses(ethernet, way_on->addresses);
	ethernet->h_proto = v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	return 0;
}

/* From the LAC's interface to the core's, past the stack. */
INLINE int unwrap_and_send(struct xdp_md *ctx, const struct up *up, const struct hop *way_on)
{
	__u32 mss = up_mss(up);
	void *ip;

	if (!police_up(up))
		return XDP_DROP;
	if (mss)
		clamp_xdp(ctx, up->inner + up->syn, mss);
	if (bpf_xdp_adjust_head(ctx, up->inner - ETH_HLEN))
		return drop(DROP_SEND_FAILED), XDP_DROP;
	ip = AT(DATA(ctx), ETH_HLEN);
	if (write_ethernet(DATA(ctx), DATA_END(ctx), way_on, up->inner6) || AT(ip, IPV4_HEADER) > DATA_END(ctx))
		return drop(DROP_SEND_FAILED), XDP_DROP;
	hop(ip, up->inner6);
	count_up(up);
	return XDP_REDIRECT;
}

INLINE int xdp_upstream(struct xdp_md *ctx, const struct link *link, const struct up *up, __u32 mode)
{
	struct settings *settings = our_settings();
	struct hop way;

	if (mode != XDP_MODE_FULL || !settings)
		return unwrap_to_stack(ctx, link, up);
	if (!route(ctx, AT(DATA(ctx), up->inner), up->inner6, settings->anchor, &way) ||
	    bpf_redirect_map(&xdp_exits, way.interface, XDP_PASS) != XDP_REDIRECT) {
		note(FALLBACK_NOT_XDP);
		return unwrap_to_stack(ctx, link, up);
	}
	return unattended(&way) ? unwrap_to_stack(ctx, link, up) : unwrap_and_send(ctx, up, &way);
}

/* Of a packet from the core: may it be forwarded here, or has the kernel a word to say?  Its length; 0: the kernel. */
INLINE __u32 forwardable(void *data, void *data_end, __u32 size, const struct link *link, bool v6)
{
	struct iphdr *ip = AT(data, link->octets);
	struct ipv6hdr *ip6 = AT(data, link->octets);
	__u32 octets;

	if (v6) {
		if (AT(ip6, sizeof(*ip6)) > data_end || ip6->version != 6 || ip6->hop_limit <= LAST_HOP)
			return 0;
		octets = bpf_ntohs(ip6->payload_len) + IPV6_HEADER;
	} else {
		if (AT(ip, sizeof(*ip)) > data_end || *(__u8 *)ip != IPV4_PLAIN || ip->ttl <= LAST_HOP)
			return 0;
		octets = bpf_ntohs(ip->tot_len);
		if (octets < IPV4_HEADER || sum_ipv4(ip) != 0xffff)
			return 0;
	}
	return link->octets + octets <= size ? octets : 0;
}

/* Put the outer headers before a packet from the core, and send it to the LAC past the stack. */
INLINE int wrap_and_send(struct xdp_md *ctx, const struct link *link, const struct down *down,
			 const struct hop *way_on, const struct outer *outer)
{
	const struct template *template = down->who.template;
	__u32 octets = header_octets(template);
	void *ip;

	if (bpf_xdp_adjust_head(ctx, (int)(link->octets - ETH_HLEN - octets)))
		return XDP_PASS;
	if (write_ethernet(DATA(ctx), DATA_END(ctx), way_on, down->who.flags & S_OUTER6) ||
	    write_outer(AT(DATA(ctx), ETH_HLEN), DATA_END(ctx), template, down, outer))
		return drop(DROP_SEND_FAILED), XDP_DROP;
	AS_IT_IS(octets);
	if (octets > HEADER_OCTETS)
		return drop(DROP_SEND_FAILED), XDP_DROP;
	ip = AT(DATA(ctx), ETH_HLEN + octets);
	if (AT(ip, IPV4_HEADER) > DATA_END(ctx))
		return drop(DROP_SEND_FAILED), XDP_DROP;
	hop(ip, down->inner6);
	count_down(down);
	return XDP_REDIRECT;
}

/* The sum of the inner packet as it will be sent: with a hop less, which of an IPv4 header leaves the sum as it is. */
INLINE int sum_down(struct xdp_md *ctx, const struct link *link, const struct down *down)
{
	int sum;

	if (down->summing == SUM_NONE)
		return 0;
	sum = down->summing == SUM_HEADERS ? sum_headers(DATA(ctx), DATA_END(ctx), link->octets, down)
					   : sum_xdp(ctx, link->octets, down->length);
	if (sum < 0 || !down->inner6)
		return sum;
	return fold((__u64)sum + (__u16)~bpf_htons(1));
}

INLINE int xdp_downstream(struct xdp_md *ctx, const struct link *link, bool v6)
{
	struct settings *settings = our_settings();
	struct train none = {};
	struct down down = {};
	struct hop way;
	const struct template *template;
	struct outer outer;
	int sum;

	down.length = forwardable(DATA(ctx), DATA_END(ctx), frame_octets(ctx), link, v6);
	down.inner6 = v6;
	if (!settings || !down.length ||
	    judge_down(DATA(ctx), DATA_END(ctx), link->octets, settings->vrf, &none, &down) != FOUND)
		return XDP_PASS;
	template = down.who.template;
	if (way_out(ctx, &down.who, settings->underlay, header_octets(template) + down.length, &way) != BPF_FIB_LKUP_RET_SUCCESS ||
	    bpf_redirect_map(&xdp_exits, way.interface, XDP_PASS) != XDP_REDIRECT)
		return note(FALLBACK_NOT_XDP), XDP_PASS;
	if (unattended(&way))
		return forget(&down.who), XDP_PASS;
	sum = sum_down(ctx, link, &down);
	if (sum < 0)
		return XDP_PASS;
	if (!police_down(&down, down.octets))
		return policed_down(&down), XDP_DROP;
	if (down.syn && down_mss(&down))
		clamp_xdp(ctx, link->octets + down.syn, down_mss(&down));
	outer_of(template, &down, header_octets(template), sum, &outer);
	return wrap_and_send(ctx, link, &down, &way, &outer);
}

/* What is to be done with frames that come by an interface. */
INLINE __u32 mode_of(__u32 interface, __u32 vlan)
{
	struct port port = { interface, vlan };
	__u32 place = interface % QUICK_PORTS, *mode;
	struct quick_port *quick = bpf_map_lookup_elem(&quick_ports, &place);

	if (quick && !vlan && quick->interface == interface)
		return quick->mode;
	mode = bpf_map_lookup_elem(&xdp_ports, &port);
	return mode ? *mode : XDP_MODE_OFF;
}

INLINE int xdp_frame(struct xdp_md *ctx)
{
	struct train none = {};
	struct up up = { .quiet = true };
	struct link link = {};
	__u32 mode;
	bool v6;

	if (!read_link(DATA(ctx), DATA_END(ctx), &link))
		return XDP_PASS;
	mode = mode_of(ctx->ingress_ifindex, bpf_ntohs(link.tag & VLAN_ID));
	if (mode == XDP_MODE_OFF)
		return XDP_PASS;
	v6 = link.protocol == bpf_htons(ETH_P_IPV6);
	switch (judge_up(DATA(ctx), DATA_END(ctx), link.octets, frame_octets(ctx), v6, &none, &up)) {
	case TAKE:
		return xdp_upstream(ctx, &link, &up, mode);
	case SHOT:
		return XDP_DROP;
	default:
		return mode == XDP_MODE_FULL ? xdp_downstream(ctx, &link, v6) : XDP_PASS;
	}
}

#endif
