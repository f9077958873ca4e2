/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * A stand-in for bras.bpf.c in tests of what is between Python and the kernel: the same maps, programs of
 * the same names that do little, and, with REFUSED, one that no verifier lets pass.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../../bras/dataplane/bpf/bras.h"

#define MAP(name, map_type, map_flags_, entries, key_type, value_type) \
	struct {                                                       \
		__uint(type, map_type);                                \
		__uint(map_flags, map_flags_);                         \
		__uint(max_entries, entries);                          \
		__type(key, key_type);                                 \
		__type(value, value_type);                             \
	} name SEC(".maps")

MAP(calls, BPF_MAP_TYPE_HASH, 0, 1, __u32, struct place);
MAP(hosts4, BPF_MAP_TYPE_HASH, 0, 1, struct host4, struct place);
MAP(nets4, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, 1, struct net4, struct place);
MAP(nets6, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, 1, struct net6, struct place);
MAP(sessions, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 1, __u32, struct session);
MAP(carried, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 1, __u32, struct carried);
MAP(accounts, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 1, __u32, struct account);
MAP(uplinks, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 1, __u32, struct uplink);
MAP(hosts, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 1, __u32, struct host);
MAP(kinds, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 16, __u32, struct template);
MAP(peers, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 16, __u32, struct peer);
MAP(listen, BPF_MAP_TYPE_HASH, 0, 1, struct listener, __u32);
MAP(settings, BPF_MAP_TYPE_ARRAY, 0, 1, __u32, struct settings);
MAP(tallies, BPF_MAP_TYPE_PERCPU_ARRAY, 0, 1, __u32, struct tallies);
MAP(xdp_ports, BPF_MAP_TYPE_HASH, 0, 1, struct port, __u32);
MAP(quick_ports, BPF_MAP_TYPE_ARRAY, 0, QUICK_PORTS, __u32, struct quick_port);
MAP(xdp_exits, BPF_MAP_TYPE_DEVMAP_HASH, 0, 1, __u32, __u32);

const volatile __u32 mark = 7;

/* Count and mark; the verdict is the slot of call 1, or "not mine". */
SEC("tc")
int tc_up(struct __sk_buff *skb)
{
	__u32 zero = 0, one = 1;
	struct tallies *tally = bpf_map_lookup_elem(&tallies, &zero);
	struct place *place = bpf_map_lookup_elem(&calls, &one);
	struct session *session = bpf_map_lookup_elem(&sessions, &zero);

	if (!bpf_map_lookup_elem(&settings, &zero))
		return -1;
	if (tally)
		tally->carried[1]++;
	skb->mark = mark;
	if (session && bpf_map_lookup_elem(&listen, session))
		return 0;
	return place ? (int)place->slot : -1;
}

SEC("tc")
int tc_down(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct account *account = bpf_map_lookup_elem(&accounts, &zero);
	struct host4 host = {};
	struct net4 net4 = {};
	struct net6 net6 = {};

	if (bpf_map_lookup_elem(&uplinks, &zero) && bpf_map_lookup_elem(&peers, &zero) && account)
		account->spare = 0;
	if (!bpf_map_lookup_elem(&settings, &zero))
		return -1;
	if (account)
		__sync_fetch_and_add(&account->down_policed, 1);
	if (bpf_map_lookup_elem(&hosts, &zero) && bpf_map_lookup_elem(&carried, &zero) && bpf_map_lookup_elem(&kinds, &zero) &&
	    account)
		account->spare = 0;
	if (bpf_map_lookup_elem(&hosts4, &host) || bpf_map_lookup_elem(&nets4, &net4))
		return 0;
	return bpf_map_lookup_elem(&nets6, &net6) ? 0 : -1;
}

SEC("tc")
int tc_segmented(struct __sk_buff *skb)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero) ? 0 : -1;
}

SEC("xdp")
int xdp_port(struct xdp_md *xdp)
{
	struct port port = { .interface = xdp->ingress_ifindex };
	__u32 place = xdp->ingress_ifindex % QUICK_PORTS;

	if (!bpf_map_lookup_elem(&quick_ports, &place))
		return XDP_PASS;
	if (!bpf_map_lookup_elem(&xdp_ports, &port))
		return XDP_PASS;
	return bpf_redirect_map(&xdp_exits, 0, XDP_PASS);
}

#ifdef REFUSED
/* Reads a packet without looking where it ends. */
SEC("tc")
int refused(struct __sk_buff *skb)
{
	return *(int *)(long)skb->data;
}
#endif

char LICENSE[] SEC("license") = "Dual MIT/GPL";
