import dataclasses
from itertools import combinations

import pytest

from bras.config.grant import BUILT_IN, Grant
from bras.config.model import Config, LacConfig, LnsConfig, PppConfig, ProfileConfig, UserConfig
from bras.radius.profile import FIELDS, Profile, Resolver, compute
from bras.secret import Secret

# Two values of each field, neither of them the built-in one.
VALUES = {
    "address": (1, 2),
    "pool": ("a", "b"),
    "vrf": (1, 2),
    "session_timeout_s": (1.0, 2.0),
    "idle_timeout_s": (1.0, 2.0),
    "interim_interval_s": (60.0, 120.0),
    "dns": (("1.1.1.1",), ("8.8.8.8",)),
    "nbns": (("1.1.1.1",), ("8.8.8.8",)),
    "rate_up_bps": (1000, 2000),
    "rate_down_bps": (1000, 2000),
    "burst_up_octets": (20000, 30000),
    "burst_down_octets": (20000, 30000),
    "accept_client_address": (True, False),
    "source_check": (False, True),
    "mark": (1, 2),
    "priority": (0x10010, 7),
    "prefix_length": (24, 29),
    "routes": (((0xC0000200, 24),), ((0xC6336400, 24), (0xCB007100, 28))),
    "framed_mtu": (1400, 1300),
    "idle_direction": ("up", "down"),
    "at_session_timeout": ("reauthenticate", "end"),
    "port_limit": (1, 2),
    "quota_octets": (1 << 40, 2),
    "quota_up_octets": (1 << 33, 2),
    "quota_down_octets": (1 << 34, 2),
    "ipv6_prefixes": (("2001:db8::/64",), ("2001:db8:1::/64",)),
    "ipv6_pool": ("a", "b"),
    "ipv6_addresses": (("2001:db8::7",), ("2001:db8::8",)),
    "ipv6_address_pool": ("a", "b"),
    "delegated_ipv6_prefixes": (("2001:db8:100::/56",), ("2001:db8:200::/56",)),
    "delegated_ipv6_pool": ("a", "b"),
    "interface_id": ("0000:0000:0000:0001", "0000:0000:0000:0002"),
    "ipv6_routes": (("2001:db8:7::/48",), ("2001:db8:8::/48",)),
    "ipv6_dns": (("2001:db8::53",), ("2001:db8::54",)),
    "at_quota": ("throttle", "disconnect"),
    "quota_rate_up_bps": (64_000, 0),
    "quota_rate_down_bps": (256_000, 0),
    "session_ends_at": (1_800_000_000.0, 0.0),
}
# Strongest first: how a Config (and what RADIUS says) puts a Grant into each layer.
LAYERS = ("radius", "profile named", "user", "profile own", "lac", "defaults", "ppp")


def resolve(layers):
    """Resolve with a Grant in each of the named layers."""
    grants = {name: layers.get(name, Grant()) for name in LAYERS}
    config = Config(
        lns=LnsConfig(listen=()),
        lac=(LacConfig("any", grant=grants["lac"]),),
        profile=(ProfileConfig("named", grants["profile named"]), ProfileConfig("own", grants["profile own"])),
        user=(UserConfig("joe", Secret(b""), "own", grants["user"]),),
        defaults=grants["defaults"],
        ppp=PppConfig(dns=grants["ppp"].dns or (), nbns=grants["ppp"].nbns or ()),
    )
    profile = Resolver(config).resolve("any", config.user[0], grants["radius"], "named")
    assert profile is not None
    return profile


def test_the_fields_are_those_of_grant_in_its_order():
    assert [field.name for field in dataclasses.fields(Grant)] == list(FIELDS) == list(VALUES)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("strong", "weak"), list(combinations(LAYERS, 2)))
def test_the_stronger_of_each_two_layers_decides_each_field(field, strong, weak):
    if weak == "ppp" and field not in ("dns", "nbns"):
        weak = "defaults" if strong != "defaults" else "lac"
        strong, weak = sorted((strong, weak), key=LAYERS.index)
    first, second = VALUES[field]
    profile = resolve({strong: Grant(**{field: first}), weak: Grant(**{field: second})})
    decided = {name: (value, source) for name, value, source in profile.sourced()}
    assert decided[field] == (first, strong)
    below = {name: (value, source) for name, value, source in resolve({weak: Grant(**{field: second})}).sourced()}
    assert below[field] == (second, weak)


@pytest.mark.parametrize("value", [False, 0, 0.0, ()])
def test_nothing_is_a_value_too(value):
    field = {bool: "source_check", int: "rate_up_bps", float: "idle_timeout_s", tuple: "dns"}[type(value)]
    stronger = Grant(**{field: value})
    weaker = Grant(**{field: VALUES[field][1]})
    assert getattr(resolve({"radius": stronger, "lac": weaker}), field) == value


def test_with_no_layer_at_all_the_built_in_values_stand():
    profile = compute(())
    assert profile.source_check is True
    assert (profile.address, profile.pool, profile.vrf, profile.dns, profile.nbns) == (None, None, 0, (), ())
    assert (profile.rate_up_bps, profile.burst_up_octets) == (0, 16000)
    assert profile.accept_client_address is False
    assert set(profile.sources) == {"built-in"}
    assert BUILT_IN.pool is None


@pytest.mark.parametrize(
    ("rate", "burst"), [(0, 16000), (1000, 16000), (512000, 16000), (512032, 16001), (10**9, 31250000)]
)
def test_a_burst_that_nobody_gives_is_a_quarter_second_of_the_rate(rate, burst):
    profile = compute([("x", Grant(rate_up_bps=rate, rate_down_bps=rate, burst_down_octets=5))])
    assert (profile.burst_up_octets, profile.burst_down_octets) == (burst, 5)
    zero = compute([("x", Grant(rate_up_bps=rate, burst_up_octets=0))])
    assert zero.burst_up_octets == burst


def test_a_profile_that_radius_names_must_exist():
    resolver = Resolver(Config(lns=LnsConfig(listen=())))
    assert resolver.resolve("any", None, Grant(), "no-such") is None
    assert resolver.resolve("any", None, Grant(), None) is not None


def test_what_one_session_gets_leaves_the_next_alone():
    config = Config(lns=LnsConfig(listen=()), lac=(LacConfig("any", grant=Grant(pool="p", rate_up_bps=8)),))
    resolver = Resolver(config)
    first = resolver.resolve("any", None, Grant(address=7, rate_up_bps=10**6), None)
    second = resolver.resolve("any", None, Grant(), None)
    plain = resolver.resolve("any", None, None, None)
    assert first is not None
    assert second is not None
    assert (first.address, first.burst_up_octets) == (7, 31250)
    assert (second.address, second.rate_up_bps, second.burst_up_octets, second.pool) == (None, 8, 16000, "p")
    assert plain == second
    assert resolver.resolve("any", None, None, None) is plain


def test_groups_and_users_are_told_apart():
    config = Config(
        lns=LnsConfig(listen=()),
        lac=(LacConfig("a", grant=Grant(pool="a")), LacConfig("b", grant=Grant(pool="b"))),
        user=(UserConfig("joe", Secret(b""), grant=Grant(pool="joe")), UserConfig("jim", Secret(b""))),
    )
    resolver = Resolver(config)
    found = [resolver.resolve(group, user, None, None) for group in "ab" for user in (*config.user, None)]
    assert [profile.pool for profile in found if profile] == ["joe", "a", "a", "joe", "b", "b"]


def test_plain_data_and_back():
    profile = resolve({"radius": Grant(**{field: values[0] for field, values in VALUES.items()})})
    assert Profile.restore(profile.save()) == profile
    assert {type(value) for value in profile.save()} <= {int, str, float, bool, list, type(None)}


def test_a_profile_saved_before_there_were_marks_has_none():
    profile = resolve({"lac": Grant(pool="p", mark=7, priority=8)})
    first = FIELDS.index("mark")
    restored = Profile.restore([*profile.save()[:first], list(profile.sources[:first])])
    later = {name: getattr(BUILT_IN, name) for name in FIELDS[first:]}
    sources = profile.sources[:first] + ("built-in",) * len(later)
    assert restored == profile._replace(**later, sources=sources, named="")


def test_what_radius_granted_is_told_from_all_else_and_lies_over_another_configuration_alike():
    granted = Grant(
        **{field: values[0] for field, values in VALUES.items() if field not in ("pool", "burst_up_octets")}
    )
    config = Config(
        lns=LnsConfig(listen=()),
        profile=(ProfileConfig("gold", grant=Grant(pool="golden", mark=9)), ProfileConfig("tin")),
    )
    profile = Resolver(config).resolve("any", None, granted, "gold")
    assert profile is not None
    assert (profile.granted(), profile.named, profile.pool) == (granted, "gold", "golden")
    restored = Profile.restore(profile.save())
    assert Resolver(config).resolve("any", None, restored.granted(), restored.named or None) == profile
    for without in (Resolver(config).resolve("any", None, Grant(), None), compute([("lac", granted)])):
        assert without is not None
        assert (without.granted(), without.named) == (Grant(), "")


def test_a_profile_saved_before_it_had_the_name_that_radius_gave():
    profile = resolve({"radius": Grant(pool="p")})
    assert profile.named == "named"
    assert Profile.restore(profile.save()[:-1]) == profile._replace(named="")
    with pytest.raises(TypeError):
        Profile.restore([*profile.save()[:-2], 5, ""])


def test_an_address_of_its_own_is_laid_over_what_many_have_alike():
    config = Config(lns=LnsConfig(listen=()), lac=(LacConfig("any", grant=Grant(pool="p", rate_up_bps=8)),))
    resolver = Resolver(config)
    granted = Grant(idle_timeout_s=5.0)
    profile, other = (resolver.resolve("any", None, granted, None, address) for address in (7, 8))
    whole = resolver.resolve("any", None, dataclasses.replace(granted, address=7), None)
    assert profile == whole
    assert profile is not None
    assert other is not None
    assert (profile.address, profile.granted()) == (7, dataclasses.replace(granted, address=7))
    assert profile.sources is other.sources
    assert resolver.resolve("any", None, granted, None) is resolver.resolve("any", None, granted, None)


def test_several_profiles_that_radius_names_lie_one_over_the_other():
    config = Config(
        lns=LnsConfig(listen=()),
        profile=(
            ProfileConfig("in", grant=Grant(rate_up_bps=1000, mark=1)),
            ProfileConfig("out", grant=Grant(rate_down_bps=2000, mark=2)),
        ),
    )
    resolver = Resolver(config)
    profile = resolver.resolve("any", None, Grant(), "in out")
    assert profile is not None
    assert (profile.rate_up_bps, profile.rate_down_bps, profile.mark, profile.named) == (1000, 2000, 1, "in out")
    assert profile.sources[FIELDS.index("rate_down_bps")] == "profile out"
    for wrong in ("in up", "in ", " ", ""):
        assert resolver.resolve("any", None, Grant(), wrong) is None or not wrong
