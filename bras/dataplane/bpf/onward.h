/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Where packets from LACs go on past the stack: what the kernel's routes and neighbours say.
 * Asking costs a third of all that such a packet costs.  Its destination is one of a million, so an answer is not kept by
 * destination, but by route: the daemon tells which blocks of addresses all go by the same one.
 */
#ifndef ONWARD_H
#define ONWARD_H

#define LAST_HOP 1

/* The memory of the route of a packet, if the whole block of its destination takes it. */
struct memory {
	const struct blocks *blocks;
	struct onward *onward; /* 0: there is none */
	__u32 version;
};

INLINE struct memory memory_of(__be32 address)
{
	struct memory memory = {};
	__u32 number = 0, block = bpf_ntohl(address) >> 16;

	AS_IT_IS(block); /* old verifiers do not see the shift in a swap of octets */
	block &= 0xffff;
	memory.blocks = bpf_map_lookup_elem(&blocks, &number);
	if (!memory.blocks)
		return memory;
	/* The route first: while routes get other numbers there is no version, and then another one. */
	number = *(const volatile __u8 *)&memory.blocks->route[block];
	memory.version = *(const volatile __u32 *)&memory.blocks->version;
	if (number && memory.version)
		memory.onward = bpf_map_lookup_elem(&onwards, &number);
	return memory;
}

INLINE bool knows(const struct memory *memory, __u32 octets)
{
	const struct onward *onward = memory->onward;

	return onward && onward->version == memory->version && bpf_jiffies64() - onward->seen < PATH_JIFFIES &&
	       octets <= onward->mtu;
}

/* Keep what the kernel has said, if somebody still tells us when its routes change. */
INLINE void learn(const struct memory *memory, const struct hop *hop, __u32 mtu)
{
	struct onward *onward = memory->onward;

	if (!onward || !memory->blocks || bpf_ktime_get_coarse_ns() >= *(const volatile __u64 *)&memory->blocks->until)
		return;
	onward->seen = 0; /* half an answer is none */
	onward->hop = *hop;
	onward->mtu = mtu; /* kernels that do not say leave the length that was asked for */
	onward->version = memory->version;
	onward->seen = bpf_jiffies64();
}

INLINE bool ask_onward(struct xdp_md *ctx, struct bpf_fib_lookup *way, struct hop *hop)
{
	if (bpf_fib_lookup(ctx, way, sizeof(*way), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return false;
	hop->interface = way->ifindex;
	__builtin_memcpy(hop->addresses, way->dmac, ETH_ALEN);
	__builtin_memcpy(hop->addresses + ETH_ALEN, way->smac, ETH_ALEN);
	return true;
}

INLINE bool route4(struct xdp_md *ctx, const struct iphdr *ip, __u32 from, struct hop *hop)
{
	struct bpf_fib_lookup way;
	struct memory memory;
	__u32 octets;

	if (AT(ip, sizeof(*ip)) > DATA_END(ctx) || ip->ttl <= LAST_HOP)
		return false;
	octets = bpf_ntohs(ip->tot_len);
	memory = memory_of(ip->daddr);
	if (knows(&memory, octets)) {
		*hop = memory.onward->hop;
		return true;
	}
	__builtin_memset(&way, 0, sizeof(way));
	way.family = AF_INET;
	way.ifindex = from;
	way.l4_protocol = ip->protocol;
	way.tot_len = octets;
	way.tos = ip->tos;
	way.ipv4_src = ip->saddr;
	way.ipv4_dst = ip->daddr;
	if (!ask_onward(ctx, &way, hop))
		return false;
	learn(&memory, hop, way.mtu_result);
	return true;
}

INLINE bool route6(struct xdp_md *ctx, const struct ipv6hdr *ip, __u32 from, struct hop *hop)
{
	struct bpf_fib_lookup way;

	if (AT(ip, sizeof(*ip)) > DATA_END(ctx) || ip->hop_limit <= LAST_HOP)
		return false;
	__builtin_memset(&way, 0, sizeof(way));
	way.family = AF_INET6;
	way.ifindex = from;
	way.l4_protocol = ip->nexthdr;
	way.tot_len = bpf_ntohs(ip->payload_len) + IPV6_HEADER;
	way.flowinfo = *(__be32 *)ip & bpf_htonl(0x0fffffff);
	*(struct in6_addr *)way.ipv6_src = ip->saddr;
	*(struct in6_addr *)way.ipv6_dst = ip->daddr;
	return ask_onward(ctx, &way, hop);
}

/* Where a packet goes by the routes of interface `from`; false if not past the stack. */
INLINE bool route(struct xdp_md *ctx, const void *ip, bool v6, __u32 from, struct hop *hop)
{
	return v6 ? route6(ctx, ip, from, hop) : route4(ctx, ip, from, hop);
}

#endif
