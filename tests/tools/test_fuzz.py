"""The fuzzer begins with valid files, of the versions that are read today."""

from __future__ import annotations

import pytest

from tools.fuzz.readers import READERS


@pytest.mark.parametrize("name", ["model", "checkpoint", "names"])
def test_every_seed_is_a_valid_file(name: str) -> None:
    seeds = list(READERS[name].seeds())
    assert len(seeds) >= 2
    for seed in seeds:
        READERS[name].read(seed)
