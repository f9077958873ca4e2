"""Numbered data messages as others send them; the ids are those of the capture.

`KERNEL`: what Linux 6.1's `l2tp_ppp` (pppd 2.4.9 above it) sent in a call whose ICCN requires sequence numbers:
tcpdump of `tests/interop/test_sequencing.py`, whole UDP payloads from the first data message on.

`NG_L2TP`: laid out by hand as FreeBSD's `ng_l2tp`, on which mpd5 runs, does with `set l2tp enable length` and
`dataseq`: flags, Length, ids, Ns, and an Nr that is not 0 but the next Ns that it expects (RFC 2661 section 3.1
has receivers ignore it).  Not captured.
"""

from __future__ import annotations

KERNEL = tuple(
    bytes.fromhex(octets)
    for octets in (
        "08020302283a00000000ff03c021010100100206000000000506d7451324",
        "08020302283a00010000ff03c02102010013010405b40305c223810506113caf79",
        "08020302283a00020000ff03c02109000008d7451324",
        "08020302283a00030000ff03c2230279003b31dbd82d0e76b0a7527b6dada26fc9c50a0000000000000000523934f74a349bda3e"
        "b6c8dac0624209aaedee110a9f536a007573657231",
        "08020302283a00040000ff03802101010016030600000000810600000000830600000000",
        "08020302283a00050000ff0380210201000a03060affff01",
        "08020302283a00060000ff03802101020010030600000000810600000000",
        "08020302283a00070000ff0380210103001003060a4000018106c6120102",
        "08020302283a00080000ff0300214500005400004000400169540a400001c61201020800f1ef02ec00011d73016b000000001b72"
        "0a0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
    )
)
NG_L2TP = (
    bytes.fromhex("4802001e0302283a00000000ff03c0210101000e010405b40506d7451324"),
    bytes.fromhex("480200180302283a00010003ff03c02109000008d7451324"),
)
