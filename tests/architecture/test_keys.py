"""Every configuration key has a test that shows its effect: a key without one is a defect.

The model is walked, so a new key fails here until it has its line in ``EFFECTS``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from bras.config.grant import RADIUS_ONLY, Grant
from bras.config.model import Config, Listen
from bras.config.sections import SECTIONS, Section

ROOT = Path(__file__).resolve().parents[2]

LNS = "scenario/test_keys_lns.py::test_"
LAC = "scenario/test_keys_lac.py::test_"
DATA = "scenario/test_keys_data.py::test_"
AUTH = "scenario/test_keys_auth.py::test_"
SPOOL = "scenario/test_keys_spool.py::test_"
RADIUS = "scenario/test_keys_radius.py::test_"
REALM = "scenario/test_keys_realm.py::test_"
CALLS = "scenario/test_keys_calls.py::test_"
SENT = "scenario/test_keys_sent.py::test_"
PPP = "scenario/test_keys_ppp.py::test_"
COA = "scenario/test_coa.py::test_"
GRANT = "scenario/test_keys_grant.py::test_"
ADMISSION = "scenario/test_admission.py::test_"
RUNTIME = "runtime/test_keys_runtime.py::test_"
RADSEC = "runtime/test_radsec.py::test_"
RESTART = "runtime/test_restart.py::test_"
PLANE = "runtime/test_dataplane.py::test_"
ROADS = "dataplane/test_roads_kernel.py::test_"
CREDENTIALS = "unit/config/test_credentials.py::test_"

EFFECTS = {
    "lns.listen": RUNTIME + "listen",
    "lns.hostname": LNS + "hostname",
    "lns.setup_timeout_s": LNS + "setup_timeout_s",
    "lns.idle_tunnel_s": LNS + "idle_tunnel_s",
    "lns.max_tunnels": LNS + "max_tunnels",
    "lns.max_sessions": LNS + "max_sessions",
    "lns.max_half_open": "scenario/test_hostile.py::test_max_half_open",
    "lns.max_half_open_per_source": "scenario/test_hostile.py::test_max_half_open_per_source",
    "lns.max_half_open_calls": "scenario/test_hostile.py::test_max_half_open_calls",
    "lns.lockout_initial_s": "scenario/test_hostile.py::test_a_wrong_response_locks_out_longer_each_time",
    "lns.lockout_cap_s": "scenario/test_hostile.py::test_a_wrong_response_locks_out_longer_each_time",
    "lns.worker": LNS + "worker",
    "lns.node": LNS + "node",
    "lns.receive_buffer_octets": RUNTIME + "receive_buffer_octets",
    "lac.name": LAC + "name",
    "lac.address": LAC + "address",
    "lac.hostname": LAC + "hostname",
    "lac.local": LAC + "local",
    "lac.local_hostname": LAC + "local_hostname",
    "lac.secret": CREDENTIALS + "one_secret_or_several",
    "lac.secret_file": CREDENTIALS + "a_file_of_its_own_with_or_without_a_line_end",
    "lac.secrets": LAC + "secrets",
    "lac.hide_avps": LAC + "hide_avps",
    "lac.methods": LAC + "methods",
    "lac.caller_id": CALLS + "caller_id",
    "lac.nas_port_id": SENT + "nas_port_id",
    "lac.nas_port_type": SENT + "nas_port_type",
    "lac.tunnel_connection": SENT + "tunnel_connection",
    "lac.radius": LAC + "radius",
    "lac.max_tunnels": LAC + "max_tunnels",
    "lac.max_tunnels_per_lac": LAC + "max_tunnels_per_lac",
    "lac.max_sessions": LAC + "max_sessions",
    "lac.follow_port": "scenario/test_follow_port.py::test_follow_port",
    "lac.one_session_per_host": LAC + "one_session_per_host",
    "lac.use_ephemeral_port": "scenario/test_own_port.py::test_use_ephemeral_port",
    "lac.mtu": LAC + "mtu",
    "lac.proxy": "scenario/test_proxy.py::test_proxy_of_a_group",
    "lac.hello_interval_s": LAC + "hello_interval_s",
    "lac.receive_window": LAC + "receive_window",
    "lac.retransmit_initial_s": LAC + "retransmission",
    "lac.retransmit_cap_s": LAC + "retransmission",
    "lac.max_retransmissions": LAC + "retransmission",
    "lac.dataseq": DATA + "dataseq",
    "lac.reorder_timeout_s": DATA + "reorder_timeout",
    "lac.length_bit": DATA + "length_bit",
    "lac.priority_bit": DATA + "priority_bit",
    "lac.udp6_zero_checksum": "dataplane/test_bpf_down.py::test_no_sum_over_ipv6_where_none_is_wanted",
    "auth.methods": AUTH + "methods_are_offered_in_their_order",
    "auth.source": AUTH + "source",
    "auth.timeout_s": AUTH + "timeout_s_and_max_attempts",
    "auth.rechallenge_interval_s": "scenario/test_rechallenge.py::test_rechallenge_interval_s",
    "auth.max_attempts": AUTH + "timeout_s_and_max_attempts",
    "auth.single_session": ADMISSION + "one_user_twice",
    "auth.address_conflict": ADMISSION + "one_address_for_two_sessions",
    "realm.name": REALM + "name",
    "realm.radius": REALM + "radius",
    "realm.radius_accounting": REALM + "radius_accounting",
    "realm.strip": REALM + "strip",
    "lac.radius_accounting": REALM + "lac_radius_accounting",
    "lac.default_realm": REALM + "lac_default_realm",
    "radius.patience_s": RADIUS + "patience_s",
    "radius.nas_identifier": RADIUS + "nas_identifier",
    "radius.nas_ip_address": RADIUS + "nas_ip_address",
    "radius.nas_ipv6_address": SENT + "nas_ipv6_address",
    "radius.chargeable_user_identity": SENT + "chargeable_user_identity",
    "radius.access_timestamp": SENT + "access_timestamp",
    "radius.dictionaries": RUNTIME + "dictionaries",
    "radius.accounting": RADIUS + "accounting",
    "radius.access_line": CALLS + "access_line",
    "radius.tunnel_accounting": "scenario/test_tunnel_accounting.py::test_tunnel_accounting",
    "radius.ipv6_counters": SENT + "ipv6_counters",
    "radius.interim_min_s": RADIUS + "interim_min_s",
    "radius.interim_jitter": RADIUS + "interim_jitter",
    "radius.unsupported": "scenario/test_unsupported.py::test_unsupported",
    "radius.spool.drain_per_s": SPOOL + "drain_per_s",
    "radius.spool.max_records": SPOOL + "max_records_and_at_bound_refuse_calls",
    "radius.spool.at_bound": SPOOL + "at_bound_forget_oldest",
    "radius.spool.warn_records": SPOOL + "warn_records",
    "radius.spool.warn_age_s": SPOOL + "warn_age_s",
    "radius.spool.refuse_calls_at_risk": SPOOL + "refuse_calls_at_risk",
    "radius.spool.on_silence": SPOOL + "on_silence_and_silence_s",
    "radius.spool.silence_s": SPOOL + "on_silence_and_silence_s",
    "radius.server.address": RUNTIME + "server_address_and_ports",
    "radius.server.secret": RADIUS + "server_secret",
    "radius.server.secret_file": CREDENTIALS + "a_file_of_its_own_with_or_without_a_line_end",
    "radius.server.name": RADIUS + "server_name",
    "radius.server.group": RADIUS + "server_group",
    "radius.server.auth_port": RUNTIME + "server_address_and_ports",
    "radius.server.acct_port": RUNTIME + "server_address_and_ports",
    "radius.server.timeout_s": RADIUS + "server_timeout_s_and_max_tries",
    "radius.server.max_tries": RADIUS + "server_timeout_s_and_max_tries",
    "radius.server.fail_count": RADIUS + "server_fail_count",
    "radius.server.timeout_cap_s": RADIUS + "server_timeout_cap_s",
    "radius.server.dead_time_s": RADIUS + "server_dead_time_s",
    "radius.server.status_server": RADIUS + "server_status_server",
    "radius.server.probe_interval_s": RADIUS + "server_probe_interval_s",
    "radius.server.probe_answers": RADIUS + "server_probe_answers",
    "radius.server.weight": RADIUS + "server_weight_and_group_select",
    "radius.server.max_in_flight": RADIUS + "server_max_in_flight",
    "radius.group.name": RADIUS + "group_name",
    "radius.group.select": RADIUS + "server_weight_and_group_select",
    "radius.server.message_authenticator": RADIUS + "server_message_authenticator",
    "radius.server.source": RUNTIME + "server_source",
    "radius.server.transport": RADSEC + "transport_and_ports",
    "radius.server.tls_ca": RADSEC + "tls_ca",
    "radius.server.tls_certificate": RADSEC + "tls_certificate_and_tls_key",
    "radius.server.tls_key": RADSEC + "tls_certificate_and_tls_key",
    "radius.server.tls_name": RADSEC + "tls_name",
    "ppp.mru": PPP + "mru",
    "ppp.dns": PPP + "dns_and_nbns",
    "ppp.nbns": PPP + "dns_and_nbns",
    "ppp.echo_interval_s": PPP + "echo_interval_s_and_echo_failures",
    "ppp.echo_failures": PPP + "echo_interval_s_and_echo_failures",
    "ppp.restart_timer_s": PPP + "restart_timer_s_and_restart_cap_s_and_max_configure",
    "ppp.restart_cap_s": PPP + "restart_timer_s_and_restart_cap_s_and_max_configure",
    "ppp.max_configure": PPP + "restart_timer_s_and_restart_cap_s_and_max_configure",
    "ppp.max_terminate": PPP + "max_terminate",
    "ppp.max_failure": PPP + "max_failure",
    "ppp.acfc": PPP + "acfc_and_pfc",
    "ppp.pfc": PPP + "acfc_and_pfc",
    "radius.coa.listen": "runtime/test_coa.py::test_listen",
    "radius.coa.tls_listen": "runtime/test_coa_tls.py::test_tls_listen",
    "radius.coa.tls_ca": "runtime/test_coa_tls.py::test_tls_ca",
    "radius.coa.tls_certificate": "runtime/test_coa_tls.py::test_tls_certificate_and_tls_key",
    "radius.coa.tls_key": "runtime/test_coa_tls.py::test_tls_certificate_and_tls_key",
    "radius.coa.client.tls_name": "runtime/test_coa_tls.py::test_tls_name_of_a_client",
    "radius.coa.window_s": COA + "window_s",
    "radius.coa.several": COA + "several",
    "radius.coa.client.address": COA + "address_name_and_secret_of_a_client",
    "radius.coa.client.name": COA + "address_name_and_secret_of_a_client",
    "radius.coa.client.secrets": COA + "address_name_and_secret_of_a_client",
    "radius.coa.client.secret": CREDENTIALS + "one_secret_or_several",
    "radius.coa.client.secret_file": CREDENTIALS + "a_file_of_its_own_with_or_without_a_line_end",
    "radius.coa.client.message_authenticator": COA + "message_authenticator",
    "radius.coa.client.event_timestamp": COA + "event_timestamp",
    "pool.name": GRANT + "pool_name",
    "pool.ranges": GRANT + "pool_ranges",
    "pool.next": GRANT + "pool_next",
    "pool.hold_down_s": GRANT + "pool_hold_down_s",
    "pool.vrf": GRANT + "vrf",
    "pool.prefixes": RUNTIME + "pool_prefixes",
    "profile.name": AUTH + "profile_name",
    "user.name": AUTH + "user_name_and_password",
    "user.password": AUTH + "user_name_and_password",
    "user.password_file": CREDENTIALS + "a_file_of_its_own_with_or_without_a_line_end",
    "user.profile": AUTH + "user_profile_and_grant",
    "grant.address": GRANT + "address",
    "grant.pool": GRANT + "pool",
    "grant.vrf": GRANT + "vrf",
    "grant.session_timeout_s": GRANT + "session_timeout_s",
    "grant.idle_timeout_s": GRANT + "idle_timeout_s",
    "grant.interim_interval_s": GRANT + "interim_interval_s",
    "grant.dns": GRANT + "dns_and_nbns",
    "grant.nbns": GRANT + "dns_and_nbns",
    "grant.rate_up_bps": GRANT + "what_the_data_plane_is_told",
    "grant.rate_down_bps": GRANT + "what_the_data_plane_is_told",
    "grant.burst_up_octets": GRANT + "what_the_data_plane_is_told",
    "grant.burst_down_octets": GRANT + "what_the_data_plane_is_told",
    "grant.accept_client_address": GRANT + "accept_client_address",
    "grant.source_check": GRANT + "what_the_data_plane_is_told",
    "grant.mark": ROADS + "a_mark_is_there_both_ways",
    "grant.priority": ROADS + "a_class_of_the_lacs_interface_is_chosen_by_priority",
    "grant.prefix_length": GRANT + "prefix_length",
    "grant.routes": GRANT + "routes",
    "grant.framed_mtu": GRANT + "framed_mtu",
    "grant.idle_direction": GRANT + "idle_direction",
    "grant.at_session_timeout": "scenario/test_reauthentication.py::test_at_session_timeout",
    "grant.port_limit": GRANT + "port_limit",
    "grant.quota_octets": GRANT + "quotas",
    "grant.quota_up_octets": GRANT + "quotas",
    "grant.quota_down_octets": GRANT + "quotas",
    "grant.at_quota": "scenario/test_throttle.py::test_at_quota",
    "grant.quota_rate_up_bps": "scenario/test_throttle.py::test_at_quota",
    "grant.quota_rate_down_bps": "scenario/test_throttle.py::test_at_quota",
    "dataplane.backend": PLANE + "the_kernel_forwards_and_the_figures_say_so",
    "dataplane.interface": RUNTIME + "interface_and_local_address",
    "dataplane.local_address": PPP + "local_address",
    "dataplane.counter_interval_s": PPP + "counter_interval_s",
    "dataplane.clamp_mss": PPP + "clamp_mss",
    "dataplane.interfaces": PLANE + "interfaces_xdp_and_pin_dir",
    "dataplane.xdp": PLANE + "interfaces_xdp_and_pin_dir",
    "dataplane.pin_dir": PLANE + "interfaces_xdp_and_pin_dir",
    "metrics.listen": RUNTIME + "metrics_listen",
    "metrics.sessions": RUNTIME + "metrics_sessions",
    "admin.socket": RUNTIME + "admin_socket",
    "log.level": RUNTIME + "log_level",
    "log.format": RUNTIME + "log_format",
    "story.enabled": "unit/lns/test_notes.py::test_enabled_says_whether_anything_is_noted",
    "story.ended_per_user": "unit/telemetry/test_stories.py::test_ended_per_user_bounds_what_is_kept_of_one",
    "story.ended_total": "unit/telemetry/test_stories.py::test_who_was_up_and_who_failed_stand_on_different_shelves",
    "story.file": "runtime/test_explain.py::test_story_file",
    "story.file_octets": "unit/telemetry/test_story_file.py::test_file_octets_bounds_it",
    "state.directory": RESTART + "a_second_daemon_on_the_same_directory_is_refused",
    "state.on_stop": RESTART + "on_stop_keep_leaves_every_session",
    "state.checkpoint_s": "runtime/test_keeper.py::test_checkpoint_s_is_what_a_power_cut_takes",
}
"""Keys as in MANUAL.md, those of a profile under ``grant``; and the test, below tests/, that shows what each does."""


def _keys(model: type, path: str) -> Iterator[str]:
    """Yield the keys of a section of the model and of those in it; ``grant`` stands for every Grant."""
    hints = get_type_hints(model)
    for field in fields(model):
        below = next((one for one in _types(hints[field.name]) if is_dataclass(one) and one is not Listen), None)
        if below is Grant:
            continue
        name = f"{path}.{field.name}" if path else field.name
        if below is None:
            yield name
        else:
            yield from _keys(below, name)


def _types(hint: Any) -> Iterator[Any]:
    """Yield a type and all those that it is made of."""
    yield hint
    for part in get_args(hint):
        yield from _types(part)


def _credentials(sections: tuple[Section, ...]) -> Iterator[str]:
    """Yield the ways to give secrets, of which the model has one field each."""
    for section in sections:
        if section.credential:
            yield from (f"{section.name}.{key}" for key in section.credential.keys)
        yield from _credentials(section.inner)


OF_RADIUS = {f"grant.{name}" for name in RADIUS_ONLY}
KEYS = sorted({*_keys(Config, ""), *_keys(Grant, "grant"), *_credentials(SECTIONS)} - OF_RADIUS)


@cache
def _tests(path: str) -> dict[str, str]:
    """Return the source of each test in a file, decorators too."""
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[node.name] = "\n".join(lines[first - 1 : node.end_lineno])
    return found


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_a_test_of_its_effect(key: str) -> None:
    assert key in EFFECTS, f"{key} does nothing that a test shows: write one, and name it here"
    path, _, test = EFFECTS[key].partition("::")
    source = _tests(path).get(test)
    assert source is not None, f"{EFFECTS[key]} is not there any more"
    word = key.rpartition(".")[2]
    assert word.removesuffix("_file").rstrip("s") in source, f"{EFFECTS[key]} does not speak of {word}"


def test_no_key_is_named_that_is_not_there() -> None:
    assert set(EFFECTS) <= set(KEYS)


def test_a_new_key_would_be_seen() -> None:
    """The walk reaches keys at every depth."""
    assert {"lns.listen", "radius.server.timeout_s", "grant.vrf", "lac.secret_file", "state.on_stop"} <= set(KEYS)
    assert len(KEYS) > 90
