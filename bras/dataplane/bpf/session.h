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

/* What a place leads to.  The flags are read once: those of a session that is going may change before a packet of it is
 * through, while the rest of its record stays as it is until then. */
struct subscriber {
	struct session *session;
	struct account *account;
	struct place place;
	__u32 flags; /* enum session_flag */
};

/* Ask for a cache line that is needed soon.  A miss costs as much as fifty instructions; several at once cost one. */
INLINE void touch(const void *line)
{
	*(const volatile __u64 *)line;
}

INLINE bool look_up(__u32 slot, struct subscriber *who)
{
	who->place.slot = slot;
	who->session = bpf_map_lookup_elem(&sessions, &slot);
	who->account = bpf_map_lookup_elem(&accounts, &slot);
	if (!who->session || !who->account)
		return false;
	touch(&who->session->up_octets4);
	who->place.generation = who->session->generation;
	who->flags = *(const volatile __u32 *)&who->session->flags;
	return true;
}

/* Slots are reused: only a record with the generation of the place is the one that was meant. */
INLINE int resolve(const struct place *place, struct subscriber *who)
{
	if (!look_up(place->slot, who))
		return FALLBACK_STALE;
	if (!(who->flags & S_ACTIVE) || who->place.generation != place->generation)
		return FALLBACK_STALE;
	return who->flags & S_NUMBERED ? FALLBACK_NUMBERED : FOUND;
}

/* Only the first address of a session is in its record, and only of the main table: others are looked up each time. */
INLINE int by_address(__u32 vrf, __be32 address, struct subscriber *who)
{
	struct spot spot = spot_of_host(address);
	struct place *place;
	__u32 slot = 0;
	int found;

	if (!vrf && recall(&spot, &slot) && look_up(slot, who) && who->session->address == address &&
	    (who->flags & (S_ACTIVE | S_NUMBERED | S_IN_VRF)) == S_ACTIVE)
		return FOUND;
	place = place4(vrf, address);
	if (!place)
		return FALLBACK_NO_SUBSCRIBER;
	found = resolve(place, who);
	if (found == FOUND && !vrf && who->session->address == address)
		keep(spot.line, spot.cell, spot.tag, who->place.slot);
	return found;
}

INLINE bool same_place(const struct place *place, const struct place *other)
{
	return place && place->slot == other->slot && place->generation == other->generation;
}

#endif
