/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The packet generator and the sink of the data plane's benchmark (dataplane.py), as XDP programs.
 *
 * The kernel runs a generator for each frame of a BPF_PROG_TEST_RUN with live frames and sends what it returns with
 * XDP_TX.  Frames come back as they left, so every one is written anew: the template, then a random subscriber and a
 * random host on the other side.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define HEAD_OCTETS 96
#define TUNNELS 100
#define MAX_CALLS 0xffff
#define SPARE_OCTETS 64 /* more room before the frame than usual, or the sink would copy what has grown by a tunnel header */

struct plan {
	__u8 head[HEAD_OCTETS]; /* what each frame begins with, all inner addresses zero */
	__u32 first;            /* address of the first subscriber */
	__u32 far;              /* address of the first host */
	__u32 sessions;         /* subscribers, and hosts; addresses follow one another */
	__u32 sum;              /* of the inner IPv4 header of `head`, with a checksum of zero */
	__u32 arriving;         /* octets of a frame that arrives whole */
	__u32 out;              /* interface index: where `through` sends everything */
	__u32 tunnels;          /* subscribers come by them in turn */
	__u32 step;             /* from the session id of one to that of the next one of the same tunnel */
	__u32 calls[TUNNELS];   /* tunnel id << 16 | session id of the first subscriber of each */
};

struct arrivals {
	__u64 whole;
	__u64 other;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct plan);
} plans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct arrivals);
} arrived SEC(".maps");

static __always_inline struct plan *the_plan(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&plans, &zero);
}

static __always_inline __u32 less_than(__u32 limit)
{
	return ((__u64)bpf_get_prandom_u32() * limit) >> 32;
}

/* The ids of a subscriber's call; no session has id 0. */
static __always_inline __u32 call_of(const struct plan *plan, __u32 number)
{
	__u32 tunnel = number % plan->tunnels, first;

	if (tunnel >= TUNNELS)
		return 0;
	first = plan->calls[tunnel];
	return (first & 0xffff0000) | (((first & MAX_CALLS) - 1 + number / plan->tunnels * plan->step) % MAX_CALLS + 1);
}

/* Write `octets` of the template, and into it the ids of the subscriber's call at `id_at` (0: nowhere) and both addresses. */
static __always_inline int generate(struct xdp_md *ctx, const int octets, const int ip_at, const bool up, const int id_at)
{
	struct plan *plan = the_plan();
	__u32 number, address, far, sum;
	__u8 *frame;

	if (!plan || bpf_xdp_adjust_head(ctx, SPARE_OCTETS))
		return XDP_ABORTED;
	frame = (void *)(long)ctx->data;
	if (frame + octets > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	number = less_than(plan->sessions);
	address = plan->first + number;
	far = plan->far + less_than(plan->sessions);
	sum = plan->sum + (address >> 16) + (address & 0xffff) + (far >> 16) + (far & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	__builtin_memcpy(frame, plan->head, octets);
	*(__be16 *)(frame + ip_at + 10) = bpf_htons(~sum);
	*(__be32 *)(frame + ip_at + 12) = bpf_htonl(up ? address : far);
	*(__be32 *)(frame + ip_at + 16) = bpf_htonl(up ? far : address);
	if (id_at)
		*(__be32 *)(frame + id_at) = bpf_htonl(call_of(plan, number));
	return XDP_TX;
}

/* From a LAC: Ethernet 14, outer IPv4 20, UDP 8, L2TP 6, PPP 4, then the packet. */
SEC("xdp")
int tunnelled(struct xdp_md *ctx)
{
	return generate(ctx, 80, 52, true, 44);
}

/* The same packet without a tunnel. */
SEC("xdp")
int upstream(struct xdp_md *ctx)
{
	return generate(ctx, 42, 14, true, 0);
}

/* Towards a subscriber. */
SEC("xdp")
int downstream(struct xdp_md *ctx)
{
	return generate(ctx, 42, 14, false, 0);
}

/* Count, and drop. */
SEC("xdp")
int sink(struct xdp_md *ctx)
{
	struct plan *plan = the_plan();
	struct arrivals *count;
	__u32 zero = 0;

	count = bpf_map_lookup_elem(&arrived, &zero);
	if (!plan || !count)
		return XDP_ABORTED;
	if (ctx->data_end - ctx->data == plan->arriving)
		count->whole++;
	else
		count->other++;
	return XDP_DROP;
}

/* Stands in for the LNS: on to the next link, and nothing else. */
SEC("xdp")
int through(struct xdp_md *ctx)
{
	struct plan *plan = the_plan();

	return plan ? bpf_redirect(plan->out, 0) : XDP_ABORTED;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
