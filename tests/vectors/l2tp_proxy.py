"""ICCNs of LACs that have negotiated with the client themselves (RFC 2661 section 4.4.5).

Source: octets put together by a script of its own from the layouts of RFC 2661 sections 3.1,
4.1, 4.3 and 4.4.5 and RFC 1661 section 6; it shares no code with us.  Whole UDP payloads for
tunnel 1, session 1, Ns 3, Nr 2.  The client is user1 with the password "pass", unless said.
"""

from __future__ import annotations

LAST_SENT_CHAP = bytes.fromhex("010405b40305c223050506a1b2c3d4")
"""MRU 1460, CHAP with MD5, magic number a1b2c3d4."""
LAST_SENT_PAP = bytes.fromhex("010405d40304c0230506a1b2c3d4")
"""MRU 1492, PAP, magic number a1b2c3d4."""
LAST_RECEIVED = bytes.fromhex("010405b405061122334407020802")
"""MRU 1460, magic number 11223344, both compressions."""
CHALLENGE = bytes(range(0x30, 0x40))
IDENTIFIER = 0x2A
RESPONSE = bytes.fromhex("885399fa1a22382e6d2543cf9eacc77c")
"""MD5 of identifier, "pass" and challenge (RFC 1994 section 4.1)."""

CHAP = bytes.fromhex(
    "c80200ac0001000100030002800800000000000c800a0000001805f5e100800a000000130000000100140000001a010405b4"
    "0506112233440702080200150000001b010405b40305c223050506a1b2c3d400140000001c010405b4050611223344070208"
    "0200080000001d0002000b0000001e757365723100160000001f303132333435363738393a3b3c3d3e3f000800000020002a"
    "001600000021885399fa1a22382e6d2543cf9eacc77c"
)
"""All of AVPs 26 to 33, Proxy Authen Type 2."""
PAP = bytes.fromhex(
    "c80200750001000100030002800800000000000c800a0000001805f5e100800a000000130000000100140000001b010405d4"
    "0304c0230506a1b2c3d400140000001c010405b40506112233440702080200080000001d0003000b0000001e757365723100"
    "08000000200007000a0000002170617373"
)
"""Proxy Authen Type 3, identifier 7, without a challenge."""
HIDDEN = bytes.fromhex(
    "c802009c0001000100030002800800000000000c800a0000001805f5e100800a000000130000000100140000001b010405d4"
    "0304c0230506a1b2c3d400140000001c010405b405061122334407020802801600000024000102030405060708090a0b0c0d"
    "0e0f00080000001d0003000b0000001e75736572310008000000200007401b0000002121d242433adca5add0bfe3919ca4c3"
    "ebf6fc549533"
)
"""The same with the password "opensesame", hidden with the tunnel's secret "tunsecret" (section 4.3)."""
OSVBNG = bytes.fromhex(
    "c80200c00001000100030002800800000000000c800a0000001805f5e100800a000000130000000180200000002200000000"
    "000000000000000000000000000000000000000000008010000000230000000000000000000080150000001b010405b40305"
    "c223050506a1b2c3d480140000001c010405b40506112233440702080200080000001d0002000b0000001e75736572310016"
    "0000001f303132333435363738393a3b3c3d3e3f001600000021885399fa1a22382e6d2543cf9eacc77c"
)
"""As osvbng's LAC builds it (pkg/l2tp/messages.go, BuildICCN): the M bit on the LCP AVPs, Call Errors
and ACCM among them, and no Proxy Authen ID."""

WHOLE_SENT = bytes([1, 2, 0, 18, 1, 4, 0x0F, 0xFB, 5, 6, 0x7D, 0xD4, 0x05, 0xE0, 7, 2, 8, 2])
WHOLE_RECEIVED = bytes([1, 1, 0, 18, 1, 4, 0x05, 0x79, 3, 4, 0xC0, 0x23, 5, 6, 0xDE, 0xAD, 0xBE, 0xEF])
"""What a LAC puts into AVPs 27 and 28 that does not leave the packet's header out, as it must.

Values of the test of such a LAC (TestBuildICCNProxyAVPFlags, hysteria@as30265.net), which also
takes the two for one another: what it calls received asks for PAP.
"""
