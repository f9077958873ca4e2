/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The maps.  Sizes are small here; the daemon sets those that its slots need before it loads.
 */
#ifndef MAPS_H
#define MAPS_H

#define FEW 64
#define SOME 1024
#define FOUR_EACH 4096
#define ROUTES 256

#define OUTER4_ENDS 12 /* where the addresses stand in the outer header */
#define OUTER6_ENDS 8

/* The interface by which a frame leaves, and what its Ethernet header begins with: destination and source. */
struct hop {
	__u32 interface;
	__u8 addresses[12];
	__u32 fresh; /* just asked for, not remembered */
};

/* One per place of the per-CPU map `paths`: what the kernel last said of the way to a LAC. */
struct path {
	__u64 seen; /* in jiffies */
	__u8 ends[32]; /* outer source and destination for which it said so; those of IPv4 are 8 octets, then zeros */
	struct hop hop;
	__u32 mtu;
};

/* One per route in `blocks`, in the per-CPU map `onwards`: what the kernel last said of the way that it leads. */
struct onward {
	__u64 seen; /* in jiffies */
	__u32 version; /* of `blocks` */
	__u32 mtu;
	struct hop hop;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FOUR_EACH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct uplink);
} uplinks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PEERS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct peer);
} peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOME);
	__type(key, __u32);
	__type(value, struct place);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FOUR_EACH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct host);
} hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KINDS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct template);
} kinds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOME);
	__type(key, struct host4);
	__type(value, struct place);
} hosts4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, SOME);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct net4);
	__type(value, struct place);
} nets4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, SOME);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct net6);
	__type(value, struct place);
} nets6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SOME);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct session);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SOME);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct carried);
} carried SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SOME);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct account);
} accounts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOME);
	__type(key, struct listener);
	__type(value, __u32);
} listen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tallies);
} tallies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PATHS);
	__type(key, __u32);
	__type(value, struct path);
} paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct blocks);
} blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ROUTES);
	__type(key, __u32);
	__type(value, struct onward);
} onwards SEC(".maps");

/* When XDP last left a packet for a neighbour to the kernel, in jiffies; by a hash of the neighbour's address. */
#define ATTENDED_BITS 6

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << ATTENDED_BITS);
	__type(key, __u32);
	__type(value, __u64);
} attended SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FEW);
	__type(key, struct port);
	__type(value, __u32);
} xdp_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, QUICK_PORTS);
	__type(key, __u32);
	__type(value, struct quick_port);
} quick_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, FEW);
	__type(key, __u32);
	__type(value, __u32);
} xdp_exits SEC(".maps");

#endif
