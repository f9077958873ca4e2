/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * From the number of a call to its uplink, and whose call it is.
 */
#ifndef UPLINK_H
#define UPLINK_H

#define NOWHERE 0 /* nobody's place */

INLINE struct uplink *uplink_at(__u32 place)
{
	return bpf_map_lookup_elem(&uplinks, &place);
}

/* Where `calls` says that a call lies.  Not static, so that it is verified once. */
__noinline __u32 place_elsewhere(__u32 call)
{
	struct place *place = bpf_map_lookup_elem(&calls, &call);
	struct session *session;

	if (!place)
		return NOWHERE;
	session = bpf_map_lookup_elem(&sessions, &place->slot);
	return session && session->generation == place->generation ? session->uplink : NOWHERE;
}

INLINE struct uplink *uplink_of(__u32 call, __u32 mask)
{
	struct uplink *uplink = uplink_at(place_by(call, GOLDEN, mask));

	if (uplink && uplink->call == call)
		return uplink;
	uplink = uplink_at(place_by(call, OTHER, mask));
	if (uplink && uplink->call == call)
		return uplink;
	uplink = uplink_at(place_elsewhere(call));
	return uplink && uplink->call == call ? uplink : 0;
}

/* Who sends.  The flags are read once, as of sessions; what else there is of the session is looked for when it is needed. */
struct caller {
	struct uplink *uplink;
	__u32 flags; /* enum session_flag */
	__u32 slot;
};

INLINE int by_call(__u32 call, struct caller *who)
{
	struct settings *settings = our_settings();
	struct uplink *uplink;

	if (!settings || !call)
		return FALLBACK_UNKNOWN_SESSION;
	uplink = uplink_of(call, settings->uplinks);
	if (!uplink)
		return FALLBACK_UNKNOWN_SESSION;
	who->uplink = uplink;
	who->flags = *(const volatile __u16 *)&uplink->flags;
	who->slot = uplink->slot;
	if (!(who->flags & S_ACTIVE))
		return FALLBACK_STALE;
	return who->flags & S_NUMBERED ? FALLBACK_NUMBERED : FOUND;
}

INLINE struct session *session_of(const struct caller *who)
{
	return bpf_map_lookup_elem(&sessions, &who->slot);
}

INLINE struct account *account_of(const struct caller *who)
{
	return bpf_map_lookup_elem(&accounts, &who->slot);
}

/* Does a datagram come from where the session's own packets go, to where they come from? */
INLINE bool has_ends(const __u32 *theirs, void *data_end, const __u32 *ours, __u32 ports, bool outer6)
{
	__u32 swapped = ports >> 16 | ports << 16;

	if (outer6) {
		if (AT(theirs, IPV6_HEADER + 4) > data_end)
			return false;
		return theirs[2] == ours[4] && theirs[3] == ours[5] && theirs[4] == ours[6] && theirs[5] == ours[7] &&
		       theirs[6] == ours[0] && theirs[7] == ours[1] && theirs[8] == ours[2] && theirs[9] == ours[3] &&
		       theirs[10] == swapped;
	}
	if (AT(theirs, IPV4_HEADER + 4) > data_end)
		return false;
	return theirs[3] == ours[1] && theirs[4] == ours[0] && theirs[5] == swapped;
}

INLINE bool same_peer(const void *ip, void *data_end, bool outer6, const struct caller *who)
{
	__u32 number = who->uplink->peer;
	const struct session *session;
	const struct account *account;
	const struct peer *peer;

	if (outer6 != !!(who->flags & S_OUTER6))
		return false;
	if (number) {
		peer = bpf_map_lookup_elem(&peers, &number);
		return peer && has_ends(ip, data_end, (const __u32 *)peer->ends, peer->ports, outer6);
	}
	session = session_of(who);
	account = account_of(who);
	if (!session || !account)
		return false;
	if (outer6)
		return has_ends(ip, data_end, (const __u32 *)(session->header + OUTER6_ENDS), account->ports, true);
	return has_ends(ip, data_end, (const __u32 *)(session->header + OUTER4_ENDS), account->ports, false);
}

#endif
