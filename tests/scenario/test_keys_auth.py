"""The effect of each key of ``[auth]``, and of ``[[user]]`` and ``[[profile]]`` beside it, seen from outside.

``single_session`` and ``address_conflict`` are in test_admission.py.
"""

from __future__ import annotations

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, PppConfig, ProfileConfig, UserConfig
from bras.config.radius import RadiusConfig
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberEnded, SubscriberUp
from tests.support.rim import (
    AUTHENTICATION,
    CHAP,
    CONFIGURE_NAK,
    CONFIGURE_REJECT,
    CONFIGURE_REQUEST,
    LCP,
    TERMINATE_REQUEST,
    Rim,
    gaps,
    option,
)
from tests.support.world import SimulatedRadius, config

OPTIONS = {"pap": b"\xc0\x23", "chap": b"\xc2\x23\x05", "mschapv1": b"\xc2\x23\x80", "mschapv2": b"\xc2\x23\x81"}
EAP = b"\xc2\x27"


def demanded(rim: Rim) -> list[bytes]:
    """Return what was demanded in each Configure-Request, retransmissions left out."""
    seen: list[bytes] = []
    for request in rim.frames(LCP, CONFIGURE_REQUEST):
        value = request.options[AUTHENTICATION]
        if not seen or seen[-1] != value:
            seen.append(value)
    return seen


@pytest.mark.parametrize(
    "methods", [("mschapv2", "chap", "pap"), ("pap", "chap"), ("chap", "mschapv1", "mschapv2", "pap"), ("pap",)]
)
@pytest.mark.parametrize("refusal", [CONFIGURE_NAK, CONFIGURE_REJECT])
def test_methods_are_offered_in_their_order(methods: tuple[str, ...], refusal: int) -> None:
    """The client does not know any of them: it suggests EAP, or rejects the option."""
    rim = Rim(config(auth=AuthConfig(methods=methods)))
    line = rim.line()
    rim.run(0.5)
    for _ in methods:
        request = line.last(LCP, CONFIGURE_REQUEST)
        value = EAP if refusal == CONFIGURE_NAK else request.options[AUTHENTICATION]
        line.say(LCP, refusal, request.identifier, option(AUTHENTICATION, value))
    assert demanded(rim) == [OPTIONS[name] for name in methods]
    rim.run(20.0)
    assert rim.of(SubscriberEnded)[0].reason == "no_common_authentication"


@pytest.mark.parametrize(
    ("methods", "hint", "then"),
    [
        (("mschapv2", "chap", "pap"), "pap", "pap"),
        (("mschapv2", "chap", "pap"), "mschapv1", "chap"),
        (("mschapv2", "pap"), "chap", "pap"),
    ],
)
def test_methods_what_the_client_suggests_is_taken_if_it_is_offered(
    methods: tuple[str, ...], hint: str, then: str
) -> None:
    rim = Rim(config(auth=AuthConfig(methods=methods)))
    line = rim.line()
    rim.run(0.5)
    request = line.last(LCP, CONFIGURE_REQUEST)
    line.say(LCP, CONFIGURE_NAK, request.identifier, option(AUTHENTICATION, OPTIONS[hint]))
    assert demanded(rim) == [OPTIONS[methods[0]], OPTIONS[then]]


@pytest.mark.parametrize(
    ("source", "radius", "accepted", "by"),
    [
        ("radius", "accepts", True, "radius1"),
        ("radius", "rejects", False, "radius1"),
        ("radius", "is silent", False, ""),
        ("local", "rejects", True, "local"),
        ("radius-then-local", "accepts", True, "radius1"),
        ("radius-then-local", "rejects", False, "radius1"),
        ("radius-then-local", "is silent", True, "local"),
    ],
)
def test_source(source: str, radius: str, accepted: bool, by: str) -> None:
    server = SimulatedRadius(reply=lambda _: (2 if radius == "accepts" else 3, b""), silent=radius == "is silent")
    user = UserConfig("user1", Secret(b"pass"))
    auth = AuthConfig(methods=("chap",), source=source)
    rim = Rim(config(auth=auth, user=(user,)), servers=(server,))
    lac = rim.lac()
    client = lac.dial("user1", "pass")
    rim.run(29.0)
    (fact,) = rim.of(Authenticated)
    assert ((fact.outcome is AuthOutcome.ACCEPTED), fact.source) == (accepted, by)
    assert bool(client.address) is accepted
    assert bool(rim.requests(Kind.AUTH)) is (source != "local")


@pytest.mark.parametrize(("timeout_s", "attempts"), [(5.0, 3), (2.0, 3), (5.0, 5), (3.0, 1)])
def test_timeout_s_and_max_attempts(timeout_s: float, attempts: int) -> None:
    rim = Rim(config(auth=AuthConfig(methods=("chap",), timeout_s=timeout_s, max_attempts=attempts)))
    line = rim.line()
    rim.run(0.5)
    line.agree()
    rim.run(40.0)
    challenges = rim.frames(CHAP, 1)
    assert gaps(one.at for one in challenges) == [timeout_s] * (attempts - 1)
    assert len({one.data for one in challenges}) == attempts, "each with a value of its own"
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "authentication_timeout"
    assert rim.frames(LCP, TERMINATE_REQUEST)[0].at - challenges[-1].at == pytest.approx(timeout_s, abs=0.01)


@pytest.mark.parametrize(("timeout_s", "attempts"), [(5.0, 3), (2.0, 4)])
def test_timeout_s_and_max_attempts_of_pap(timeout_s: float, attempts: int) -> None:
    """By PAP the client begins; we have nothing to repeat, but wait as long."""
    rim = Rim(config(auth=AuthConfig(methods=("pap",), timeout_s=timeout_s, max_attempts=attempts)))
    line = rim.line()
    rim.run(0.5)
    line.agree()
    agreed_at = rim.now
    rim.run(40.0)
    assert rim.frames(LCP, TERMINATE_REQUEST)[0].at - agreed_at == pytest.approx(timeout_s * attempts, abs=0.2)


# -- [[user]] and [[profile]]


def local(*users: UserConfig, profiles: tuple[ProfileConfig, ...] = ()) -> Config:
    auth = AuthConfig(methods=("pap",), source="local")
    lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", rate_up_bps=1))
    return config(auth=auth, user=users, profile=profiles, lac=(lac,), radius=RadiusConfig(), ppp=PppConfig(mru=1460))


@pytest.mark.parametrize(
    ("user", "password", "welcome"),
    [
        ("alice", "one", True),
        ("bob", "two", True),
        ("alice", "two", False),
        ("Alice", "one", False),
        ("eve", "", False),
    ],
)
def test_user_name_and_password(user: str, password: str, welcome: bool) -> None:
    rim = Rim(local(UserConfig("alice", Secret(b"one")), UserConfig("bob", Secret(b"two"))))
    client = rim.lac().dial(user, password, method="pap")
    rim.run(5.0)
    assert bool(client.address) is welcome
    assert [fact.outcome for fact in rim.of(Authenticated)] == [
        AuthOutcome.ACCEPTED if welcome else AuthOutcome.REJECTED
    ]
    assert [up.user for up in rim.of(SubscriberUp)] == ([user] if welcome else [])


@pytest.mark.parametrize(("named", "own", "rate"), [(None, None, 1), ("gold", None, 7000), ("gold", 9000, 9000)])
def test_user_profile_and_grant(named: str | None, own: int | None, rate: int) -> None:
    user = UserConfig("user1", Secret(b"pass"), profile=named, grant=Grant(rate_up_bps=own))
    rim = Rim(local(user, profiles=(ProfileConfig("gold", Grant(rate_up_bps=7000)),)))
    rim.up(method="pap")
    assert rim.entry.rate_up_bps == rate


@pytest.mark.parametrize("name", ["gold", "silver"])
def test_profile_name(name: str) -> None:
    """RADIUS names the profile by it."""
    attribute = option(26, b"\0\0\x7e\xd9" + option(1, b"gold"))
    profiles = (ProfileConfig(name, Grant(rate_up_bps=7000)),)
    rim = Rim(config(profile=profiles), servers=(SimulatedRadius(reply=lambda _: (2, attribute)),))
    client = rim.lac().dial("user1", "pass")
    rim.run(5.0)
    if name == "gold":
        assert rim.entry.rate_up_bps == 7000
    else:
        assert not client.address
        assert rim.of(Authenticated)[0].outcome is AuthOutcome.UNKNOWN_PROFILE
