/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The way to a LAC: what the kernel's routes and neighbours say, asked anew every few milliseconds.
 * Asking costs a third of all that a packet towards a LAC costs us; the answer is the same a thousand times.
 */
#ifndef PATH_H
#define PATH_H

#define PATH_JIFFIES 2 /* an answer is believed for so many ticks of the kernel's clock: 8 ms where it has 250 a second */

INLINE bool same_ends(const struct subscriber *who, const struct path *path)
{
	const struct template *template = who->template;
	const __u64 *theirs = (const __u64 *)path->ends;

	if (who->flags & S_OUTER6) {
		const __u64 *ours = (const __u64 *)(template->header + OUTER6_ENDS);

		return ours[0] == theirs[0] && ours[1] == theirs[1] && ours[2] == theirs[2] && ours[3] == theirs[3];
	}
	/* Four octets from an eighth of the record: two halves. */
	return *(const __u32 *)(template->header + OUTER4_ENDS) == *(const __u32 *)path->ends &&
	       *(const __u32 *)(template->header + OUTER4_ENDS + 4) == *(const __u32 *)(path->ends + 4) && !theirs[1];
}

INLINE void remember(struct path *path, const struct template *template, const struct bpf_fib_lookup *answer, __u64 now)
{
	path->seen = 0; /* half an entry is none */
	__builtin_memset(path->ends, 0, sizeof(path->ends));
	if (answer->family == AF_INET6)
		__builtin_memcpy(path->ends, template->header + OUTER6_ENDS, sizeof(path->ends));
	else
		__builtin_memcpy(path->ends, template->header + OUTER4_ENDS, 8);
	path->hop.interface = answer->ifindex;
	__builtin_memcpy(path->hop.addresses, answer->dmac, ETH_ALEN);
	__builtin_memcpy(path->hop.addresses + ETH_ALEN, answer->smac, ETH_ALEN);
	path->hop.fresh = 0;
	path->mtu = answer->mtu_result; /* kernels that do not say leave the length that was asked for */
	path->seen = now;
}

#define QUESTION6 (1ull << 63)

/* The next packet on this CPU asks anew. */
INLINE void forget(const struct subscriber *who)
{
	__u32 index = who->template->path;
	struct path *path = bpf_map_lookup_elem(&paths, &index);

	if (path)
		path->seen = 0;
}

/* Ask the kernel.  `question`: octets of the outer packet << 32 | interface by which it is asked, and QUESTION6. */
static __noinline int ask(void *ctx, const struct template *template, struct path *path, __u64 question, struct hop *hop)
{
	const struct iphdr *ip = (const void *)template->header;
	const struct ipv6hdr *ip6 = (const void *)template->header;
	__u32 octets = (question & ~QUESTION6) >> 32;
	struct bpf_fib_lookup way;
	int known;

	__builtin_memset(&way, 0, sizeof(way));
	way.l4_protocol = IPPROTO_UDP;
	way.tot_len = octets > LARGEST_PACKET ? LARGEST_PACKET : octets;
	way.ifindex = (__u32)question;
	if (question & QUESTION6) {
		way.family = AF_INET6;
		__builtin_memcpy(way.ipv6_src, &ip6->saddr, sizeof(way.ipv6_src));
		__builtin_memcpy(way.ipv6_dst, &ip6->daddr, sizeof(way.ipv6_dst));
	} else {
		way.family = AF_INET;
		way.ipv4_src = ip->saddr;
		way.ipv4_dst = ip->daddr;
	}
	known = bpf_fib_lookup(ctx, &way, sizeof(way), 0);
	hop->interface = way.ifindex;
	hop->fresh = 1;
	__builtin_memcpy(hop->addresses, way.dmac, ETH_ALEN);
	__builtin_memcpy(hop->addresses + ETH_ALEN, way.smac, ETH_ALEN);
	if (known == BPF_FIB_LKUP_RET_SUCCESS && path)
		remember(path, template, &way, bpf_jiffies64());
	return known;
}

/* Where a packet of so many octets goes that is sent to the LAC of a session; one of BPF_FIB_LKUP_RET_*. */
INLINE int way_out(void *ctx, const struct subscriber *who, __u32 underlay, __u32 octets, struct hop *hop)
{
	__u32 index = who->template->path;
	struct path *path = bpf_map_lookup_elem(&paths, &index);

	if (path && bpf_jiffies64() - path->seen < PATH_JIFFIES && octets <= path->mtu && same_ends(who, path)) {
		*hop = path->hop;
		return BPF_FIB_LKUP_RET_SUCCESS;
	}
	return ask(ctx, who->template, path, (__u64)octets << 32 | underlay | (who->flags & S_OUTER6 ? QUESTION6 : 0), hop);
}

#endif
