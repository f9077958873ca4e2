"""Every kept input of every harness, without a fuzzer: what was found once stays mended."""

from __future__ import annotations

import pytest

from tests.fuzz import harness as base


@pytest.mark.parametrize("name", base.NAMES)
def test_the_corpus_finds_nothing(name: str) -> None:
    inputs = base.corpus(name)
    assert len(inputs) > 5, "a corpus that is no corpus"
    run = base.load(name).run
    for data in inputs:
        try:
            run(data)
        except Exception as wrong:  # noqa: BLE001  # whatever it is, the input that brings it about is told
            pytest.fail(f"{name} {data.hex()}: {type(wrong).__name__} {wrong}", pytrace=True)
