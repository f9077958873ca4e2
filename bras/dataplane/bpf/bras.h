/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * What the programs and the daemon agree on: records, keys, reasons.
 *
 * bras/dataplane/records.py says the same in Python; tests/architecture/test_bpf_parity.py
 * compares the two, name by name and octet by octet.  Whoever changes a record raises LAYOUT.
 */
#ifndef BRAS_H
#define BRAS_H

#include <linux/types.h>

#define LAYOUT 4

/* Where a session stands; the value of `calls`, `hosts4`, `nets4` and `nets6`. */
struct place {
	__u32 slot;
	__u32 generation; /* low 32 bits; must equal that of the session record: slots are reused */
};

/* Key of `hosts4`: one address of one subscriber. */
struct host4 {
	__u32 vrf;
	__be32 address;
};

/* Keys of the tries; `length` counts the 32 bits of the VRF too: a /24 has 56. */
struct net4 {
	__u32 length;
	__u32 vrf;
	__be32 address;
};

struct net6 {
	__u32 length;
	__u32 vrf;
	__u8 address[16];
};

/* Key of `listen`: where LACs call us.  IPv4 as ::ffff:a.b.c.d; all zero is the wildcard of IPv6, ::ffff:0.0.0.0 that of IPv4. */
struct listener {
	__u8 address[16];
	__be16 port;
	__u16 zero;
};

/* Sixteen bits: a struct uplink has no more room. */
enum session_flag {
	S_ACTIVE = 1 << 0,        /* written last when a session comes, cleared first when it goes */
	S_OUTER6 = 1 << 1,        /* the LAC is reached by IPv6 */
	S_CHECK_SOURCE = 1 << 2,  /* only its own addresses and prefixes may send */
	S_NUMBERED = 1 << 3,      /* data messages are numbered: all of it is user space's */
	S_LENGTH = 1 << 4,        /* data messages carry their length (L bit) */
	S_ZERO_CHECKSUM = 1 << 5, /* no UDP checksum over IPv6 (RFC 6935) */
	S_POLICED_UP = 1 << 6,    /* has a limit upstream */
	S_POLICED_DOWN = 1 << 7,
	S_COLOURED = 1 << 8,      /* has a mark or a priority */
	S_IN_VRF = 1 << 9,        /* `vrf` is not 0 */
	S_IPV6 = 1 << 10,         /* has IPv6: of others IPv6 is the core's to judge */
};

#define GOLDEN 0x9e3779b1u /* 2^32 by the golden ratio: spreads numbers that follow each other */
#define OTHER 0x85ebca6bu  /* spreads them otherwise */
#define SPREAD_SHIFT 6     /* the bits below are of no use */

/* All that an ordinary packet from a LAC needs, and what it adds to: half a cache line, and no other of the session's is
 * touched.  It lies where its call's number says, so that nothing has to be looked up first: where a tunnel's calls begin
 * is spread by GOLDEN over the places that there are (a power of two), and from there they follow each other.  A call
 * whose place is taken has one by OTHER; if that is taken too, it lies anywhere, and `calls` leads to it.
 * Place 0 is nobody's. */
struct uplink {
	__u32 call; /* local tunnel id << 16 | session id; 0: the place is free */
	__u32 slot;
	__u16 flags;    /* those of the session; written last when it comes, cleared first when it goes */
	__u16 peer;     /* number in `peers`; 0: it has none, the header of the session tells */
	__be32 address; /* the client's first IPv4 address, 0: none; saves the source check a look-up */
	__u64 up_octets4, up_packets4;
};

#define PEERS 16384

/* Who sends to whom: the ends of all calls of a tunnel.  What a number stands for never changes while a session has it. */
struct peer {
	__u8 ends[32]; /* outer addresses as they stand in a header towards the LAC: ours, its; those of IPv4 are 8 octets */
	__u32 ports;   /* likewise */
	__u32 zero;
};

#define HEADER_OCTETS 64 /* at most, before a packet towards the LAC */
#define HEAD_OCTETS 40
#define TAIL_OCTETS 32

/* One per slot: what a packet towards a client needs.  What a session has in its account only sometimes, a flag tells of.
 * All of it is the daemon's. */
struct session {
	__u32 flags; /* enum session_flag */
	__u32 generation;
	__u32 uplink;        /* its place in `uplinks`; 0: none */
	__be32 address;      /* as in its uplink */
	/* From here on it is a struct template, with the ids of the call. */
	__u16 mtu;
	__u16 header_octets;
	__u16 checksum;
	__u16 path;
	__u8 header[HEAD_OCTETS];
};

/* What is before a packet towards a client, and how large that may be. */
struct template {
	__u16 mtu;           /* largest IP packet that the client takes */
	__u16 header_octets; /* before a packet towards the LAC */
	__u16 checksum;      /* ones' complement sum of the constant part: outer IPv4: of the whole IPv4 header of the
	                      * template; outer IPv6: of pseudo header addresses, next header and the UDP, L2TP and PPP
	                      * octets of the template (as 16-bit words in memory order, the odd last octet padded with zero) */
	__u16 path;          /* place in `paths` */
	/* The beginning of the header of a packet towards the LAC as it stands before an IPv4 packet: outer IP, UDP, L2TP,
	 * PPP; with outer IPv4 all of it.  All lengths, the IPv4 identification and all checksums are zero.  Source is our
	 * address and port, destination the LAC's: upstream packets are checked against the same octets. */
	__u8 header[HEAD_OCTETS];
};

#define KINDS 16384

/* All that an ordinary packet towards a client needs: a quarter of a cache line, and of the session only what it adds to.
 * It lies where the first IPv4 address of the session says, by the rule of uplinks; a session whose two places are taken
 * is found by a key.  What many sessions have in common, their template but for the ids, has a number. */
struct host {
	__be32 address; /* 0: the place is free */
	__u32 slot;
	__be32 ids;     /* of tunnel and session, as the LAC has given them */
	__u16 kind;     /* number in `kinds`; 0: it has none, the session has the template */
	__u16 flags;    /* those of the session; written last when it comes, cleared first when it goes */
};

/* One per slot: what each IPv4 packet towards a client adds to (atomically).  Apart from all else of the session, so that
 * those of many sessions find room in a processor's cache. */
struct carried {
	__u64 down_octets4, down_packets4;
};

#define COST_SHIFT 16

#define PATHS 4096 /* places for the ways to LACs */

/* One per slot: what only some packets need.  The first part, to `cost_down`, is the daemon's, then come the programs'
 * counters (but for `up_octets4` and `up_packets4`: what an uplink had carried when its session ended), and what user
 * space forwards itself. */
struct account {
	__u8 tail[TAIL_OCTETS]; /* with outer IPv6: the last octets of the header; before an IPv6 packet the last one is 0x57 */
	__u32 ports;            /* UDP ports of the header as they stand in it */
	__u16 mss4;             /* TCP MSS at most, 0: not lowered */
	__u16 mss6;
	__u32 vrf;
	__u32 mark;             /* skb->mark */
	__u32 priority;         /* skb->priority */
	__u32 burst_up;         /* octets */
	__u32 burst_down;
	__u32 spare;
	__u64 cost_up;          /* nanoseconds an octet << COST_SHIFT; 0: no limit */
	__u64 cost_down;
	__u64 empty_up, empty_down; /* policers: when the bucket was or will be empty, CLOCK_BOOTTIME nanoseconds */
	__u64 up_octets4, up_packets4;
	__u64 up_octets6, up_packets6, down_octets6, down_packets6;
	__u64 up_spoofed, up_policed, down_policed, down_too_big;
	__u64 slow[16]; /* what user space forwarded: the first twelve counters of Counters, in its order */
};

/* Why a packet ended here.  The names are those of bras.errors.DropReason. */
enum drop {
	DROP_SPOOFED_SOURCE,
	DROP_POLICED_UP,
	DROP_POLICED_DOWN,
	DROP_BAD_PACKET_HEADER,
	DROP_SEND_FAILED,
	DROPS,
};

/* Why a packet did not take the fast path, or took a longer one.  The names are those of bras.errors.FallbackReason. */
enum fallback {
	FALLBACK_CONTROL,         /* an L2TP control message */
	FALLBACK_PPP_CONTROL,     /* neither IPv4 nor IPv6 in the PPP frame */
	FALLBACK_FRAGMENT,        /* the first fragment of an outer packet */
	FALLBACK_UNKNOWN_SESSION, /* data for a call that has no entry */
	FALLBACK_PEER_MISMATCH,   /* from another address or port than the call's */
	FALLBACK_STALE,           /* an entry that is going, or a slot that has another session by now */
	FALLBACK_NUMBERED,        /* sequence numbers, or a call that wants them */
	FALLBACK_UNUSUAL_HEADER,  /* offset field, IP options, lengths that do not agree */
	FALLBACK_LINK_SCOPE,      /* link-local or multicast */
	FALLBACK_TOO_BIG,         /* larger than the client takes: to be cut, or answered */
	FALLBACK_NO_SUBSCRIBER,   /* towards an address that no session has */
	FALLBACK_NO_PATH,         /* the kernel has no way to the LAC, or does not forward */
	FALLBACK_OUTER_FRAGMENT,  /* larger than the path to the LAC: the kernel cuts the outer packet */
	FALLBACK_SEGMENT,         /* a GSO packet that had to be taken apart first */
	FALLBACK_NOT_XDP,         /* XDP left it to the TC programs: the way out is no XDP port */
	FALLBACKS,
};

/* The one value of the per-CPU map `tallies`. */
struct tallies {
	__u64 carried[8]; /* the first eight counters of an Entry, over all of them */
	__u64 drops[DROPS];
	__u64 fallbacks[FALLBACKS];
};

/* The one value of `settings`. */
struct settings {
	__u32 anchor;       /* interface index of the TUN device */
	__u32 segmenter;    /* where to send a GSO packet that must be taken apart; 0: there is none */
	__u32 underlay;     /* interface index by which the kernel is asked for the way to a LAC: lo */
	__u32 vrf;          /* VRF id of the anchor's subscribers */
	__u32 slots;        /* slots that there are */
	__u32 in_vrf;       /* the anchor belongs to a VRF: what comes in by it is not routed to LACs */
	__u32 uplinks;      /* places in `uplinks`, less one: a mask */
	__u32 hosts;        /* likewise, in `hosts` */
};

/* The one value of `blocks`: of each 65,536 IPv4 addresses that begin with the same 16 bits, which route all of them take
 * on the way from LACs; 0: not all the same, or there is none, or the way depends on more than the destination. */
struct blocks {
	__u64 until;   /* CLOCK_MONOTONIC nanoseconds: the daemon lives, and follows the routes */
	__u32 version; /* another one whenever a route of `route` means another; 0: nothing is told */
	__u32 zero;
	__u8 route[1 << 16];
};

enum xdp_mode {
	XDP_MODE_OFF,
	XDP_MODE_DECAP,
	XDP_MODE_FULL,
};

/* Key of `xdp_ports`: the interface on which the program runs, and the VLAN tag that the packet carries (0: none).
 * Value: enum xdp_mode. */
struct port {
	__u32 interface;
	__u32 vlan;
};

#define QUICK_PORTS 256

/* The same of frames without a tag, in a place that the lowest bits of the interface's index tell; whose mode is not here
 * is in `xdp_ports`. */
struct quick_port {
	__u32 interface;
	__u32 mode;
};

/* What XDP writes before a packet that it has taken out of its tunnel, for the TC program of the same interface. */
struct meta {
	__u32 magic;
	__u32 mark;
	__u32 priority;
	__u32 spare;
};

#define META_MAGIC 0x62726173

/* Maps, all pinned by these names:
 *   uplinks    ARRAY (MMAPABLE)  place -> struct uplink
 *   peers      ARRAY (MMAPABLE)  number -> struct peer
 *   calls      HASH         __u32 (tunnel id << 16 | session id, host order) -> struct place, of calls that lie elsewhere
 *   hosts      ARRAY (MMAPABLE)  place -> struct host
 *   kinds      ARRAY (MMAPABLE)  number -> struct template, its ids zero
 *   hosts4     HASH         struct host4 -> struct place, of addresses that are not the first, or lie elsewhere
 *   nets4      LPM_TRIE     struct net4 -> struct place
 *   nets6      LPM_TRIE     struct net6 -> struct place
 *   sessions   ARRAY (MMAPABLE)  slot -> struct session
 *   carried    ARRAY (MMAPABLE)  slot -> struct carried
 *   accounts   ARRAY (MMAPABLE)  slot -> struct account
 *   listen     HASH         struct listener -> __u32 (1)
 *   settings   ARRAY        0 -> struct settings
 *   tallies    PERCPU_ARRAY 0 -> struct tallies
 *   paths      PERCPU_ARRAY place -> what the programs remember of the way to a LAC
 *   blocks     ARRAY (MMAPABLE)  0 -> struct blocks
 *   onwards    PERCPU_ARRAY number of a route in `blocks` -> what the programs remember of it
 *   attended   PERCPU_ARRAY a hash of a neighbour's address -> when XDP last left a packet for it to the kernel
 *   xdp_ports  HASH         struct port -> __u32 (enum xdp_mode)
 *   quick_ports ARRAY       place -> struct quick_port
 *   xdp_exits  DEVMAP_HASH  interface index -> struct bpf_devmap_val / __u32: interfaces in mode "full"
 *
 * Programs, by their C names:
 *   tc_up         ingress of each LAC-facing interface
 *   tc_down       egress of the anchor
 *   tc_segmented  ingress of the segmenter's other end: like tc_down, with an Ethernet header before the packet
 *   xdp_port      each interface with an XDP mode
 */

#endif
