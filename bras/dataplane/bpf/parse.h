/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * From an Ethernet frame to the packet in an L2TP data message (RFC 2661 section 3.1, RFC 1661 section 6).
 */
#ifndef PARSE_H
#define PARSE_H

#define IPV4_PLAIN 0x45 /* version 4, no options */
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define L2TP_LEAST 8 /* flags, ids and at least two octets of PPP */

/* A fragment: more of them follow, or an offset. */
#define IPV4_FRAGMENT bpf_htons(0x3fff)
#define IPV4_OFFSET bpf_htons(0x1fff)

#define L2TP_CONTROL 0x80
#define L2TP_LENGTH 0x40
#define L2TP_SEQUENCE 0x08
#define L2TP_OFFSET 0x02
#define L2TP_VERSION_MASK 0x0f
#define L2TP_VERSION 2

#define PPP_ADDRESS 0xff
#define PPP_CONTROL 0x03
#define PPP_LEAST 4 /* address, control, protocol; without the first two the beginning of a packet */
#define PPP_IPV4 0x21
#define PPP_IPV6 0x57

/* Far enough to see all headers of an upstream packet, to TCP's without options. */
#define UP_HEADERS (ETH_HLEN + IPV6_HEADER + UDP_HEADER + 8 + 4 + IPV6_HEADER + TCP_HEADER)
#define DOWN_HEADERS (60 + TCP_HEADER)

/* Found: go on.  Else one of enum fallback, or not a word about it. */
#define FOUND -1
#define SILENT -2

/* RFC 8200 section 4.5; the kernel's headers for programs lack it. */
struct fragment6 {
	__u8 nexthdr;
	__u8 reserved;
	__be16 offset;
	__be32 identification;
};

#define FRAGMENT6_OFFSET bpf_htons(0xfff8)

/* A datagram, and where its payload ends: offsets from the beginning of the frame. */
struct datagram {
	__u32 l4;
	__u32 end;
	bool outer6;
};

INLINE bool multicast4(__be32 address)
{
	return (address & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000);
}

INLINE int outer4(void *data, void *data_end, __u32 l3, __u32 octets, struct datagram *d)
{
	struct iphdr *ip = AT(data, l3);
	__u32 total;

	if (AT(ip, sizeof(*ip) + UDP_HEADER) > data_end)
		return SILENT;
	total = bpf_ntohs(ip->tot_len);
	/* Options, and what is cut off: the kernel knows what to do with them. */
	if (ip->protocol != IPPROTO_UDP || *(__u8 *)ip != IPV4_PLAIN || l3 + total > octets)
		return SILENT;
	d->l4 = l3 + IPV4_HEADER;
	d->end = l3 + total;
	d->outer6 = false;
	if (ip->frag_off & IPV4_FRAGMENT)
		return ip->frag_off & IPV4_OFFSET ? SILENT : FALLBACK_FRAGMENT;
	return FOUND;
}

INLINE int outer6(void *data, void *data_end, __u32 l3, __u32 octets, struct datagram *d)
{
	struct ipv6hdr *ip = AT(data, l3);
	__u32 payload;

	if (AT(ip, sizeof(*ip) + UDP_HEADER) > data_end) /* or a fragment header, of the same size */
		return SILENT;
	payload = bpf_ntohs(ip->payload_len);
	if (ip->version != 6 || l3 + IPV6_HEADER + payload > octets)
		return SILENT;
	d->l4 = l3 + IPV6_HEADER;
	d->end = d->l4 + payload;
	d->outer6 = true;
	if (ip->nexthdr == IPPROTO_FRAGMENT) { /* the UDP header of the first one stands behind eight octets */
		struct fragment6 *fragment = (void *)(ip + 1);

		d->l4 += sizeof(*fragment);
		return fragment->nexthdr != IPPROTO_UDP || fragment->offset & FRAGMENT6_OFFSET ? SILENT : FALLBACK_FRAGMENT;
	}
	return ip->nexthdr == IPPROTO_UDP ? FOUND : SILENT;
}

INLINE void copy_addresses(void *to, const void *from)
{
	__u32 *words = to;
	const __u32 *source = from;

	words[0] = source[0];
	words[1] = source[1];
	words[2] = source[2];
}

#endif
