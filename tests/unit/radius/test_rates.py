import pytest

from bras.radius.draft import Senseless
from bras.radius.rates import Rate, cisco, isg, mikrotik, nokia


@pytest.mark.parametrize(
    ("text", "up", "down"),
    [
        ("5M/50M", Rate(5_000_000), Rate(50_000_000)),
        ("5M", Rate(5_000_000), Rate(5_000_000)),
        ("512k/2G", Rate(512_000), Rate(2_000_000_000)),
        ("64000/128000", Rate(64_000), Rate(128_000)),
        ("0/10M", Rate(0), Rate(10_000_000)),
        # Half again as fast until the average over 8 s has come to the threshold: 4M*8/8M = 4 s of 4M more.
        ("4M/10M 8M/10M 4M/10M 8/8", Rate(4_000_000, 2_000_000), Rate(10_000_000)),
        ("4M/10M 8M/40M", Rate(4_000_000, 250_000), Rate(10_000_000, 937_500)),
        ("4M/10M 8M/40M 2M/5M 16/10 5", Rate(4_000_000, 2_000_000), Rate(10_000_000, 4_687_500)),
        ("4M/10M 0/0 0/0 0/0 8 1M/2M", Rate(4_000_000), Rate(10_000_000)),
        ("1M/2M 2M 1M 8", Rate(1_000_000, 500_000), Rate(2_000_000)),
        # As queues are printed, with a unit of time and a priority each way.
        ("4M/10M 8M/10M 4M/10M 8s/8s 8/8", Rate(4_000_000, 2_000_000), Rate(10_000_000)),
        # 124 octets would be less than without a burst.
        ("256k/256k 257k/1M 256k/256k 1/8", Rate(256_000), Rate(256_000, 190_464)),
    ],
)
def test_a_mikrotik_rate_limit_begins_with_the_subscribers_upload(text, up, down):
    assert mikrotik(text) == (up, down)


@pytest.mark.parametrize(
    "text",
    ["", "x", "M", "1.5M", "-1", "5M/", "/5M", "5M/50M/1", "5M/50M 1 1 x", "1 1 1 1 9", "1 1 1 1 0", "1 1 1 1 8/9",
     "1 1 1 1s/x 8", "1 1 1 1 8 x", "1 1 1 1 8 1 1", "2000G", "5M /50M"],
)  # fmt: skip
def test_a_rate_limit_that_makes_no_sense(text):
    with pytest.raises(Senseless):
        mikrotik(text)


def test_cisco_rate_limit():
    words = ["8000000", "1500000", "3000000", "conform-action", "transmit", "exceed-action", "drop"]
    assert cisco(words) == Rate(8_000_000, 1_500_000)
    assert cisco(words[:3]) == Rate(8_000_000, 1_500_000)
    for wrong in (words[:2], [*words[:3], "conform-action", "transmit"], ["x", *words[1:]], [*words[:6], "transmit"]):
        with pytest.raises(Senseless):
            cisco(wrong)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("e:q:1:pir=2000,cir=1000", (False, False, Rate(2_000_000))),
        ("I:P:1:pir=512,mbs=64000", (True, False, Rate(512_000, 64_000))),
        ("e:r:rate=80000", (False, True, Rate(80_000_000))),
        ("i:a:root:rate=4000", (True, True, Rate(4_000_000))),
        ("e:s:gold:rate=max", (False, False, Rate(0))),
        ("e:q:1:pir=-2", None),
        ("e:q:1:cir=100", None),
    ],
)
def test_nokia_overrides(text, found):
    assert nokia(text) == found


@pytest.mark.parametrize(
    "text", ["e", "e:q", "x:q:1:pir=1", "e:z:1:pir=1", "e:q:1:pir", "e:q:1:pir=x", "e:q:1:2:pir=1"]
)
def test_an_override_that_makes_no_sense(text):
    with pytest.raises(Senseless):
        nokia(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("QU;512000;96000;192000;D;2048000;384000;768000", (Rate(512_000, 96_000), Rate(2_048_000, 384_000))),
        ("QU;512000;D;2048000;", (Rate(512_000), Rate(2_048_000))),
        ("QD;8000", (None, Rate(8_000))),
    ],
)
def test_isg(text, found):
    assert isg(text) == found


@pytest.mark.parametrize("text", ["", "QX", "QU", "QU;1;D", "QU;1;U;2", "QU;1;X;2", "QU;1;2;3;4", "QU;x"])
def test_isg_that_makes_no_sense(text):
    with pytest.raises(Senseless):
        isg(text)
