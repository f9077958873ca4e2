/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * From addresses to places, and from places to sessions.
 */
#ifndef SESSION_H
#define SESSION_H

#define BITS4 (32 + 32) /* of a key of `nets4`: VRF and address */
#define BITS6 (32 + 128)

INLINE struct settings *our_settings(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&settings, &only);
}

INLINE struct place *place4(__u32 vrf, __be32 address)
{
	struct host4 host = { vrf, address };
	struct place *place = bpf_map_lookup_elem(&hosts4, &host);

	if (place)
		return place;

	struct net4 net = { BITS4, vrf, address };

	return bpf_map_lookup_elem(&nets4, &net);
}

INLINE struct place *place6(__u32 vrf, const struct in6_addr *address)
{
	struct net6 net = { .length = BITS6, .vrf = vrf };
	__u32 *words = (__u32 *)net.address; /* four loads; as octets it were sixteen */

	for (int i = 0; i < 4; i++)
		words[i] = address->s6_addr32[i];
	return bpf_map_lookup_elem(&nets6, &net);
}

/* Who is sent to.  The flags are read once: those of a session that is going may change before a packet of it is
 * through, while the rest of its records stays as it is until then. */
struct subscriber {
	const struct template *template;
	struct account *account;
	struct carried *carried;
	__be32 ids; /* that the template lacks; 0: it has them */
	__u32 flags; /* enum session_flag */
};

/* Ask for a cache line that is needed soon.  A miss costs as much as fifty instructions; several at once cost one. */
INLINE void touch(const void *line)
{
	*(const volatile __u64 *)line;
}

INLINE bool look_up(__u32 slot, struct subscriber *who)
{
	who->account = bpf_map_lookup_elem(&accounts, &slot);
	who->carried = bpf_map_lookup_elem(&carried, &slot);
	if (!who->account || !who->carried)
		return false;
	touch(&who->carried->down_octets4);
	return true;
}

INLINE bool take_template(const struct session *session, struct subscriber *who)
{
	if (!session)
		return false;
	who->template = (const struct template *)&session->mtu;
	who->ids = 0;
	return true;
}

/* Slots are reused: only a record with the generation of the place is the one that was meant. */
INLINE int resolve(const struct place *place, struct subscriber *who)
{
	__u32 slot = place->slot;
	struct session *session = bpf_map_lookup_elem(&sessions, &slot);

	if (!look_up(slot, who) || !take_template(session, who))
		return FALLBACK_STALE;
	who->flags = *(const volatile __u32 *)&session->flags;
	if (!(who->flags & S_ACTIVE) || session->generation != place->generation)
		return FALLBACK_STALE;
	return who->flags & S_NUMBERED ? FALLBACK_NUMBERED : FOUND;
}

/* Where a number says that it may lie: those that begin with the same 16 bits follow each other, and where they begin
 * is spread.  Of a call the tunnel is the beginning, of an address the network. */
INLINE __u32 place_by(__u32 number, __u32 spread, __u32 mask)
{
	return (((number >> 16) * spread >> SPREAD_SHIFT) + (number & 0xffff)) & mask;
}

/* Has the place got another session while its record was read?  Then some of it was the other's. */
INLINE bool is_still(const struct host *host, __be32 address, __u32 slot)
{
	return *(const volatile __u32 *)&host->address == address && *(const volatile __u32 *)&host->slot == slot &&
	       *(const volatile __u16 *)&host->flags & S_ACTIVE;
}

INLINE int by_place(__u32 place, __be32 address, struct subscriber *who)
{
	const struct host *host = bpf_map_lookup_elem(&hosts, &place);
	__u32 slot, kind;

	if (!host || host->address != address)
		return FALLBACK_NO_SUBSCRIBER;
	who->flags = *(const volatile __u16 *)&host->flags;
	slot = *(const volatile __u32 *)&host->slot;
	kind = *(const volatile __u16 *)&host->kind;
	who->ids = *(const volatile __u32 *)&host->ids;
	if (who->flags & S_IN_VRF)
		return FALLBACK_NO_SUBSCRIBER;
	if (!(who->flags & S_ACTIVE) || !is_still(host, address, slot) || !look_up(slot, who))
		return FALLBACK_STALE;
	if (who->flags & S_NUMBERED)
		return FALLBACK_NUMBERED;
	if (!kind)
		return take_template(bpf_map_lookup_elem(&sessions, &slot), who) ? FOUND : FALLBACK_STALE;
	who->template = bpf_map_lookup_elem(&kinds, &kind);
	return who->template ? FOUND : FALLBACK_STALE;
}

INLINE int by_key(__u32 vrf, __be32 address, struct subscriber *who)
{
	struct place *place = place4(vrf, address);

	return place ? resolve(place, who) : FALLBACK_NO_SUBSCRIBER;
}

INLINE bool is_known(int found)
{
	return found != FALLBACK_NO_SUBSCRIBER && found != FALLBACK_STALE;
}

/* By where an address lies, or by a key; of a session that is going another one may have the address already. */
INLINE int by_address(__u32 vrf, __be32 address, struct subscriber *who)
{
	struct settings *settings = our_settings();
	__u32 host = bpf_ntohl(address);
	int first, second, other;

	if (vrf || !settings)
		return by_key(vrf, address, who);
	first = by_place(place_by(host, GOLDEN, settings->hosts), address, who);
	if (is_known(first))
		return first;
	second = by_place(place_by(host, OTHER, settings->hosts), address, who);
	if (is_known(second))
		return second;
	other = by_key(vrf, address, who);
	if (other != FALLBACK_NO_SUBSCRIBER)
		return other;
	return first == FALLBACK_STALE ? first : second;
}

INLINE bool same_place(const struct place *place, const struct place *other)
{
	return place && place->slot == other->slot && place->generation == other->generation;
}

#endif
