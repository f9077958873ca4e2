"""The values of WEN, SLI and Connect Speed Update AVPs."""

from __future__ import annotations

import pytest

from bras.l2tp.report import Accm, LineErrors, Reports, Speed
from tests.vectors.l2tp_extensions import speed_avp

ERRORS = bytes.fromhex("0000 00000001 00000002 00000003 00000004 00000005 00000006")


def test_call_errors_are_read_in_the_order_of_the_rfc() -> None:
    errors = LineErrors(crc=1, framing=2, hardware_overruns=3, buffer_overruns=4, timeouts=5, alignment=6)
    assert LineErrors.parse(ERRORS) == errors
    assert errors.build() == ERRORS


def test_an_accm_has_two_ways() -> None:
    assert Accm.parse(bytes.fromhex("0000 000a0000 ffffffff")) == Accm(0x000A0000, 0xFFFFFFFF)
    assert Accm(0x000A0000).build() == bytes.fromhex("0000 000a0000 ffffffff")


def test_speeds_are_as_wireshark_lays_them_out() -> None:
    speed = Speed(0x1234, 8_000_000, 640_000)
    assert speed.build() == speed_avp(0x1234, 8_000_000, 640_000)[6:]
    assert Speed.parse(speed.build() * 2) == [speed, speed]


def test_a_speed_that_32_bits_cannot_say_is_the_most_that_they_can() -> None:
    assert Speed(1, 1 << 40, 5).build() == bytes.fromhex("0000 0001 ffffffff 00000005")


@pytest.mark.parametrize("octets", [{}, {34: ERRORS}, {35: bytes(10)}, {34: ERRORS, 35: bytes(10)}])
def test_what_was_told_comes_back_as_it_was_saved(octets: dict[int, bytes]) -> None:
    reports = Reports()
    reports.take(octets)
    reports.speed_changes = 3
    again = Reports.restore(reports.save())
    assert (again.errors, again.accm, again.speed_changes) == (reports.errors, reports.accm, 3)
    assert (reports.errors is None) is (34 not in octets)
