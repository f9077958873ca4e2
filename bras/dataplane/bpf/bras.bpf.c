// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The fast path: maps, and the programs that use them.  Whatever they leave untouched goes on to Python.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bras.h"
#include "base.h"
#include "maps.h"
#include "tally.h"
#include "checksum.h"
#include "police.h"
#include "mss.h"
#include "parse.h"
#include "session.h"
#include "uplink.h"
#include "up.h"
#include "down.h"
#include "path.h"
#include "tc.h"
#include "onward.h"
#include "xdp.h"

SEC("tc")
int tc_up(struct __sk_buff *skb)
{
	return tc_upstream(skb);
}

SEC("tc")
int tc_down(struct __sk_buff *skb)
{
	return tc_downstream(skb, 0);
}

SEC("tc")
int tc_segmented(struct __sk_buff *skb)
{
	return tc_downstream(skb, ETH_HLEN);
}

SEC("xdp")
int xdp_port(struct xdp_md *ctx)
{
	return xdp_frame(ctx);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
