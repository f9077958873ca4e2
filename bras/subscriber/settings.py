"""What all subscribers of one policy group share, worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bras.forwarding.entry import Leg, Route
from bras.plain import Saved, restore_fields, save_fields
from bras.ppp.settings import LinkConfig, NetworkConfig
from bras.radius.profile import Profile
from bras.wire import ipv4_of

LinkFacts = tuple[int, bool, bool]
"""The client's MRU, and whether address-and-control and protocol fields are compressed towards it."""


@dataclass(slots=True)
class Settings:
    """Shared by the subscribers of a group that have the same MRU; nobody changes it."""

    group: str
    link: LinkConfig
    local_address: int
    """Our IPv4 end of every link."""
    setup_timeout_s: float
    interim_jitter: float
    """Share of the interval by which an Interim-Update is moved."""
    clamp_mss: bool
    origin: str
    """What every Acct-Session-Id of this start begins with; see ``bras.ids``."""
    shortest_wait_s: float = 1.0
    """No timer of a subscriber is armed for less than this: restart, authentication, echo."""
    counter_interval_s: float = 10.0
    """The counters of all for whom something follows from them are read so often."""
    _facts: dict[LinkFacts, LinkFacts] = field(default_factory=dict, compare=False)
    _networks: dict[tuple[tuple[str, ...], tuple[str, ...], bool], NetworkConfig] = field(
        default_factory=dict, compare=False
    )

    def save(self) -> Saved:
        """Return plain data."""
        return save_fields(replace(self, _facts={}, _networks={}))  # those are made again

    @classmethod
    def restore(cls, saved: Saved) -> Settings:
        """Return the settings that ``save`` was called on."""
        return restore_fields(cls, saved, link=LinkConfig.restore)

    def same(self, facts: LinkFacts) -> LinkFacts:
        """Return what many links have alike as one object for them all."""
        return self._facts.setdefault(facts, facts)

    def network(self, dns: tuple[str, ...], nbns: tuple[str, ...], accept_client: bool) -> NetworkConfig:
        """Return what IPCP tells all clients that have these servers; one object for them all."""
        key = (dns, nbns, accept_client)
        network = self._networks.get(key)
        if network is None:
            network = self._networks[key] = NetworkConfig(
                local_address=self.local_address,
                dns=addresses_of(dns),
                nbns=addresses_of(nbns),
                accept_client=accept_client,
                restart=self.link.restart,
            )
        return network

    def route(self, slot: int, generation: int, leg: Leg, address: int, mtu: int, profile: Profile) -> Route:
        """Return the Entry of a subscriber to whom ``profile`` grants what it says."""
        return Route(
            slot=slot,
            generation=generation,
            vrf=profile.vrf,
            legs=(leg,),
            addresses=(address,),
            mtu=min(mtu, profile.framed_mtu) if profile.framed_mtu else mtu,
            rate_up_bps=profile.rate_up_bps,
            rate_down_bps=profile.rate_down_bps,
            burst_up_octets=profile.burst_up_octets,
            burst_down_octets=profile.burst_down_octets,
            source_check=profile.source_check,
            clamp_mss=self.clamp_mss,
            prefixes4=profile.networks(address),
            mark=profile.mark,
            priority=profile.priority,
        )


def addresses_of(texts: tuple[str, ...]) -> tuple[int, ...]:
    """Read dotted quads; what is none is left out (configuration and codec have checked them)."""
    return tuple(address for address in map(ipv4_of, texts) if address is not None)
